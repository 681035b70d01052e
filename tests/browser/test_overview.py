"""The System Overview: what happens shows while one looks, and its buttons do what they say."""

import pytest
from playwright.sync_api import Page, expect

from harness.appliance import SERVICE_LABEL
from harness.webui import WebUi
from lbadmin.client import Client
from tests.browser.conftest import Visit
from tests.image.servers import FrontEnd


def test_health_changes_while_one_looks_and_the_focus_stays(
    ui: WebUi, page: Page, pool: dict[str, FrontEnd]
) -> None:
    page.evaluate("window.loadedOnce = true")
    button = page.get_by_role("button", name="Drain FE-2", exact=True)
    expect(ui.health("FE-1")).to_have_text("up")
    button.focus()
    pool["FE-1"].stop()
    expect(ui.health("FE-1")).to_have_text("down")
    expect(ui.health(SERVICE_LABEL)).to_have_text("up")
    expect(button).to_be_focused()
    pool["FE-1"].start()
    expect(ui.health("FE-1")).to_have_text("up")
    assert page.evaluate("window.loadedOnce"), "the page was loaded anew"


@pytest.mark.parametrize("javascript", [True, False], ids=["with scripts", "without scripts"])
def test_buttons_drain_halt_and_bring_back_a_server_and_a_whole_service(
    visit: Visit, pool: dict[str, FrontEnd], api: Client, javascript: bool
) -> None:
    page = visit(javascript=javascript)
    ui = WebUi(page)
    expect(ui.row("FE-1")).to_be_visible()

    def press(name: str) -> None:
        page.get_by_role("button", name=name, exact=True).click()
        pressed = page.get_by_role("button", name=name, exact=True, pressed=True)
        expect(pressed).to_be_visible()

    press("Drain FE-1")
    assert states(api) == {"FE-1": "drain", "FE-2": "online"}
    press("Halt FE-1")
    assert states(api) == {"FE-1": "halt", "FE-2": "online"}
    press(f"Halt all of {SERVICE_LABEL}")
    assert states(api) == {"FE-1": "halt", "FE-2": "halt"}
    press(f"Online all of {SERVICE_LABEL}")
    assert states(api) == {"FE-1": "online", "FE-2": "online"}


def states(api: Client) -> dict[str, str]:
    """Return the state of each real server as it is configured."""
    servers = api.call("GET", f"/layer7/virtual-services/{SERVICE_LABEL}")["real_servers"]
    return {server["label"]: server["state"] for server in servers}
