"""The guide's clicks lead where they should; tests/system follows them on the booted appliance."""

import pytest
from playwright.sync_api import expect

from harness import guide
from harness.webui import WebUi
from tests.browser.conftest import Visit
from tests.image.servers import FrontEnd

POOL = (guide.Server("FE-1", "192.168.10.31"), guide.Server("FE-2", "192.168.10.32"))


@pytest.mark.parametrize("javascript", [True, False], ids=["with scripts", "without scripts"])
def test_the_guide_followed_click_by_click_balances_the_pool(
    visit: Visit, front_ends: dict[str, FrontEnd], javascript: bool
) -> None:
    page = visit(javascript=javascript, login=False)
    ui = WebUi(page)
    guide.open_webui(ui, page, "a password of our own")
    guide.set_gateway(ui)
    guide.set_names(ui)
    guide.set_time_outs(ui)
    guide.add_service(ui)
    guide.add_servers(ui, POOL)
    guide.restart_haproxy(ui)
    expect_pool_up(ui)


def test_the_assistant_does_the_same_in_one_form(ui: WebUi, front_ends: dict[str, FrontEnd]) -> None:
    guide.use_assistant(ui, POOL)
    expect_pool_up(ui)


def expect_pool_up(ui: WebUi) -> None:
    """Both front ends are up on the overview."""
    ui.overview()
    for server in POOL:
        expect(ui.row(server.label)).to_contain_text(server.address)
        expect(ui.health(server.label)).to_have_text("up")
