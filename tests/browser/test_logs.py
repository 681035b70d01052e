"""The logs grow while one looks, within the filter."""

from playwright.sync_api import Page, expect

from harness.webui import WebUi
from tests.image.conftest import Say


def test_new_lines_appear_within_the_filter_without_reloading(ui: WebUi, page: Page, say: Say) -> None:
    ui.menu("Logs", "Logs")
    ui.fill("Text", "pool")
    ui.click("Show")
    page.evaluate("window.loadedOnce = true")
    lines = page.get_by_role("log")
    say("haproxy", "the pool is served")
    expect(lines).to_contain_text("the pool is served")
    say("haproxy", "something else")
    say("haproxy", "the pool is <b>down</b>", priority=3)
    expect(lines).to_contain_text("the pool is <b>down</b>")
    expect(lines).not_to_contain_text("something else")
    assert page.evaluate("window.loadedOnce"), "the page was loaded anew"
