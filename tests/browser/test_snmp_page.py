"""SNMP Configuration in the browser: credentials are taken, never shown again; the MIB is for download."""

from pathlib import Path

from playwright.sync_api import Page, expect

from harness.webui import WebUi
from lbadmin.client import Client
from lbadmin.snmp.tree import ROOT

LOCAL, TITLE = "Local Configuration", "SNMP Configuration"
AUTH, PRIVACY = "Authentication Passphrase", "Privacy Passphrase"


def test_snmp_is_configured_and_its_passphrases_are_kept_unseen(ui: WebUi, page: Page, api: Client) -> None:
    ui.menu(LOCAL, TITLE)
    ui.field("Enable SNMP").check()
    ui.fill("User", "monitoring")
    ui.fill(AUTH, "short")
    ui.fill(PRIVACY, "a privacy passphrase")
    ui.click("Update")
    expect(ui.field(AUTH)).to_have_accessible_description(
        "Authentication Passphrase has less than 8 characters; SNMPv3 wants a longer passphrase."
    )
    assert api.call("GET", "/node")["snmp"]["enabled"] is False
    ui.fill(AUTH, "an auth passphrase")
    ui.fill(PRIVACY, "a privacy passphrase")
    ui.click("Update")
    expect(ui.field("Networks That May Ask")).to_have_attribute("aria-invalid", "true")
    ui.fill("Networks That May Ask", "192.168.2.0/24\n2001:db8::/64")
    ui.fill(AUTH, "an auth passphrase")
    ui.fill(PRIVACY, "a privacy passphrase")
    ui.click("Update")
    ui.done("in effect")

    before = api.call("GET", "/node")["snmp"]
    assert (before["enabled"], before["networks"]) == (True, ["192.168.2.0/24", "2001:db8::/64"])
    expect(ui.field(AUTH)).to_have_value("")
    ui.fill("Location", "Rack 7")
    ui.click("Update")
    ui.done("in effect")
    assert api.call("GET", "/node")["snmp"] == {**before, "location": "Rack 7"}


def test_the_mib_can_be_downloaded(ui: WebUi, page: Page, tmp_path: Path) -> None:
    ui.menu(LOCAL, TITLE)
    with page.expect_download() as download:
        ui.click("Download LBVA-MIB.txt")
    file = tmp_path / "mib"
    download.value.save_as(file)
    assert download.value.suggested_filename == "LBVA-MIB.txt"
    assert f"{{ netSnmpPlaypen {ROOT.rpartition('.')[2]} }}" in file.read_text(encoding="ascii")
