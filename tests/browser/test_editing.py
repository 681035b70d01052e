"""Forms: what is wrong stands at its field, nothing typed is lost, and nobody is overwritten unseen."""

import pytest
from playwright.sync_api import Page, expect

from harness.appliance import SERVICE_LABEL
from harness.guide import CLUSTER, SERVERS, SERVICES
from harness.webui import WebUi
from lbadmin.client import Client
from tests.browser.conftest import Visit
from tests.image.servers import FrontEnd

NAME = "each => (each.ariaLabel ?? (each.labels?.[0] ?? each).textContent).trim()"
"""Returns what an element is called."""


def test_an_error_stands_at_its_field_and_what_was_typed_stays(ui: WebUi, api: Client) -> None:
    ui.menu(CLUSTER, SERVICES)
    ui.click("Add a New Virtual Service")
    ui.fill("Label", SERVICE_LABEL)
    ui.fill("Virtual Service IP Address", "192.168.10.30")
    ui.fill("Ports", "5060,70000")
    ui.click("Update")
    field = ui.field("Ports")
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_have_accessible_description("Port 70000 of OCS-Front-End is not between 1 and 65535.")
    expect(field).to_have_value("5060,70000")
    expect(ui.field("Label")).to_have_value(SERVICE_LABEL)
    assert api.call("GET", "/layer7/virtual-services")["virtual_services"] == []
    ui.fill("Ports", "5060")
    ui.click("Update")
    ui.done(SERVICE_LABEL)


def test_an_error_in_a_folded_part_unfolds_it(ui: WebUi, pool: dict[str, FrontEnd]) -> None:
    ui.menu(CLUSTER, SERVICES)
    ui.click("Modify", beside=SERVICE_LABEL)
    ui.click("Advanced", within="Health Checks")
    ui.fill("Check Port", "none")
    ui.click("Update")
    expect(ui.field("Check Port")).to_be_visible()
    expect(ui.field("Check Port")).to_have_attribute("aria-invalid", "true")


def test_the_second_of_two_administrators_is_shown_what_the_first_one_did(
    page: Page, visit: Visit, pool: dict[str, FrontEnd], api: Client
) -> None:
    first, second = WebUi(page), WebUi(visit())
    for ui in (first, second):
        ui.menu(CLUSTER, SERVERS)
        ui.row("FE-1").get_by_text("Modify").click()
    first.fill("Weight", "50")
    first.click("Update")
    first.done("FE-1")
    second.fill("Weight", "200")
    second.click("Update")
    change = second.row("Weight")
    expect(change).to_contain_text("50")
    expect(change).to_contain_text("200")
    assert weight(api) == 50, "overwritten unseen"
    second.click("Update")
    second.done("FE-1")
    assert weight(api) == 200


def weight(api: Client) -> int:
    """Return the weight of FE-1."""
    server = api.call("GET", f"/layer7/virtual-services/{SERVICE_LABEL}/real-servers/FE-1")
    return int(server["weight"])


def test_what_is_deleted_is_asked_for_first(ui: WebUi, pool: dict[str, FrontEnd], api: Client) -> None:
    ui.menu(CLUSTER, SERVERS)
    ui.row("FE-2").get_by_text("Delete").click()
    ui.click("Cancel")
    ui.row("FE-2").get_by_text("Delete").click()
    ui.click("Delete")
    ui.done("FE-2")
    expect(ui.row("FE-2")).to_have_count(0)
    servers = api.call("GET", f"/layer7/virtual-services/{SERVICE_LABEL}")["real_servers"]
    assert [server["label"] for server in servers] == ["FE-1"]


@pytest.mark.parametrize("javascript", [True, False], ids=["with scripts", "without scripts"])
def test_forms_work_by_keyboard_alone(
    visit: Visit, pool: dict[str, FrontEnd], api: Client, javascript: bool
) -> None:
    page = visit(javascript=javascript)
    press_until(page, "Layer 7 – Real Servers")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name=SERVERS, level=1).wait_for()
    press_until(page, f"Modify FE-1 of {SERVICE_LABEL}")
    page.keyboard.press("Enter")
    press_until(page, "Help on Weight")
    page.keyboard.press("Enter")
    expect(page.locator("details.help[open]")).to_have_count(1)
    press_until(page, "Weight", backwards=True)
    page.keyboard.type("77")
    page.keyboard.press("Enter")
    WebUi(page).done("FE-1")
    assert weight(api) == 77


def press_until(page: Page, name: str, *, backwards: bool = False) -> None:
    """Go with the Tab key until what bears a name has the focus, which then has to be seen."""
    for _ in range(150):
        page.keyboard.press("Shift+Tab" if backwards else "Tab")
        focused = page.locator(":focus")
        if focused.count() and focused.evaluate(NAME) == name:
            expect(focused).to_be_in_viewport()
            return
    pytest.fail(f"the Tab key does not reach {name!r}")
