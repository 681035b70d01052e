"""Cluster Configuration: virtual services and real servers, the same pages for each layer."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

from starlette.responses import Response
from starlette.routing import Route

from lbadmin.catalogue import Section
from lbadmin.web.editor import Editor, ask_first
from lbadmin.web.layers import Layer
from lbadmin.web.page import Page, View, route

Json: TypeAlias = Any

LayerView = Callable[[Page, Layer], Awaitable[Response]]


def adding(layer: Layer, *sections: Section) -> Editor:
    """Return the form of a new service: the fields that it can't do without, or those of `sections`."""
    return Editor(
        title="Add a New Virtual Service",
        sections=sections or (layer.basic,),
        cancel=layer.services,
        collection=layer.api,
        root=layer.services_field,
        done=lambda made: (
            layer.services,
            f"Virtual service {made['label']} was added and is in effect.",
        ),
    )


def modifying(layer: Layer, label: str, *sections: Section) -> Editor:
    """Return the form of a service: all of its fields, or those of `sections`."""
    return Editor(
        title=f"Modify {label}",
        sections=sections or (layer.basic, *layer.sections),
        cancel=layer.services,
        resource=layer.api_of(label),
        root=layer.services_field,
        find=lambda document: _labelled(document.get(layer.services_field, ()), label),
        done=lambda _: (layer.services, f"Virtual service {label} was changed; the change is in effect."),
    )


async def add_service(page: Page, layer: Layer) -> Response:
    """Add a virtual service; all other fields are in Modify."""
    return await adding(layer).respond(page)


async def modify_service(page: Page, layer: Layer) -> Response:
    """Change everything about a virtual service."""
    return await modifying(layer, page.request.path_params["label"]).respond(page)


async def list_services(page: Page, layer: Layer) -> Response:
    """List the virtual services."""
    found = (await page.get(layer.api))["virtual_services"]
    return await page.show("services.html", layer=layer, services=found)


async def _delete_service(page: Page, layer: Layer) -> Response:
    label = page.request.path_params["label"]
    count = len((await page.get(layer.api_of(label)))["real_servers"])
    with_it = "its real server" if count == 1 else f"its {count} real servers"
    return await ask_first(
        page,
        "DELETE",
        layer.api_of(label),
        title=f"Delete {label}?",
        text=f"The virtual service goes, and {with_it} with it. {layer.service_goes}",
        submit="Delete",
        back=layer.services,
        notice=f"{label} was deleted.",
    )


async def _servers(page: Page, layer: Layer) -> Response:
    found = await page.get(layer.api)
    return await page.show("servers.html", layer=layer, services=found["virtual_services"])


async def _add_server(page: Page, layer: Layer) -> Response:
    label = page.request.path_params["label"]
    await page.get(layer.api_of(label))
    editor = Editor(
        title=f"Add a new Real Server to {label}",
        sections=layer.server_sections,
        cancel=layer.servers,
        collection=f"{layer.api_of(label)}/real-servers",
        root="real_servers",
        done=lambda made: (layer.servers, f"Real server {made['label']} was added and is in effect."),
    )
    return await editor.respond(page)


async def _modify_server(page: Page, layer: Layer) -> Response:
    label, server = page.request.path_params["label"], page.request.path_params["server"]

    def find(document: Json) -> Json | None:
        service = _labelled(document.get(layer.services_field, ()), label)
        return _labelled(service["real_servers"], server) if service else None

    editor = Editor(
        title=f"Modify {server} of {label}",
        sections=layer.server_sections,
        cancel=layer.servers,
        resource=layer.api_of(label, server),
        root="real_servers",
        find=find,
        done=lambda _: (layer.servers, f"Real server {server} was changed; the change is in effect."),
    )
    return await editor.respond(page)


async def _delete_server(page: Page, layer: Layer) -> Response:
    label, server = page.request.path_params["label"], page.request.path_params["server"]
    path = layer.api_of(label, server)
    await page.get(path)
    return await ask_first(
        page,
        "DELETE",
        path,
        title=f"Delete {server} of {label}?",
        text=layer.server_goes,
        submit="Delete",
        back=layer.servers,
        notice=f"{server} was deleted.",
    )


def _labelled(items: list[Json], label: str) -> Json | None:
    return next((item for item in items if item["label"] == label), None)


def routes_of(
    layer: Layer,
    *,
    listed: LayerView = list_services,
    add: LayerView = add_service,
    modify: LayerView = modify_service,
) -> list[Route]:
    """Return the routes of a layer; how its services are listed, added and modified may be its own."""

    def of(view: LayerView) -> View:
        return lambda page: view(page, layer)

    return [
        route(layer.services, of(listed)),
        route(f"{layer.services}/add", of(add), posts=True),
        route(layer.one_service, of(modify), posts=True),
        route(f"{layer.one_service}/delete", of(_delete_service), posts=True),
        route(layer.servers, of(_servers)),
        route(f"{layer.servers}/add/{{label}}", of(_add_server), posts=True),
        route(layer.one_server, of(_modify_server), posts=True),
        route(f"{layer.one_server}/delete", of(_delete_server), posts=True),
    ]
