"""Layer 4: how real servers are set up, what services are warned of, and the report of their figures."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeAlias

from starlette.responses import Response

from lbadmin.catalogue import HEALTH_CHECKS
from lbadmin.web.layers import LAYER4, Layer
from lbadmin.web.page import Page, as_sentence, route
from lbadmin.web.views.services import adding, modifying, routes_of

Json: TypeAlias = Any

REPORT = "/lbadmin/reports/layer4"
NEEDS_NOTHING = "snat"
"""The forwarding method that real servers need no settings for, and that nobody is warned of."""


async def _list_services(page: Page, layer: Layer) -> Response:
    found = (await page.get(layer.api))["virtual_services"]
    warnings = [
        sentence
        for service in found
        if service["forwarding"] != NEEDS_NOTHING
        for sentence in await _warnings(page, layer, service["label"])
    ]
    return await page.show("services.html", layer=layer, services=found, warnings=warnings)


async def _add_service(page: Page, layer: Layer) -> Response:
    """Add a virtual service, and go on with the real servers' set-up where they need one.

    Its check is in the form, too: checks are TCP, so UDP and marks can't do without a port for it.
    """
    editor = adding(layer, layer.basic, HEALTH_CHECKS)

    def done(made: Json) -> tuple[str, str]:
        where, notice = editor.done(made)
        return (where if made["forwarding"] == NEEDS_NOTHING else _setup_page(made["label"])), notice

    return await replace(editor, done=done).respond(page)


async def _modify_service(page: Page, layer: Layer) -> Response:
    """Change everything about a virtual service."""
    label = page.request.path_params["label"]
    extra: dict[str, object] = {"warnings": await _warnings(page, layer, label), "setup": _setup_page(label)}
    return await replace(modifying(layer, label), template="service.html", extra=extra).respond(page)


async def setup(page: Page) -> Response:
    """Show how the real servers of a service have to be set up, as texts to copy."""
    label = page.request.path_params["label"]
    found = await page.get(f"{LAYER4.api_of(label)}/setup")
    warnings = await _warnings(page, LAYER4, label)
    return await page.show("setup.html", layer=LAYER4, label=label, setup=found, warnings=warnings)


async def report(page: Page) -> Response:
    """Show all figures of the services and their real servers."""
    status = await page.get("/status")
    return await page.show("layer4_report.html", told=status, layer=LAYER4, services=LAYER4.of_status(status))


async def _warnings(page: Page, layer: Layer, label: str) -> Sequence[str]:
    found = await page.get(f"{layer.api_of(label)}/warnings")
    return [as_sentence(each) for each in found["warnings"]]


def _setup_page(label: str) -> str:
    return f"{LAYER4.service(label)}/setup"


ROUTES = [
    *routes_of(LAYER4, listed=_list_services, add=_add_service, modify=_modify_service),
    route(f"{LAYER4.one_service}/setup", setup),
    route(REPORT, report),
]
