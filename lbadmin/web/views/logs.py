"""Logs: the journal's newest lines, filtered, and those that come, without reloading the page."""

from collections.abc import Mapping
from typing import Any, TypeAlias
from urllib.parse import urlencode

from starlette.responses import Response

from lbadmin.catalogue import Field, Section
from lbadmin.web.forms import errors_of
from lbadmin.web.page import Page, route

Json: TypeAlias = Any

LOGS = "/lbadmin/logs"
AUDIT = f"{LOGS}/audit"
LINES = 300
"""Lines that a page begins with."""
MAX_SHOWN = 1200
"""Lines in the browser; when more have come the page begins anew with the newest."""

FILTER = Section(
    "",
    (
        Field(
            "source", "Source", "choice", default="all",
            choices=(
                ("all", "All"),
                ("audit", "Audit (logins, changes)"),
                ("haproxy", "HAProxy (layer 7)"),
                ("keepalived", "keepalived (addresses)"),
                ("layer4", "Layer 4 (balancing, checks)"),
                ("management", "Management (WebUI, REST, lbcli)"),
                ("system", "System"),
            ),
            help="Whose messages are shown.",
        ),
        Field(
            "priority", "Least Priority", "choice", default="6",
            choices=(
                ("3", "Errors"),
                ("4", "Warnings"),
                ("5", "Notices"),
                ("6", "Information"),
                ("7", "Everything (debugging, too)"),
            ),
            help="Messages of this priority and all graver ones are shown.",
        ),
        Field(
            "text", "Text", "text",
            help="Only messages with this text in them are shown, as it stands. Blank: all of them.",
        ),
    ),
)  # fmt: skip

PRIORITIES = ("emergency", "alert", "critical", "error", "warning", "notice", "info", "debug")
"""Names of the priorities 0 to 7 (RFC 5424, 6.2.1)."""


async def logs(page: Page) -> Response:
    """Show the newest lines with the filter, live unless it is paused."""
    values = _values(page)
    reply = await page.send("GET", f"/logs?{urlencode({**values, 'lines': LINES})}")
    found, errors = reply.json(), {}
    if reply.status >= 400:  # noqa: PLR2004 - the first status of a problem
        errors, found = errors_of(found, FILTER.fields), {"entries": [], "cursor": None}
    live = page.request.query_params.get("live") != "0" and not errors
    return await page.show(
        "logs.html",
        reply.status,
        section=FILTER,
        values=values,
        errors=errors,
        live=live,
        other=f"{page.request.url.path}?{urlencode({**values, 'live': '0' if live else '1'})}",
        **_lines(values, found, len(found["entries"])),
    )


async def tail(page: Page) -> Response:
    """Return the lines that came since, for htmx to append; all anew when there are too many by then."""
    values = _values(page)
    after, shown = page.request.query_params.get("after", ""), page.request.query_params.get("shown", "")
    since = {"after": after} if after else {}
    found = await page.get(f"/logs?{urlencode({**values, 'lines': LINES, **since})}")
    if since and not found["entries"]:
        return Response(status_code=204)
    count = (int(shown) if since and shown.isdecimal() else 0) + len(found["entries"])
    if since and count <= MAX_SHOWN:
        return page.part("log_lines.html", live=True, again=True, **_lines(values, found, count))
    found = await page.get(f"/logs?{urlencode({**values, 'lines': LINES})}")
    answer = page.part(
        "log_lines.html", live=True, again=True, **_lines(values, found, len(found["entries"]))
    )
    answer.headers["HX-Reswap"] = "innerHTML"
    return answer


def _values(page: Page) -> dict[str, str]:
    defaults = {"source": "audit"} if page.request.url.path == AUDIT else {}
    return {
        each.path: page.request.query_params.get(each.path, defaults.get(each.path, each.default))
        for each in FILTER.fields
    }


def _lines(values: Mapping[str, str], found: Json, shown: int) -> dict[str, object]:
    """Return what the lines' template needs: the lines, and where the next ones are asked for."""
    where = {**values, "after": found["cursor"] or "", "shown": shown}
    return {
        "entries": found["entries"],
        "priorities": PRIORITIES,
        "next": f"{LOGS}/tail?{urlencode(where)}",
    }


ROUTES = [route(LOGS, logs), route(AUDIT, logs), route(f"{LOGS}/tail", tail)]
