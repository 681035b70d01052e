"""Maintenance in the browser: keys told once, backups shown before they are restored, earlier states."""

import json
import re
from pathlib import Path

import httpx
from playwright.sync_api import Page, expect

from harness import guide
from harness.appliance import API, SERVICE_LABEL
from harness.webui import WebUi
from lbadmin.client import Client
from tests.image.servers import FrontEnd

MAINTENANCE = "Maintenance"


def test_an_api_key_is_shown_once_works_and_can_be_revoked(ui: WebUi, page: Page, website: int) -> None:
    ui.menu(MAINTENANCE, "API keys")
    ui.fill("Name", "monitoring")
    ui.click("Add API key")
    shown = page.get_by_text(re.compile(r"lbva_\S{20,}")).first.inner_text()
    key = re.search(r"lbva_\S+", shown)
    assert key, shown
    assert status_with(key[0], website) == 200
    ui.menu(MAINTENANCE, "API keys")
    expect(ui.row("monitoring")).to_be_visible()
    assert key[0] not in page.content()
    ui.row("monitoring").get_by_text("Revoke").click()
    ui.click("Revoke")
    ui.done("monitoring")
    assert status_with(key[0], website) == 401


def status_with(key: str, port: int) -> int:
    """Return what the REST API answers a program with this key."""
    url = f"https://127.0.0.1:{port}{API}/status"
    headers = {"Authorization": f"Bearer {key}"}
    return httpx.get(url, headers=headers, verify=False, trust_env=False).status_code  # noqa: S501


def test_a_backup_is_shown_as_a_difference_before_it_is_restored(
    ui: WebUi, page: Page, pool: dict[str, FrontEnd], api: Client, tmp_path: Path
) -> None:
    file = tmp_path / "backup.json"
    ui.menu(MAINTENANCE, "Backup & Restore")
    with page.expect_download() as download:
        ui.click("Download Backup")
    download.value.save_as(file)
    api.call("DELETE", f"/layer7/virtual-services/{SERVICE_LABEL}")
    ui.field("Backup File").set_input_files(file)
    ui.click("Check Backup")
    expect(page.get_by_label("Differences")).to_contain_text(f'+      "label": "{SERVICE_LABEL}"')
    assert api.call("GET", "/layer7/virtual-services")["virtual_services"] == [], "restored unasked"
    ui.click("Restore")
    ui.done("restored")
    ui.overview()
    expect(ui.health("FE-1")).to_have_text("up")


def test_a_backup_that_is_none_is_refused_at_its_field(ui: WebUi, page: Page, tmp_path: Path) -> None:
    file = tmp_path / "backup.json"
    file.write_text(json.dumps({"name": "something else"}))
    ui.menu(MAINTENANCE, "Backup & Restore")
    ui.click("Check Backup")
    expect(ui.field("Backup File")).to_have_attribute("aria-invalid", "true")
    ui.field("Backup File").set_input_files(file)
    ui.click("Check Backup")
    expect(ui.field("Backup File")).to_have_attribute("aria-invalid", "true")


def test_an_earlier_state_is_shown_and_restored(
    ui: WebUi, page: Page, pool: dict[str, FrontEnd], api: Client
) -> None:
    guide.delete_service(ui)
    ui.menu("View Configuration", "Change History")
    added = page.locator("tr").filter(has_text=f"add virtual service {SERVICE_LABEL}")
    added.get_by_text("Restore", exact=True).click()
    expect(page.get_by_label("Differences")).to_contain_text(f'+      "label": "{SERVICE_LABEL}"')
    assert api.call("GET", "/layer7/virtual-services")["virtual_services"] == [], "restored unasked"
    ui.click("Restore")
    ui.done("restored")
    ui.overview()
    expect(ui.health("FE-1")).to_have_text("up")
