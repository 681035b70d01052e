"""Firewall script, lockdown and SSH in the browser: what is proposed, asked, refused at a field, and kept."""

from playwright.sync_api import Page, expect

from harness.webui import WebUi
from lbadmin.client import Client
from tests.browser.conftest import DESK

MAINTENANCE = "Maintenance"


def test_the_wizard_proposes_the_network_of_who_asks_and_is_kept_by_a_click(
    ui: WebUi, page: Page, api: Client
) -> None:
    ui.menu(MAINTENANCE, "Firewall Lockdown Wizard")
    expect(page.get_by_text(f"You are at {DESK}")).to_be_visible()
    expect(ui.field("Networks")).to_have_value("192.168.2.0/24")
    ui.click("Update")
    ui.done("The lockdown is in effect")
    ui.click("Keep the change")
    ui.done("The change is kept")
    assert api.call("GET", "/node")["firewall"]["lockdown"] == ["192.168.2.0/24"]
    assert api.call("GET", "/node/unconfirmed")["seconds_left"] is None


def test_who_would_lock_himself_out_is_asked_first(ui: WebUi, page: Page, api: Client) -> None:
    ui.menu(MAINTENANCE, "Firewall Lockdown Wizard")
    ui.fill("Networks", "10.0.0.0/8")
    ui.click("Update")
    expect(ui.heading("Lock yourself out?")).to_be_visible()
    expect(page.get_by_text(f"You are at {DESK}, which is in none of these networks")).to_be_visible()
    assert api.call("GET", "/node")["firewall"]["lockdown"] == [], "done unasked"
    ui.click("Update")
    ui.done("The lockdown is in effect")
    assert api.call("GET", "/node")["firewall"]["lockdown"] == ["10.0.0.0/8"]
    expect(page.get_by_text("is taken back in")).to_be_visible()


def test_a_network_that_is_none_is_refused_at_its_field(ui: WebUi, page: Page) -> None:
    ui.menu(MAINTENANCE, "Firewall Lockdown Wizard")
    ui.fill("Networks", "192.168.2.7/24")
    ui.click("Update")
    expect(ui.field("Networks")).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_text("Network 192.168.2.7/24 is an address within a network; write")).to_be_visible()


def test_nft_says_at_the_field_what_is_wrong_with_a_script(ui: WebUi, page: Page) -> None:
    ui.menu(MAINTENANCE, "Firewall Script")
    ui.fill("Firewall Script", "table inet mine {\n    chian input { }\n}\n")
    ui.click("Update")
    expect(ui.field("Firewall Script")).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_text("Firewall Script is refused by nft in line 2: syntax error")).to_be_visible()
    ui.fill("Firewall Script", "table inet mine { }\n")
    ui.click("Update")
    ui.done("The script is in effect")


def test_a_private_key_is_refused_and_not_shown_in_the_sentence(ui: WebUi, page: Page) -> None:
    ui.menu(MAINTENANCE, "Secure Shell")
    ui.fill("Authorised Keys", "-----BEGIN OPENSSH PRIVATE KEY-----\nc2VjcmV0\n")
    ui.click("Update")
    expect(ui.field("Authorised Keys")).to_have_attribute("aria-invalid", "true")
    expect(page.locator("p.error")).to_have_text(
        "Key 1 is a private key, which nobody must see; give the .pub file instead."
    )
