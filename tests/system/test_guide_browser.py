"""A newcomer with a browser and the guide: sections 7 and 8, then what our own guide shows beyond them.

Each step leaves its picture in build/docs/steps; `make docs` puts them into our guide.
"""

import functools
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Page, expect

from harness import guide
from harness.appliance import FACTORY_LOGIN, HTTPS_PORT, Appliance
from harness.browser import PAGE_S, Complaints, chromium, log_in, visitor
from harness.clients import SIP_TCP_PORT, SIP_TLS_PORT, OcsClient, clients
from harness.deadline import Deadline
from harness.lab import Lab
from harness.pair import SECONDARY, credentials_of
from harness.pictures import STEPS, Pictures
from harness.webui import WebUi
from tests.system.conftest import BOOT_S, IMAGE

PASSWORD = "a password of our own"
PICTURE_SIZE = (1180, 800)
"""CSS pixels: as large as a page of a book can show legibly."""


@pytest.fixture(scope="module")
def pictures() -> Pictures:
    made = Pictures(STEPS)
    made.begin()
    return made


@pytest.fixture(scope="module")
def browser(lab: Lab) -> Iterator[Browser]:
    """Chromium on the client's computer in the lab."""
    expect.set_options(timeout=PAGE_S * 1000)
    with chromium(functools.partial(lab.inside.argv, "client")) as running:
        yield running


@contextmanager
def visiting(browser: Browser, appliance: Appliance) -> Iterator[Page]:
    """A browser's page before an appliance, with nothing to complain of."""
    url = f"https://{appliance.machine.address}:{HTTPS_PORT}"
    with visitor(browser, url, size=PICTURE_SIZE, scale=1.5) as context:
        complaints = Complaints(context)
        yield context.new_page()
        assert complaints.found == []


@pytest.fixture
def page(browser: Browser, fresh: Appliance) -> Iterator[Page]:
    with visiting(browser, fresh) as made:
        yield made


def front_ends(lab: Lab) -> list[guide.Server]:
    return [guide.Server(front_end.name, str(front_end.address)) for front_end in lab.front_ends]


def expect_pool_balanced(lab: Lab, ui: WebUi) -> None:
    """Both front ends are up on the overview, without reloading it, and both serve clients on SIP's ports."""
    ui.overview()
    for front_end in lab.front_ends:
        expect(ui.health(front_end.name)).to_have_text("up")
    for port in (SIP_TCP_PORT, SIP_TLS_PORT):
        assert {client.register(port) for client in clients(lab, 6)} == {each.name for each in lab.front_ends}


def test_a_newcomer_with_nothing_but_the_guide_balances_a_pool(
    lab: Lab, fresh: Appliance, page: Page, pictures: Pictures
) -> None:
    ui = WebUi(page, pictures)
    guide.open_webui(ui, page, PASSWORD)
    guide.join_service_network(ui)
    guide.set_gateway(ui)
    guide.set_names(ui)
    guide.set_time_outs(ui)
    guide.add_service(ui)
    guide.add_servers(ui, front_ends(lab))
    guide.restart_haproxy(ui)
    expect_pool_balanced(lab, ui)
    ui.picture("overview-up")


def test_the_assistant_does_the_same_and_the_pool_is_kept_in_order(
    lab: Lab, fresh: Appliance, page: Page, pictures: Pictures
) -> None:
    """What our guide shows beyond the other one: assistant, drain, backup and history."""
    user, factory_password = FACTORY_LOGIN
    fresh.join_service_network()
    fresh.call("PUT", f"/users/{user}/password", {"current": factory_password, "new": PASSWORD})
    ui = WebUi(page, pictures)
    log_in(page, user, PASSWORD)
    guide.use_assistant(ui, front_ends(lab))
    expect_pool_balanced(lab, ui)
    page.get_by_role("button", name="Drain FE-1", exact=True).click()
    expect(ui.health("FE-1")).to_have_text("drain")
    ui.picture("drain", ui.row("FE-1"))
    assert {OcsClient(lab, f"192.168.10.{octet}").register() for octet in range(200, 206)} == {"FE-2"}
    ui.menu("Maintenance", "Backup & Restore")
    ui.picture("backup")
    with page.expect_download() as download:
        ui.click("Download Backup")
    guide.delete_service(ui)
    ui.menu("Maintenance", "Backup & Restore")
    ui.field("Backup File").set_input_files(download.value.path())
    ui.click("Check Backup")
    page.get_by_role("heading", name="Restore this backup?").wait_for()
    ui.picture("restore")
    ui.click("Restore")
    ui.done("restored")
    ui.menu("View Configuration", "Change History")
    ui.picture("history")
    assert OcsClient(lab, "192.168.10.210").wait_until_served(Deadline(30)) == "FE-2", "drained, as it was"


@pytest.fixture
def second(lab: Lab) -> Iterator[Appliance]:
    """A second appliance beside the first: up, with its own network settings."""
    machine = lab.add_machine(SECONDARY, IMAGE, credentials=credentials_of(SECONDARY))
    machine.power_on()
    appliance = Appliance(lab, machine)
    appliance.wait_until_up(Deadline(BOOT_S))
    appliance.join_service_network()
    yield appliance
    appliance.http.close()
    machine.power_off()


def test_a_second_appliance_is_added_as_the_appendix_says_and_takes_over(
    lab: Lab, balancing: Appliance, second: Appliance, browser: Browser, pictures: Pictures
) -> None:
    version = balancing.get("/status")["node"]["version"]
    user, factory_password = FACTORY_LOGIN
    balancing.call("PATCH", "/node", {"hostname": guide.HOSTNAME})
    # A browser on a busy host must not look like a master that has failed.
    balancing.call("PATCH", "/ha", {"sensitivity": "tolerant"})
    balancing.call("PUT", f"/users/{user}/password", {"current": factory_password, "new": PASSWORD})
    with visiting(browser, balancing) as page:
        ui = WebUi(page, pictures)
        log_in(page, user, PASSWORD)
        guide.create_pair(ui, second.machine.address, factory_password)
        guide.restart_heartbeat(ui)
        expect(page.locator("#pair").get_by_role("row", name="Role")).to_have_text("RoleMasterSlave")
        ui.picture("pair-complete")
    with visiting(browser, second) as page:
        ui = WebUi(page)
        log_in(page, user, factory_password)
        expect(page.locator("header .role")).to_have_text("Slave")
        ui.menu(guide.CLUSTER, guide.HIGH_AVAILABILITY)
        ui.click("Take over")
        ui.click("Take over")
        ui.done("This node is the master now")
    assert OcsClient(lab, "192.168.10.220").wait_until_served(Deadline(30)) in {"FE-1", "FE-2"}
    pictures.finish(version)
