"""Graphs as a person sees them: drawn, alive, and as wide as the window."""

import pytest
from playwright.sync_api import Page, expect

from harness.appliance import SERVICE_LABEL
from harness.browser import WIDE
from lbadmin.client import Client
from tests.browser.conftest import REPORT, Visit
from tests.browser.crawling import problems_of
from tests.image.conftest import Appliance
from tests.image.graphing import lbva_graphs, python
from tests.image.servers import FrontEnd, wait_until

PHONE = (400, 850)
LOADED = "() => [...document.querySelectorAll('main img')].every(each => each.complete && each.naturalWidth)"

A_DAY = f"""
import math, time
from pathlib import Path
import rrdtool
from lbadmin.graphs.archive import create
now = int(time.time())
folder = Path("/var/lib/lbadmin/graphs"); folder.mkdir(exist_ok=True)
def fill(name, kind, values):
    create(folder / f"{{name}}.rrd", kind, now - 90_000)
    times = range(now - 89_990, now - 10, 10)
    lines = (":".join(map(str, (when, *values(when)))) for when in times)
    rrdtool.update(str(folder / f"{{name}}.rrd"), *lines)
def wave(when, most):
    return int(most * (0.6 + 0.3 * math.sin(when / 900) + 0.1 * math.sin(when / 61)))
traffic = lambda t: (wave(t, 800), (t - now) // 3 + 100_000, 900 * t, 2_500 * t)
fill("service~{SERVICE_LABEL}", "service", traffic)
fill("cpu", "cpu", lambda t: (wave(t, 30), wave(t, 12), 1, 0))
fill("memory", "memory", lambda t: (wave(t, 600_000_000), 700_000_000, 500_000_000))
"""


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["desktop", "phone"])
def test_graphs_are_drawn_refreshed_and_fit(
    appliance: Appliance, visit: Visit, pool: dict[str, FrontEnd], api: Client, size: tuple[int, int]
) -> None:
    assert pool
    python(appliance.root, A_DAY)
    with lbva_graphs(appliance):
        wait_until(lambda: api.call("GET", "/graphs")["graphs"], 20, "the first sample")
        page = visit(size)
        page.goto("/lbadmin/reports/graphs")
        page.get_by_label("Graphs Of", exact=True).select_option(label=f"Virtual Service {SERVICE_LABEL}")
        page.get_by_label("Period", exact=True).select_option(label="Last day")
        page.get_by_role("button", name="Show").click()
        picture = page.get_by_alt_text(f"Open sessions of Virtual Service {SERVICE_LABEL} in the last day")
        expect(picture).to_be_visible()
        page.wait_for_function(LOADED)
        assert problems_of(page, 200, REPORT / "pages") == []
        with page.expect_download() as downloading:
            page.get_by_role("link", name="Open sessions as CSV").click()
        assert downloading.value.suggested_filename == f"service-{SERVICE_LABEL}-day.csv"
        page.goto("/lbadmin/reports/graphs?object=cpu")
        refreshed(page)
        page.goto("/lbadmin/")
        page.wait_for_function(LOADED)
        expect(page.get_by_alt_text("Memory of this machine in the last hour")).to_be_visible()
        assert problems_of(page, 200, REPORT / "pages" / "graphs") == []


def refreshed(page: Page) -> None:
    """Return when the pictures were asked for again, without the page being loaded anew."""
    page.evaluate("window.loadedOnce = true")
    with page.expect_response(lambda answer: "/reports/graphs/png" in answer.url, timeout=30_000):
        pass
    assert page.evaluate("window.loadedOnce")
    page.wait_for_function(LOADED)
