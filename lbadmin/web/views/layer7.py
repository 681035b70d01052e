"""Cluster Configuration: layer 7 virtual services, real servers and advanced configuration."""

from dataclasses import replace
from typing import Any, TypeAlias
from urllib.parse import quote

from starlette.responses import Response

from lbadmin.catalogue import (
    MANUAL,
    SERVER_SECTIONS,
    SERVICE_BASIC,
    SERVICE_SECTIONS,
    SETTINGS_SECTIONS,
    Field,
    Section,
)
from lbadmin.web.editor import Editor, act
from lbadmin.web.forms import sent_texts
from lbadmin.web.page import Page, route

Json: TypeAlias = Any

SERVICES = "/lbadmin/layer7/services"
SERVERS = "/lbadmin/layer7/servers"
API = "/layer7/virtual-services"
ONE_SERVICE = f"{SERVICES}/of/{{label}}"
ONE_SERVER = f"{SERVERS}/of/{{label}}/{{server}}"
"""The pages of one service and one real server: apart from the others, so that any label will do."""

MANUAL_FLAG = Field("manual", MANUAL.label, "flag", MANUAL.help, default="false")
"""The guide's tick box: whether the section is written by hand. The text comes when it is ticked."""

BASIC = SERVICE_BASIC._replace(fields=(*SERVICE_BASIC.fields, MANUAL_FLAG))
MANAGED_FORM = (BASIC, *SERVICE_SECTIONS)
MANUAL_FORM = (BASIC, Section("Section of haproxy.cfg", (MANUAL._replace(label="Section"),)))


async def services(page: Page) -> Response:
    """List the virtual services."""
    found = await page.get(API)
    return await page.show("services.html", services=found["virtual_services"])


async def add_service(page: Page) -> Response:
    """Add a virtual service with the guide's fields; all others are in Modify."""

    def done(made: Json) -> tuple[str, str]:
        label = made["label"]
        if made["manual"] == "true":
            return f"{_service(label)}?manual=1", f"{label} was added. Now write its section."
        return SERVICES, f"Virtual service {label} was added and is in effect."

    editor = Editor(
        title="Add a New Virtual Service",
        sections=(BASIC,),
        cancel=SERVICES,
        collection=API,
        root="virtual_services",
        body=_without_flag,
        done=done,
    )
    return await editor.respond(page)


async def modify_service(page: Page) -> Response:
    """Change everything about a virtual service."""
    label = page.request.path_params["label"]
    if page.posted:
        form = await page.form()
        if form.get("manual") == "true":
            editor = _service_editor(label, *MANUAL_FORM)
            texts = sent_texts(form, editor.fields)
            if not texts[MANUAL.path].strip():
                return await _start_manual(page, editor, label, texts, await page.revision())
        else:
            # The tick was just removed where the manual form was shown: it has not the other fields.
            editor = _service_editor(label, *((BASIC,) if MANUAL.path in form else MANAGED_FORM))
        return await editor.respond(page)
    reply = await page.call("GET", f"{API}/{quote(label, safe='')}")
    found = reply.json()
    if found["manual_configuration"] is not None:
        return await _service_editor(label, *MANUAL_FORM).respond(page)
    if page.request.query_params.get("manual") == "1":
        editor = _service_editor(label, *MANUAL_FORM)
        return await _start_manual(page, editor, label, editor.texts(found), reply.revision)
    return await _service_editor(label, *MANAGED_FORM).respond(page)


async def _start_manual(
    page: Page, editor: Editor, label: str, texts: dict[str, str], revision: str
) -> Response:
    """Show the form with the section as it is rendered now, for the administrator to begin with."""
    section = (await page.get(f"{API}/{quote(label, safe='')}/section"))["text"]
    started = {**texts, "manual": "true", MANUAL.path: section}
    again = replace(
        editor, intro="Nothing is changed yet. Below is the section as it is now: edit it and click Update."
    )
    return await again.show(page, started, revision=revision)


def _service_editor(label: str, *sections: Section) -> Editor:
    return Editor(
        title=f"Modify {label}",
        sections=sections,
        cancel=SERVICES,
        resource=f"{API}/{quote(label, safe='')}",
        root="virtual_services",
        find=lambda document: _labelled(document["virtual_services"], label),
        load=lambda found: {**found, "manual": found["manual_configuration"] is not None},
        body=_without_flag,
        done=lambda _: (SERVICES, f"Virtual service {label} was changed; the change is in effect."),
    )


def _without_flag(body: dict[str, Any]) -> dict[str, Any]:
    """Return the body without the tick box; not ticked, there is no text."""
    manual = body["manual"]
    sent = {name: value for name, value in body.items() if name != "manual"}
    return sent if manual else {**sent, MANUAL.path: None}


async def delete_service(page: Page) -> Response:
    """Ask, then delete a virtual service."""
    label = page.request.path_params["label"]
    path = f"{API}/{quote(label, safe='')}"
    if page.posted:
        return await act(page, "DELETE", path, back=SERVICES, notice=f"{label} was deleted.")
    count = len((await page.get(path))["real_servers"])
    with_it = "its real server" if count == 1 else f"its {count} real servers"
    return await page.show(
        "confirm.html",
        title=f"Delete {label}?",
        text=f"The virtual service goes, and {with_it} with it. New connections are refused "
        "at once; open ones stay until they end.",
        cancel=SERVICES,
        submit="Delete",
    )


async def servers(page: Page) -> Response:
    """List the real servers of each virtual service."""
    found = await page.get(API)
    return await page.show("servers.html", services=found["virtual_services"])


async def add_server(page: Page) -> Response:
    """Add a real server to a virtual service."""
    label = page.request.path_params["label"]
    await page.get(f"{API}/{quote(label, safe='')}")
    editor = Editor(
        title=f"Add a new Real Server to {label}",
        sections=SERVER_SECTIONS,
        cancel=SERVERS,
        collection=f"{API}/{quote(label, safe='')}/real-servers",
        root="real_servers",
        done=lambda made: (SERVERS, f"Real server {made['label']} was added and is in effect."),
    )
    return await editor.respond(page)


async def modify_server(page: Page) -> Response:
    """Change a real server."""
    label, server = page.request.path_params["label"], page.request.path_params["server"]

    def find(document: Json) -> Json | None:
        service = _labelled(document["virtual_services"], label)
        return _labelled(service["real_servers"], server) if service else None

    editor = Editor(
        title=f"Modify {server} of {label}",
        sections=SERVER_SECTIONS,
        cancel=SERVERS,
        resource=f"{API}/{quote(label, safe='')}/real-servers/{quote(server, safe='')}",
        root="real_servers",
        find=find,
        done=lambda _: (SERVERS, f"Real server {server} was changed; the change is in effect."),
    )
    return await editor.respond(page)


async def delete_server(page: Page) -> Response:
    """Ask, then delete a real server."""
    label, server = page.request.path_params["label"], page.request.path_params["server"]
    path = f"{API}/{quote(label, safe='')}/real-servers/{quote(server, safe='')}"
    if page.posted:
        return await act(page, "DELETE", path, back=SERVERS, notice=f"{server} was deleted.")
    await page.get(path)
    return await page.show(
        "confirm.html",
        title=f"Delete {server} of {label}?",
        text="It gets no new connections; open ones stay until they end. Halt it first to end them at once.",
        cancel=SERVERS,
        submit="Delete",
    )


async def advanced(page: Page) -> Response:
    """Change what holds for all layer 7 services."""
    editor = Editor(
        title="Layer 7 – Advanced Configuration",
        sections=SETTINGS_SECTIONS,
        cancel="/lbadmin/",
        resource="/layer7/settings",
        find=lambda document: document["layer7"],
        done=lambda _: ("/lbadmin/layer7/advanced", "The settings were saved and are in effect."),
    )
    return await editor.respond(page)


def _service(label: str) -> str:
    return ONE_SERVICE.format(label=quote(label, safe=""))


def _labelled(items: list[Json], label: str) -> Json | None:
    return next((item for item in items if item["label"] == label), None)


ROUTES = [
    route(SERVICES, services),
    route(f"{SERVICES}/add", add_service, posts=True),
    route(ONE_SERVICE, modify_service, posts=True),
    route(f"{ONE_SERVICE}/delete", delete_service, posts=True),
    route(SERVERS, servers),
    route(f"{SERVERS}/add/{{label}}", add_server, posts=True),
    route(ONE_SERVER, modify_server, posts=True),
    route(f"{ONE_SERVER}/delete", delete_server, posts=True),
    route("/lbadmin/layer7/advanced", advanced, posts=True),
]
