"""Reports, and the download for support: what the appliance tells of itself, as a page and as a file."""

from starlette.responses import HTMLResponse, Response

from lbadmin.statspage import stats_policy
from lbadmin.web.downloads import passed_on
from lbadmin.web.page import Page, route

LAYER7 = "/lbadmin/reports/layer7"
SUPPORT = "/lbadmin/support"


async def layer7(page: Page) -> Response:
    """Show HAProxy's own statistics in a frame."""
    return await page.show("report.html")


async def haproxy(page: Page) -> Response:
    """Return HAProxy's page for the frame: the one answer that may be framed, and by our page alone."""
    html = (await page.call("GET", "/reports/layer7")).body.decode("utf-8", "replace")
    headers = {"Content-Security-Policy": stats_policy(html), "X-Frame-Options": "SAMEORIGIN"}
    return HTMLResponse(html, headers=headers)


async def support(page: Page) -> Response:
    """Say what the support file holds."""
    return await page.show("support.html")


async def download(page: Page) -> Response:
    """Return the support file."""
    return passed_on(await page.call("GET", "/support"))


ROUTES = [
    route(LAYER7, layer7),
    route(f"{LAYER7}/haproxy", haproxy),
    route(SUPPORT, support),
    route(f"{SUPPORT}/download", download),
]
