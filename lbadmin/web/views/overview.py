"""System Overview: what is served and how it is, live, with its buttons."""

from typing import Any, TypeAlias

from starlette.responses import Response

from lbadmin.web.layers import LAYER7, LAYERS, Layer
from lbadmin.web.page import Page, as_sentence, button, route
from lbadmin.web.views.monitoring import monitoring_of

Json: TypeAlias = Any

STATES = {"online": "is online again", "drain": "is being drained", "halt": "is halted"}
SERVICES_PER_SECOND = 50
"""The live part is asked for every 2 s, and a second later for this many services more: one CPU has to do."""


async def overview(page: Page) -> Response:
    """Show node, virtual services and real servers."""
    status = await page.get("/status")
    services = _services(status)
    every_s = 2 + len(services) // SERVICES_PER_SECOND
    return await page.show(
        "overview.html",
        told=status,
        status=status,
        services=services,
        pair=await _pair(page, status),
        every_s=every_s,
        **await monitoring_of(page),
    )


async def live(page: Page) -> Response:
    """Return the part of the overview that changes, for htmx to put in its place."""
    return await _live(page)


async def messages(page: Page) -> Response:
    """Return the message box's contents."""
    return page.part("messages.html", messages=(await page.get("/messages"))["messages"])


async def set_state(page: Page) -> Response:
    """Take a real server, or all of a virtual service, online, drain or halt it."""
    form = await page.form()
    state, name, service, server = (*str(form.get("action", "")).split("/", 3), "", "", "", "")[:4]
    layer = LAYERS.get(name, LAYER7)
    reply = await page.send("PUT", f"{layer.api_of(service, server)}/state", {"state": state})
    if page.by_htmx:
        refused = as_sentence(reply.json()["detail"]) if reply.is_refused else ""
        return await _live(page, acted=True, refused=refused)
    if reply.is_refused:
        return await page.refused(reply)
    return page.done("/lbadmin/", f"{server or service} {STATES[state]}.")


async def _live(page: Page, *, acted: bool = False, refused: str = "") -> Response:
    """Return the live part; after a button, too, whether it was refused, which the next one leaves alone."""
    status = await page.get("/status")
    pair = await _pair(page, status)
    services = _services(status)
    shown = {"status": status, "services": services, "pair": pair}
    return page.part("live.html", **shown, live=True, acted=acted, refused=refused)


def _services(status: Json) -> list[tuple[Layer, Json]]:
    """Return the virtual services of all layers, each with its layer."""
    return [(layer, service) for layer in LAYERS.values() for service in layer.of_status(status)]


async def _pair(page: Page, status: Json) -> Json | None:
    """Return what there is to tell of the pair; nothing for a single node."""
    return None if status["node"]["role"] == "single" else await page.get("/pair")


ROUTES = [
    route("/lbadmin/", overview),
    route("/lbadmin/overview/live", live),
    route("/lbadmin/messages", messages),
    button("/lbadmin/overview/state", set_state),
]
