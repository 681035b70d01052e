"""What refreshes itself: it says when it can't, and takes nothing out of the hands of who works with it."""

from playwright.sync_api import Page, Route, expect

from harness.appliance import SERVICE_LABEL
from lbadmin.client import Client
from tests.browser.conftest import Visit
from tests.image.servers import FrontEnd

LIVE = "**/lbadmin/overview/live"
STATE = "**/lbadmin/overview/state"


def refreshed(page: Page) -> None:
    """Wait until the live part has been asked for and put in its place."""
    page.evaluate("document.querySelector('#live dl').id = 'old'")
    expect(page.locator("#old")).to_have_count(0)


def test_a_page_that_can_not_refresh_itself_says_so_until_it_can(
    pool: dict[str, FrontEnd], visit: Visit
) -> None:
    page = visit(complains=True)
    notice = page.get_by_role("alert").filter(has_text="may be out of date")
    expect(notice).to_be_hidden()
    page.route(LIVE, lambda route: route.fulfill(status=503, body=""))
    expect(notice).to_be_visible()
    page.unroute(LIVE)
    expect(notice).to_be_hidden()


def test_a_button_that_was_not_heard_says_so(pool: dict[str, FrontEnd], visit: Visit, api: Client) -> None:
    page = visit(complains=True)
    page.route(STATE, lambda route: route.abort())
    page.get_by_role("button", name="Halt FE-1", exact=True).click()
    expect(page.get_by_role("alert").filter(has_text="may not have been carried out")).to_be_visible()


def test_why_a_button_was_refused_stays_to_be_read(
    pool: dict[str, FrontEnd], visit: Visit, api: Client
) -> None:
    page = visit(complains=True)
    page.route(LIVE, lambda route: route.abort())
    api.call("DELETE", f"/layer7/virtual-services/{SERVICE_LABEL}/real-servers/FE-2")
    page.get_by_role("button", name="Halt FE-2", exact=True).click()
    told = page.get_by_role("alert").filter(has_text="FE-2")
    expect(told).to_be_visible()
    page.unroute(LIVE)
    refreshed(page)
    expect(told).to_be_visible()
    page.get_by_role("button", name="Drain FE-1", exact=True).click()
    expect(told).to_have_count(0)


def test_a_refresh_keeps_the_focus_on_links_too(pool: dict[str, FrontEnd], page: Page) -> None:
    for link in ("FE-1", SERVICE_LABEL, "Change password"):
        here = page.locator("main").get_by_role("link", name=link, exact=True)
        here.focus()
        refreshed(page)
        expect(here).to_be_focused()


def test_the_focus_stays_on_the_same_button_whatever_the_labels(page: Page, api: Client) -> None:
    for service, server, host in (("a", "b-c", 1), ("a-b", "c", 2)):
        servers = [{"label": server, "ip": f"192.168.10.3{host}"}]
        body = {"label": service, "ip": f"192.168.10.4{host}", "ports": "5060", "real_servers": servers}
        api.call("POST", "/layer7/virtual-services", body)
    button = page.get_by_role("button", name="Halt c", exact=True)
    button.focus()
    refreshed(page)
    expect(button).to_be_focused()


def test_a_click_is_not_lost_to_a_refresh(pool: dict[str, FrontEnd], page: Page, api: Client) -> None:
    button = page.get_by_role("button", name="Drain FE-1", exact=True)
    button.hover()
    page.mouse.down()
    with page.expect_response(LIVE):
        pass
    page.mouse.up()
    expect(page.get_by_role("button", name="Drain FE-1", exact=True, pressed=True)).to_be_visible()


def test_a_refresh_leaves_a_wide_table_where_it_was_scrolled_to(visit: Visit, api: Client) -> None:
    servers = [{"label": "F" * 63, "ip": "192.168.10.31"}]
    body = {"label": "S" * 63, "ip": "192.168.10.30", "ports": "5060", "real_servers": servers}
    api.call("POST", "/layer7/virtual-services", body)
    page = visit((500, 900))
    place = ".scroll:has(table.overview)"
    page.eval_on_selector(place, "each => each.scrollLeft = 150")
    refreshed(page)
    assert page.eval_on_selector(place, "each => each.scrollLeft") == 150


def test_a_page_that_nobody_sees_asks_for_nothing(pool: dict[str, FrontEnd], page: Page) -> None:
    asked: list[str] = []

    def count(route: Route) -> None:
        asked.append(route.request.url)
        route.continue_()

    page.evaluate("Object.defineProperty(document, 'hidden', {get: () => window.unseen})")
    page.evaluate("window.unseen = true")
    page.route(LIVE, count)
    with page.expect_response("**/lbadmin/messages"):
        pass
    assert asked == []
    page.evaluate("window.unseen = false")
    refreshed(page)
    assert asked
