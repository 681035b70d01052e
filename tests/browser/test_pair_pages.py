"""Two appliances in the browser: paired by the clicks of the guide's appendix 1, and every page of both."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from harness import guide
from harness.browser import NARROW, WIDE, Complaints, chromium, log_in, visitor
from harness.webui import WebUi
from tests.browser.conftest import PAGE_S, PASSWORD, USER
from tests.browser.crawling import crawl
from tests.image.conftest import software
from tests.image.nodes import Node, appliances
from tests.image.pairs import SERVICE, is_settled, is_single, pair_up, view
from tests.image.servers import wait_until

__all__ = ["software"]

SETTLED_S = 60.0


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory, software: Path) -> Iterator[tuple[Node, Node]]:
    """lb1 and lb2, for all tests here."""
    with appliances(tmp_path_factory.mktemp("nodes"), software, 21, 22) as (one, other):
        one.rest("POST", "/layer7/virtual-services", SERVICE)
        # A machine that runs browsers may stand still for longer than a quick slave waits.
        one.rest("PATCH", "/ha", {"sensitivity": "tolerant"})
        yield one, other


@pytest.fixture(scope="module")
def browser(both: tuple[Node, Node]) -> Iterator[Browser]:
    """Chromium on the nodes' networks."""
    expect.set_options(timeout=PAGE_S * 1000)
    with chromium() as running:
        yield running


@pytest.fixture
def nodes(both: tuple[Node, Node]) -> Iterator[tuple[Node, Node]]:
    """The two, unpaired; and unpaired again when the test is over."""
    yield both
    for node in both:
        node.rest("DELETE", "/pair")
    wait_until(lambda: all(is_single(node) for node in both), SETTLED_S, "both are single")


@contextmanager
def at(
    browser: Browser, node: Node, size: tuple[int, int] = WIDE, *, javascript: bool = True
) -> Iterator[Page]:
    """An administrator who has logged in to a node."""
    url = f"https://{node.address}:9443"
    with visitor(browser, url, size=size, javascript=javascript, timeout_s=PAGE_S) as context:
        complaints = Complaints(context)
        page = context.new_page()
        log_in(page, USER, PASSWORD)
        yield page
        assert complaints.found == []


@pytest.mark.parametrize("javascript", [True, False], ids=["with scripts", "without scripts"])
def test_the_appendix_followed_click_by_click_makes_a_pair(
    browser: Browser, nodes: tuple[Node, Node], javascript: bool
) -> None:
    one, other = nodes
    with at(browser, one, javascript=javascript) as page:
        ui, roles = WebUi(page), page.get_by_role("row", name="Role")
        guide.create_pair(ui, other.address, PASSWORD)
        if not javascript:
            wait_until(lambda: page.reload() and page.get_by_text("as soon as heartbeat").count(), SETTLED_S)
        guide.restart_heartbeat(ui)
        wait_until(lambda: is_settled(one, other), SETTLED_S, "the pair has settled")
        wait_until(lambda: page.reload() and "Slave" in roles.inner_text(), SETTLED_S, "the page says so")
        expect(page.locator("header .role")).to_have_text("Master")
        ui.click("Remove node")
        ui.click("Remove node")
        ui.done("left the pair")
        expect(ui.button("Add new node")).to_be_visible()


def test_a_wrong_password_is_told_and_the_form_is_as_it_was(
    browser: Browser, nodes: tuple[Node, Node]
) -> None:
    one, other = nodes
    with at(browser, one) as page:
        ui = WebUi(page)
        ui.menu(guide.CLUSTER, guide.HIGH_AVAILABILITY)
        ui.fill("IP address of new peer", other.address)
        ui.fill("Password for *loadbalancer* user on peer", "Winterschlaf-3")
        ui.click("Add new node")
        expect(page.get_by_role("alert").filter(has_text="does not take the password")).to_be_visible()
        expect(ui.field("IP address of new peer")).to_have_value(other.address)
        expect(ui.field("Password for *loadbalancer* user on peer")).to_have_value("")


@pytest.mark.parametrize(
    "size", [pytest.param(WIDE, id="1280"), pytest.param(NARROW, id="800", marks=pytest.mark.nightly)]
)
def test_every_page_of_master_and_slave_answers_fits_and_explains_its_fields(
    browser: Browser, nodes: tuple[Node, Node], size: tuple[int, int]
) -> None:
    one, other = nodes
    pair_up(one, other)
    for node, folder, peer in ((one, "master", other), (other, "slave", one)):
        with at(browser, node, size) as page:
            assert page.locator("header .role").inner_text().lower() == folder, view(node)["failovers"]
            found = crawl(page, folder, peer.address)
        assert len(found) > 30
        assert {path: problems for path, problems in found.items() if problems} == {}
