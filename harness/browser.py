"""Debian's Chromium under Playwright, beside a lab or on one of its hosts, and what it has to complain of."""

import contextlib
import shlex
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    Response,
    sync_playwright,
)

from harness.errors import LabError

CHROMIUM = Path("/usr/bin/chromium")
PAGE_S = 60.0
"""An emulated appliance takes some seconds over a page."""

WIDE = (1280, 900)
NARROW = (800, 900)
"""Viewports in CSS pixels that every page has to fit."""

# Tests run as root, under whom Chromium's sandbox does not start; the rest keeps it from calling home.
_OPTIONS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
_BAD_REQUEST, _SERVER_ERROR = 400, 500  # RFC 9110, 15.5 and 15.6

Enter = Callable[[Sequence[str]], Sequence[str]]
"""Returns the command that runs a command somewhere else, such as on a lab's host (Inside.argv)."""


@contextlib.contextmanager
def chromium(enter: Enter | None = None) -> Iterator[Browser]:
    """Run Chromium, headless, until the block ends; `enter` says where.

    Its network is the one of the thread that calls this, or the one that `enter` goes to: Playwright talks
    to it over pipes, which cross namespaces. Raises LabError when it is not installed.
    """
    if not CHROMIUM.exists():
        raise LabError(f"there is no {CHROMIUM}", "`make prepare` installs it")
    with tempfile.TemporaryDirectory(prefix="lbva-browser-") as folder, sync_playwright() as playwright:
        program = _wrapper(Path(folder), enter) if enter else CHROMIUM
        browser = playwright.chromium.launch(executable_path=program, args=_OPTIONS, timeout=PAGE_S * 1000)
        try:
            yield browser
        finally:
            browser.close()


def _wrapper(folder: Path, enter: Enter) -> Path:
    """Write the program that Playwright starts in Chromium's stead; it takes Chromium's arguments."""
    path = folder / "chromium"
    path.write_text(f'#!/bin/sh\nexec {shlex.join(enter([str(CHROMIUM)]))} "$@"\n', encoding="utf-8")
    path.chmod(0o700)
    return path


@contextlib.contextmanager
def visitor(
    browser: Browser,
    base_url: str,
    *,
    size: tuple[int, int] = WIDE,
    scale: float = 1,
    javascript: bool = True,
    timeout_s: float = PAGE_S,
) -> Iterator[BrowserContext]:
    """A user's browser of its own, cookies included, that accepts the appliance's self-signed certificate.

    `size` is in CSS pixels, each of which takes `scale` pixels of a picture; waiting for anything
    ends with an error after `timeout_s`.
    """
    context = browser.new_context(
        base_url=base_url,
        ignore_https_errors=True,
        viewport={"width": size[0], "height": size[1]},
        device_scale_factor=scale,
        java_script_enabled=javascript,
        locale="en-GB",
    )
    context.set_default_timeout(timeout_s * 1000)
    try:
        yield context
    finally:
        context.close()


class Complaints:
    """What goes wrong in the pages of one context and no person would see: it is collected in `found`.

    These are errors on the console (Content-Security-Policy's among them), exceptions in scripts, requests
    that fail, and answers that are errors. A form that is refused (4xx) is none: the page says why.
    """

    def __init__(self, context: BrowserContext) -> None:
        self.found: list[str] = []
        context.on("console", self._console)
        context.on("weberror", lambda error: self.found.append(f"exception: {error.error}"))
        context.on("requestfailed", self._failed)
        context.on("response", self._answered)

    def _console(self, message: ConsoleMessage) -> None:
        # Answers that are errors come here, too; `_answered` knows which of them matter.
        if message.type == "error" and not message.text.startswith("Failed to load resource"):
            self.found.append(f"console: {message.text}")

    def _failed(self, request: Request) -> None:
        # What is still under way when the user leaves a page is aborted; so is a link to a download.
        if request.failure != "net::ERR_ABORTED":
            self.found.append(f"{request.method} {request.url}: {request.failure}")

    def _answered(self, response: Response) -> None:
        refused_form = response.request.method != "GET" and response.status < _SERVER_ERROR
        if response.status >= _BAD_REQUEST and not refused_form:
            self.found.append(f"{response.request.method} {response.url}: {response.status}")


def log_in(page: Page, user: str, password: str) -> None:
    """Log in to the WebUI as the guide's section 7 says."""
    page.goto("/lbadmin/")
    page.get_by_label("Username").fill(user)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("heading", name="System Overview").wait_for()
