"""The website in Debian's Chromium, before the daemons that ship. Needs what tests/image needs, and chromium.

What a page complains of behind the scenes (console, failed requests, Content-Security-Policy) fails its test.
"""

import re
import subprocess
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from harness.appliance import SERVICE_LABEL
from harness.browser import WIDE, Complaints, chromium, log_in, visitor
from harness.state import REPOSITORY
from harness.webui import WebUi
from lbadmin.client import Client
from tests.image.conftest import appliance, daemon, front_ends, own_network, say, website
from tests.image.servers import FrontEnd, wait_until

__all__ = ["appliance", "daemon", "front_ends", "own_network", "say", "website"]

REPORT = REPOSITORY / "build" / "report"
USER, PASSWORD = "loadbalancer", "loadbalancer"
PAGE_S = 15.0
DESK = "192.168.2.100"

Visit = Callable[..., Page]
"""Opens a browser of its own (size=, javascript=, login=, complains=); its page has logged in unless told
not to. One that `complains` is allowed to: its test makes requests fail."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keep what the page looked like when a test fails."""
    outcome = yield
    page = getattr(item, "funcargs", {}).get("page")
    if outcome.when == "call" and outcome.failed and isinstance(page, Page):
        name = re.sub(r"[^\w.-]+", "_", item.name)
        path = REPORT / "browser" / f"{name}.png"
        page.screenshot(path=path, full_page=True)
        outcome.sections.append(("page", f"{page.url}: {path}"))
    return outcome


@pytest.fixture(scope="module")
def browser(own_network: None) -> Iterator[Browser]:
    expect.set_options(timeout=PAGE_S * 1000)
    with desk() as pid, chromium(lambda argv: ["nsenter", f"--net=/proc/{pid}/ns/net", *argv]) as running:
        yield running


@contextmanager
def desk() -> Iterator[int]:
    """The administrator's computer, at the other end of the appliance's wire: a process in its network.

    On the appliance's own network Chromium would break off what it loads whenever keepalived brings an
    address (ERR_NETWORK_CHANGED), as it does when a notebook changes from one network to another.
    """
    with subprocess.Popen(["unshare", "--net", "sleep", "infinity"]) as holder:
        try:
            network = Path(f"/proc/{holder.pid}/ns/net")
            ours = Path("/proc/thread-self/ns/net").readlink()
            wait_until(lambda: network.readlink() != ours, what="the desk has a network of its own")
            subprocess.run(["ip", "link", "set", "wire", "netns", str(holder.pid)], check=True)
            there = ["nsenter", f"--net={network}"]
            for words in (
                "link set lo up",
                f"addr add {DESK}/24 dev wire",
                # IPv6 would give itself an address a second after Chromium has begun.
                "link set wire addrgenmode none",
                "link set wire up",
            ):
                subprocess.run([*there, "ip", *words.split()], check=True)
            show = [*there, "ip", "link", "show", "dev", "wire"]
            wait_until(lambda: b"state UP" in subprocess.check_output(show), what="the desk's link is up")
            yield holder.pid
        finally:
            holder.terminate()


@pytest.fixture
def visit(browser: Browser, website: int) -> Iterator[Visit]:
    """Administrators before computers of their own."""
    with ExitStack() as stack:

        @contextmanager
        def one(size: tuple[int, int], *, javascript: bool, login: bool, complains: bool) -> Iterator[Page]:
            url = f"https://192.168.2.21:{website}"
            with visitor(browser, url, size=size, javascript=javascript, timeout_s=PAGE_S) as context:
                complaints = Complaints(context)
                page = context.new_page()
                if login:
                    log_in(page, USER, PASSWORD)
                yield page
                assert complains or complaints.found == []

        def visit(
            size: tuple[int, int] = WIDE,
            *,
            javascript: bool = True,
            login: bool = True,
            complains: bool = False,
        ) -> Page:
            return stack.enter_context(one(size, javascript=javascript, login=login, complains=complains))

        yield visit


@pytest.fixture
def page(visit: Visit) -> Page:
    """An administrator who has logged in."""
    return visit()


@pytest.fixture
def ui(page: Page) -> WebUi:
    """What the administrator does on the page."""
    return WebUi(page)


@pytest.fixture
def api(daemon: str) -> Client:
    """The console's way to lbadmind, beside the browser."""
    return Client(daemon)


@pytest.fixture
def pool(api: Client, front_ends: dict[str, FrontEnd]) -> dict[str, FrontEnd]:
    """Two front ends behind the guide's address, checked so often that tests need not wait."""
    servers = [{"label": "FE-1", "ip": "192.168.10.31"}, {"label": "FE-2", "ip": "192.168.10.32"}]
    check = {"check_ports": 5061, "interval_ms": 300, "rise": 1, "fall": 1}
    api.call(
        "POST",
        "/layer7/virtual-services",
        {
            "label": SERVICE_LABEL,
            "ip": "192.168.10.30",
            "ports": "5060,5061",
            "health_check": check,
            "real_servers": servers,
        },
    )
    return front_ends
