"""The website in Debian's Chromium, before the daemons that ship. Needs what tests/image needs, and chromium.

What a page complains of behind the scenes (console, failed requests, Content-Security-Policy) fails its test.
"""

import re
from collections.abc import Generator, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from harness.browser import Complaints, chromium, log_in, visitor
from harness.state import REPOSITORY
from tests.image.conftest import appliance, daemon, front_ends, own_network, website

__all__ = ["appliance", "daemon", "front_ends", "own_network", "website"]

REPORT = REPOSITORY / "build" / "report"
USER, PASSWORD = "loadbalancer", "loadbalancer"
PAGE_S = 15.0


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


@pytest.fixture(scope="package")
def browser(own_network: None) -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture
def site(website: int) -> str:
    """The address of the native website."""
    return f"https://127.0.0.1:{website}"


@pytest.fixture
def context(browser: Browser, site: str) -> Iterator[BrowserContext]:
    """An administrator's browser that has not logged in."""
    with visitor(browser, site, timeout_s=PAGE_S) as made:
        complaints = Complaints(made)
        yield made
        assert complaints.found == []


@pytest.fixture
def page(context: BrowserContext) -> Page:
    """An administrator who has logged in."""
    made = context.new_page()
    log_in(made, USER, PASSWORD)
    return made
