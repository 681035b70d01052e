"""Layer 4 in a browser: the guide's service by clicks, and texts that are copied."""

from playwright.sync_api import Page, expect

from harness import guide
from harness.appliance import OCS_PORTS
from harness.webui import WebUi
from lbadmin.client import Client

FRONT_ENDS = [guide.Server(f"FE-{number}", f"192.168.10.3{number}") for number in (1, 2)]


def test_the_guides_service_is_built_at_layer_4_by_clicks(ui: WebUi, api: Client) -> None:
    guide.add_layer4_service(ui)
    guide.add_servers(ui, FRONT_ENDS, guide.LAYER4_SERVERS)
    ui.overview()
    drain = ui.page.get_by_role("button", name="Drain FE-2", exact=True)
    drain.click()
    expect(drain).to_have_attribute("aria-pressed", "true")
    (made,) = api.call("GET", "/config")["layer4_services"]
    assert made["forwarding"] == "snat"
    assert made["ports"] == list(OCS_PORTS)
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
