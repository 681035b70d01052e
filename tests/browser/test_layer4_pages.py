"""Layer 4 in a browser: the guide's service by clicks, and texts that are copied."""

from playwright.sync_api import Page, expect

from harness.webui import WebUi
from lbadmin.client import Client


def test_the_guides_service_is_built_at_layer_4_by_clicks(ui: WebUi, api: Client) -> None:
    ui.menu("Cluster Configuration", "Layer 4 – Virtual Services")
    ui.click("Add a New Virtual Service")
    ui.fill("Label", "OCS-Front-End")
    ui.fill("Virtual Service IP Address", "192.168.2.30")
    ui.fill("Ports", "5060,5061,135,443,444,5065,5069,5071-5074,8404")
    ui.click("Update")
    ui.done("Virtual service OCS-Front-End was added")
    ui.menu("Cluster Configuration", "Layer 4 – Real Servers")
    for number in (1, 2):
        ui.click("Add a new Real Server", beside="OCS-Front-End")
        ui.fill("Label", f"FE-{number}")
        ui.fill("Real Server IP Address", f"192.168.2.3{number}")
        ui.click("Update")
        ui.done(f"Real server FE-{number} was added")
    ui.overview()
    drain = ui.page.get_by_role("button", name="Drain FE-2", exact=True)
    drain.click()
    expect(drain).to_have_attribute("aria-pressed", "true")
    (made,) = api.call("GET", "/config")["layer4_services"]
    assert made["forwarding"] == "snat"
    assert [each["state"] for each in made["real_servers"]] == ["online", "drain"]


def test_what_real_servers_need_is_copied_by_a_click(page: Page, ui: WebUi, api: Client) -> None:
    service = {"label": "OCS", "ip": "192.168.2.30", "ports": "5061", "forwarding": "dr"}
    api.call("POST", "/layer4/virtual-services", service)
    ui.menu("Cluster Configuration", "Layer 4 – Virtual Services")
    ui.page.get_by_role("link", name="Setup of OCS").click()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    button = page.get_by_role("button", name="Copy the text for Linux", exact=True)
    button.click()
    expect(button).to_have_text("Copied")
    copied = page.evaluate("navigator.clipboard.readText()")
    texts = api.call("GET", "/layer4/virtual-services/OCS/setup")["texts"]
    assert copied == next(each["commands"] for each in texts if each["system"] == "Linux")
