"""The guide's clicks lead where they should; tests/system follows them on the booted appliance."""

from playwright.sync_api import Page, expect

from harness import guide
from harness.webui import WebUi
from tests.image.servers import FrontEnd

SERVERS = (guide.Server("FE-1", "192.168.10.31"), guide.Server("FE-2", "192.168.10.32"))


def test_the_guide_followed_click_by_click_balances_the_pool(
    page: Page, front_ends: dict[str, FrontEnd]
) -> None:
    ui = WebUi(page)
    guide.set_time_outs(ui)
    guide.add_service(ui)
    guide.add_servers(ui, SERVERS)
    page.get_by_text("System Overview").click()
    for server in SERVERS:
        row = page.get_by_role("row").filter(has_text=server.address)
        expect(row.locator(".health")).to_have_text("up")
