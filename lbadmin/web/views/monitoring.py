"""Graphs and alerts: Reports, their settings under Local Configuration, and their part of the overview."""

import time
from typing import Any, TypeAlias
from urllib.parse import quote, urlencode

from starlette.responses import Response

from lbadmin.catalogue import Field, Section
from lbadmin.catalogue_monitoring import ALERT_EVENTS, ALERT_WAYS, GRAPHING
from lbadmin.web.downloads import passed_on
from lbadmin.web.editor import Editor
from lbadmin.web.page import Page, as_sentence, button, route

Json: TypeAlias = Any

GRAPHS = "/lbadmin/reports/graphs"
GRAPHING_PAGE = "/lbadmin/local/graphing"
ALERTS = "/lbadmin/local/alerts"

PERIODS = (
    ("hour", "Last hour"),
    ("day", "Last day"),
    ("week", "Last week"),
    ("month", "Last month"),
    ("year", "Last year"),
)
EVERY_S = {"hour": 10, "day": 60, "week": 300, "month": 300, "year": 300}
"""How often pictures are drawn anew: a sample a while."""
ON_OVERVIEW = 8
"""Alerts there; all that are kept are in REST and lbcli."""

_KINDS = {"interface": "Interface", "service": "Virtual Service", "server": "Real Server"}
_TITLES = {"cpu": "CPU", "memory": "Memory"}


async def graphs(page: Page) -> Response:
    """Show the pictures of one object for a period, live."""
    reply = await page.send("GET", "/graphs")
    if reply.is_refused:
        return await page.show("graphs.html", problem=as_sentence(reply.json()["detail"]))
    found = reply.json()
    there = {each["id"]: each for each in found["graphs"] if each["graphed"]}
    left_out = [_title(each) for each in found["graphs"] if not each["graphed"]]
    wanted = page.request.query_params.get("object", "")
    chosen = there.get(wanted) or next(iter(there.values()), None)
    fields = (_object_field(there), _PERIOD)
    return await page.show(
        "graphs.html",
        problem="" if found["enabled"] else "Graphing is switched off.",
        section=Section("", fields),
        values={"object": chosen["id"] if chosen else "", "period": _period(page)},
        left_out=left_out,
        found=found,
        **_shown(page, chosen),
    )


async def live(page: Page) -> Response:
    """Return the pictures anew, for htmx to put in their place."""
    found = await page.get("/graphs")
    wanted = page.request.query_params.get("object", "")
    chosen = next((each for each in found["graphs"] if each["id"] == wanted and each["graphed"]), None)
    return page.part("graph_pictures.html", **_shown(page, chosen))


async def png(page: Page) -> Response:
    """Return a picture."""
    return await _file(page, "png", ("period", "show", "size"))


async def csv(page: Page) -> Response:
    """Return values as a file."""
    return await _file(page, "csv", ("period",))


async def _file(page: Page, form: str, names: tuple[str, ...]) -> Response:
    query = page.request.query_params
    passed = {name: query[name] for name in names if name in query}
    name = quote(query.get("object", "") or "cpu", safe="")
    return passed_on(await page.call("GET", f"/graphs/{name}.{form}?{urlencode(passed)}"))


_PERIOD = Field(
    "period", "Period", "choice", default="hour", choices=PERIODS,
    help="Values of 10 seconds are kept for a day, of 5 minutes for a week, of 30 minutes for a month, of 6 "
    "hours for a year.",
)  # fmt: skip


def _object_field(there: dict[str, Json]) -> Field:
    return Field(
        "object", "Graphs Of", "choice", default=next(iter(there), ""),
        choices=tuple((name, _title(each)) for name, each in there.items()),
        help="What is measured: this machine, its interfaces, virtual services and real servers.",
    )  # fmt: skip


def _shown(page: Page, chosen: Json | None) -> dict[str, object]:
    """Return what the pictures' template needs."""
    period = _period(page)
    return {
        "chosen": chosen,
        "title": _title(chosen) if chosen else "",
        "period": period,
        "period_title": dict(PERIODS)[period].lower(),
        "every_s": EVERY_S[period],
        "at": int(time.time()),
    }


def _period(page: Page) -> str:
    period = page.request.query_params.get("period", "hour")
    return period if period in EVERY_S else "hour"


def _title(graph: Json) -> str:
    labels = list(reversed(graph["labels"]))
    kind = graph["kind"]
    return f"{_KINDS[kind]} {' of '.join(labels)}" if labels else _TITLES[kind]


async def graphing(page: Page) -> Response:
    """Change what is measured."""
    return await Editor(
        title="Graphing",
        intro="What happens on this appliance is measured and kept, for Graphs under Reports.",
        sections=(GRAPHING,),
        cancel=GRAPHING_PAGE,
        resource="/node",
        document="node",
        done=lambda _: (GRAPHING_PAGE, "The change of graphing is in effect."),
    ).respond(page)


async def alerts(page: Page) -> Response:
    """Change what is told, and how."""
    return await Editor(
        title="Alerts",
        intro="What happens is shown in the System Overview, and told by mail and webhook; many things at "
        "once are one message.",
        sections=(ALERT_WAYS, ALERT_EVENTS),
        cancel=ALERTS,
        resource="/node",
        document="node",
        template="alerts.html",
        done=lambda _: (ALERTS, "The change of the alerts is in effect."),
    ).respond(page)


async def test_alerts(page: Page) -> Response:
    """Send a test, and say how it ended."""
    await page.form()
    reply = await page.send("POST", "/alerts/test")
    if reply.is_refused:
        return await page.refused(reply)
    results = reply.json()["results"]
    failed = [f"{each['way']}: {each['problem']}" for each in results if each["problem"]]
    if failed:
        message = as_sentence("; ".join(failed))
        return await page.show("refused.html", title="The test did not arrive", message=message)
    return page.done(ALERTS, f"The test was taken ({', '.join(each['way'] for each in results)}).")


async def latest(page: Page) -> Response:
    """Return the part of the overview, for htmx to put in its place."""
    return page.part("overview_monitoring.html", **await monitoring_of(page))


async def monitoring_of(page: Page) -> dict[str, object]:
    """Return what the overview shows: the latest alerts, and small pictures of this machine."""
    found = (await page.get("/alerts"))["alerts"][:ON_OVERVIEW]
    listed = await page.send("GET", "/graphs")
    pictures = [] if listed.is_refused else [each for each in listed.json()["graphs"] if each["graphed"]]
    machine = [each["id"] for each in pictures if each["kind"] in _TITLES]
    return {"alerts": found, "machine": machine, "titles": _TITLES, "at": int(time.time())}


ROUTES = [
    route(GRAPHS, graphs),
    route(f"{GRAPHS}/live", live),
    route(f"{GRAPHS}/png", png),
    route(f"{GRAPHS}/csv", csv),
    route(GRAPHING_PAGE, graphing, posts=True),
    route(ALERTS, alerts, posts=True),
    button(f"{ALERTS}/test", test_alerts),
    route("/lbadmin/overview/monitoring", latest),
]
