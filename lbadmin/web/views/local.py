"""Local Configuration: the addresses, the gateway and the names of this node."""

from collections.abc import Sequence
from typing import Any, TypeAlias

from starlette.requests import Request
from starlette.responses import Response

from lbadmin.bodies import body_of
from lbadmin.catalogue import Section
from lbadmin.catalogue_requests import HOSTNAME, ROUTING, interface_field
from lbadmin.web.editor import Editor, act
from lbadmin.web.forms import sent_texts
from lbadmin.web.page import Page, button, route, server_of

Json: TypeAlias = Any

INTERFACES = "/lbadmin/local/interfaces"
ROUTES_PAGE = "/lbadmin/local/routing"
HOSTNAME_PAGE = "/lbadmin/local/hostname"
HTTPS_PORT = 443
IN_EFFECT = "is in effect."


async def interfaces(page: Page) -> Response:
    """Change the addresses of the interfaces; ask first when the browser's connection would go."""
    links = (await page.get("/interfaces"))["interfaces"]
    configured = [each["name"] for each in (await page.get("/node"))["interfaces"]]
    names = [*configured, *(each["name"] for each in links if each["name"] not in configured)]
    editor = _interfaces_editor(names, configured, links)
    if page.posted:
        form = await page.form()
        texts = sent_texts(form, editor.fields)
        moved = new_url(page.request, await page.get("/node"), _rows(body_of(texts, editor.fields), names))
        if moved and form.get("confirmed") != "yes":
            hidden = {**texts, "revision": await page.revision(), "confirmed": "yes"}
            return await page.show("moved.html", hidden=hidden, url=moved, cancel=INTERFACES)
    return await editor.respond(page)


def _interfaces_editor(names: Sequence[str], configured: Sequence[str], links: Sequence[Json]) -> Editor:
    fields = tuple(interface_field(f"interfaces.{index}", name) for index, name in enumerate(names))

    def load(node: Json) -> Json:
        held = {each["name"]: each["addresses"] for each in node["interfaces"]}
        return {"interfaces": {str(index): held.get(name, []) for index, name in enumerate(names)}}

    def body(sent: dict[str, Any]) -> Json:
        rows = _rows(sent, names)
        # An interface that is there and not used is not in the document. Only the last ones are left out:
        # so the numbers in errors are those of the fields.
        while rows and not rows[-1]["addresses"] and rows[-1]["name"] not in configured:
            rows.pop()
        return {"interfaces": rows}

    return Editor(
        title="Network Interface Configuration",
        intro="The appliance is managed and reaches its real servers by these addresses.",
        sections=(Section("IP Address Assignment", fields),),
        cancel=INTERFACES,
        resource="/node",
        document="node",
        load=load,
        body=body,
        template="interfaces.html",
        extra={"links": links},
        done=lambda _: (INTERFACES, f"The change of the addresses {IN_EFFECT}"),
    )


def _rows(sent: dict[str, Any], names: Sequence[str]) -> list[dict[str, Any]]:
    return [{"name": names[int(index)], "addresses": held} for index, held in sent["interfaces"].items()]


def new_url(request: Request, node: Json, rows: Sequence[Json]) -> str:
    """Return where the WebUI will be when the address that the browser is connected to goes, else ""."""
    here = server_of(request)
    left = [address.partition("/")[0] for row in rows for address in row["addresses"]]
    owner = next((each for each in node["interfaces"] if here in map(_host, each["addresses"])), None)
    if owner is None or here in left or not left:
        return ""
    beside = [_host(address) for row in rows if row["name"] == owner["name"] for address in row["addresses"]]
    host = (beside or left)[0]
    port = request.url.port or HTTPS_PORT
    return f"https://{f'[{host}]' if ':' in host else host}:{port}/lbadmin/"


def _host(address: str) -> str:
    return address.partition("/")[0]


async def confirm(page: Page) -> Response:
    """Keep a change that waits for it."""
    return await act(page, "POST", "/node/confirm", back="/lbadmin/", notice="The change is kept.")


async def routing(page: Page) -> Response:
    """Change the default gateway."""
    return await _node_editor("Routing", ROUTING, ROUTES_PAGE, "The change of the gateway").respond(page)


async def hostname(page: Page) -> Response:
    """Change the node's name and its name servers."""
    changed = "The change of the names"
    return await _node_editor("Hostname & DNS", HOSTNAME, HOSTNAME_PAGE, changed).respond(page)


def _node_editor(title: str, section: Section, path: str, changed: str) -> Editor:
    return Editor(
        title=title,
        sections=(section,),
        cancel=path,
        resource="/node",
        document="node",
        done=lambda _: (path, f"{changed} {IN_EFFECT}"),
    )


ROUTES = [
    button("/lbadmin/local/confirm", confirm),
    route(INTERFACES, interfaces, posts=True),
    route(ROUTES_PAGE, routing, posts=True),
    route(HOSTNAME_PAGE, hostname, posts=True),
]
