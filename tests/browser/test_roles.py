"""Users and roles in the browser: an administrator adds them, and each sees what the role may do."""

from playwright.sync_api import expect

from harness.browser import log_in
from harness.webui import WebUi
from lbadmin.client import Client
from tests.browser.conftest import Visit
from tests.browser.crawling import PICTURES
from tests.image.servers import FrontEnd

SECRET = "correct horse battery"
MAINTENANCE = "Maintenance"


def test_an_operator_drains_and_a_reader_only_looks(
    ui: WebUi, visit: Visit, pool: dict[str, FrontEnd], api: Client
) -> None:
    for name, role in (("olga", "Operator"), ("rita", "Read-only")):
        ui.menu(MAINTENANCE, "Passwords")
        ui.click("Add a user")
        ui.fill("Name", name)
        ui.choose("Role", role)
        ui.fill("Password", SECRET)
        ui.click("Add")
        ui.done(f"User {name} was added")
        expect(ui.row(name)).to_contain_text(role.lower())
    operator, reader = (visit(login=False) for _ in range(2))
    log_in(operator, "olga", SECRET)
    log_in(reader, "rita", SECRET)
    expect(reader.get_by_text("rita (read-only)")).to_be_visible()
    expect(reader.get_by_role("button", name="Drain")).to_have_count(0)
    operator.get_by_role("button", name="Drain FE-1").click()
    expect(operator.get_by_role("button", name="Drain FE-1")).to_have_attribute("aria-pressed", "true")
    expect(reader.locator("tr", has_text="FE-1").get_by_text("drain")).to_be_visible()
    for name, page in (("olga", operator), ("rita", reader)):
        page.screenshot(path=PICTURES / f"overview-of-{name}.png", full_page=True)
    for page in (operator, reader):
        page.get_by_role("link", name="Layer 7 – Virtual Services").click()
        expect(page.get_by_role("link", name="Add a New Virtual Service")).to_have_count(0)
        page.get_by_role("link", name="Modify").first.click()
        expect(page.get_by_role("textbox", name="Label", exact=True)).to_be_disabled()
        expect(page.get_by_role("button", name="Update")).to_have_count(0)
        expect(page.get_by_text("Only administrators can change this.")).to_be_visible()
        page.get_by_role("link", name="Audit").click()
        expect(page.get_by_role("heading", name="Audit")).to_be_visible()
        page.get_by_role("link", name="Passwords").click()
        expect(page.get_by_role("button", name="Update")).to_be_visible()
        page.screenshot(path=PICTURES / "passwords.png", full_page=True)
        page.get_by_role("button", name="Log out").click()
        expect(page.get_by_role("button", name="Log in")).to_be_visible()
