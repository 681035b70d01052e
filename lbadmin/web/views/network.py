"""Local Configuration: the interfaces of this node, and its routes."""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from starlette.requests import Request
from starlette.responses import Response

from lbadmin.bodies import body_of
from lbadmin.catalogue import Section
from lbadmin.catalogue_network import EDIT, NEW_BOND, NEW_VLAN, ROUTING, interface_field, kind_of
from lbadmin.node.linkedit import with_interface, without_interface
from lbadmin.node.routelines import line_of
from lbadmin.web.editor import Editor
from lbadmin.web.forms import default_texts, sent_texts
from lbadmin.web.page import Page, route, server_of

Json: TypeAlias = Any

INTERFACES = "/lbadmin/local/interfaces"
ONE = f"{INTERFACES}/of/{{name}}"
ROUTES_PAGE = "/lbadmin/local/routing"
HTTPS_PORT = 443
IN_EFFECT = "is in effect."


async def interfaces(page: Page) -> Response:
    """Change the addresses of the interfaces; ask first when the browser's connection would go."""
    links = (await page.get("/interfaces"))["interfaces"]
    configured = (await page.get("/node"))["interfaces"]
    held = [each["name"] for each in configured]
    names = [*held, *(each["name"] for each in links if each["name"] not in held)]
    editor = _interfaces_editor(names, configured, links)
    return await _asking(page, editor) or await editor.respond(page)


def _interfaces_editor(names: Sequence[str], configured: Sequence[Json], links: Sequence[Json]) -> Editor:
    by_name = {each["name"]: each for each in configured}
    bonded = {name for each in configured if each["bond"] for name in each["bond"]["members"]}
    shown = [(index, name) for index, name in enumerate(names) if name not in bonded]
    fields = tuple(interface_field(f"interfaces.{index}", name) for index, name in shown)

    def load(node: Json) -> Json:
        held = {each["name"]: each["addresses"] for each in node["interfaces"]}
        return {"interfaces": {str(index): held.get(name, []) for index, name in enumerate(names)}}

    def body(sent: dict[str, Any]) -> Json:
        typed = {names[int(index)]: held for index, held in sent["interfaces"].items()}
        rows = [
            {**by_name.get(name, {"name": name, "addresses": []}), **_addresses(typed.get(name))}
            for name in names
        ]
        # An interface that is there and not used is not in the document. Only the last ones are left out:
        # so the numbers in errors are those of the fields.
        while rows and not rows[-1]["addresses"] and rows[-1]["name"] not in by_name:
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
        extra={"rows": [_row(name, by_name, links) for name in names]},
        done=lambda _: (INTERFACES, f"The change of the addresses {IN_EFFECT}"),
    )


def _addresses(typed: Json | None) -> Json:
    return {} if typed is None else {"addresses": typed}


def _row(name: str, by_name: dict[str, Json], links: Sequence[Json]) -> Json:
    """Return what the table says of an interface: what it is, and how it is now."""
    configured = by_name.get(name, {})
    absent = {"name": name, "mac": "", "mtu": "", "state": "not there", "addresses": []}
    return {
        **next((each for each in links if each["name"] == name), absent),
        "kind": kind_of(configured),
        "bond": configured.get("bond"),
        "vlan": configured.get("vlan"),
        "in": next((each["name"] for each in by_name.values() if name in _members(each)), ""),
    }


def _members(interface: Json) -> list[str]:
    return list(interface["bond"]["members"]) if interface["bond"] else []


async def _asking(page: Page, editor: Editor) -> Response | None:
    """Return the page that asks whether the browser's address is to go, None where nobody has to be asked."""
    if not page.posted:
        return None
    form = await page.form()
    texts = sent_texts(form, editor.fields)
    rows = editor.body(body_of(texts, editor.fields))["interfaces"]
    moved = new_url(page.request, await page.get("/node"), rows)
    if not moved or form.get("confirmed") == "yes":
        return None
    hidden = {**texts, "revision": await page.revision(), "confirmed": "yes"}
    return await page.show("moved.html", hidden=hidden, url=moved, cancel=INTERFACES)


def new_url(request: Request, node: Json, rows: Sequence[Json]) -> str:
    """Return where the WebUI will be when the address that the browser is connected to goes, else ""."""
    here = server_of(request)
    left = [_host(address) for row in rows for address in row["addresses"]]
    owner = next((each for each in node["interfaces"] if here in map(_host, each["addresses"])), None)
    if owner is None or here in left or not left:
        return ""
    beside = [_host(address) for row in rows if row["name"] == owner["name"] for address in row["addresses"]]
    host = (beside or left)[0]
    port = request.url.port or HTTPS_PORT
    return f"https://{f'[{host}]' if ':' in host else host}:{port}/lbadmin/"


def _host(address: str) -> str:
    return address.partition("/")[0]


async def add_bond(page: Page) -> Response:
    """Add a bond."""
    intro = "The addresses of the interfaces that are bonded become the bond's: this page stays where it is."
    return await _add(page, "Add a Bond", intro, NEW_BOND)


async def add_vlan(page: Page) -> Response:
    """Add a VLAN."""
    intro = "A network of its own on the cable of an interface; the switch has to carry it tagged."
    return await _add(page, "Add a VLAN", intro, NEW_VLAN)


async def _add(page: Page, title: str, intro: str, sections: Sequence[Section]) -> Response:
    configured = (await page.get("/node"))["interfaces"]

    def body(sent: Json) -> Json:
        # One of that name stays in the list, so that lbadmind refuses the second.
        same = [each for each in configured if each["name"] == sent["name"]]
        return {"interfaces": [*same, *with_interface(configured, sent)]}

    editor = _interface_editor(title, intro, sections, body)
    if page.posted:
        return await _asking(page, editor) or await editor.respond(page)
    revision = (await page.call("GET", "/node")).revision
    return await editor.show(page, default_texts(editor.fields), revision=revision)


def _interface_editor(
    title: str,
    intro: str,
    sections: Sequence[Section],
    body: Callable[[Json], Json],
    load: Callable[[Json], Json] = lambda node: node,
) -> Editor:
    return Editor(
        title=title,
        intro=intro,
        sections=sections,
        cancel=INTERFACES,
        resource="/node",
        document="node",
        root="interfaces",
        load=load,
        body=body,
        done=lambda _: (INTERFACES, f"The change of the interfaces {IN_EFFECT}"),
    )


async def modify(page: Page) -> Response:
    """Change everything about one interface; one that is not used yet is put to use."""
    name = page.request.path_params["name"]
    configured = (await page.get("/node"))["interfaces"]

    def load(node: Json) -> Json:
        return next((each for each in node["interfaces"] if each["name"] == name), {})

    def body(sent: Json) -> Json:
        return {"interfaces": with_interface(configured, {"name": name, **sent})}

    sections = EDIT[kind_of(load({"interfaces": configured}))]
    editor = _interface_editor(f"Modify {name}", "A change takes effect at once.", sections, body, load)
    return await _asking(page, editor) or await editor.respond(page)


async def remove(page: Page) -> Response:
    """Ask, then remove a bond or a VLAN, or leave a card unused."""
    name = page.request.path_params["name"]
    node = await page.call("GET", "/node")
    rows = without_interface(node.json()["interfaces"], name)
    if page.posted:
        await page.form()
        reply = await page.send("PATCH", "/node", {"interfaces": rows}, revision=node.revision)
        if reply.is_refused:
            return await page.refused(reply)
        return page.done(INTERFACES, f"{name} was removed.")
    moved = new_url(page.request, node.json(), rows)
    there = f" You are connected to one of them: go on at {moved} and keep the change there." if moved else ""
    return await page.show(
        "confirm.html",
        title=f"Remove {name}?",
        text=f"Its addresses go with it; those of a bond go to the first of its interfaces.{there}",
        cancel=INTERFACES,
        submit="Remove",
    )


async def routing(page: Page) -> Response:
    """Change the default gateways, static and policy routes."""
    editor = Editor(
        title="Routing",
        sections=(ROUTING,),
        cancel=ROUTES_PAGE,
        resource="/node",
        document="node",
        load=lambda node: {**node, "routes": [line_of(each) for each in node["routes"]]},
        done=lambda _: (ROUTES_PAGE, f"The change of the routes {IN_EFFECT}"),
    )
    return await editor.respond(page)


ROUTES = [
    route(INTERFACES, interfaces, posts=True),
    route(f"{INTERFACES}/add-bond", add_bond, posts=True),
    route(f"{INTERFACES}/add-vlan", add_vlan, posts=True),
    route(ONE, modify, posts=True),
    route(f"{ONE}/remove", remove, posts=True),
    route(ROUTES_PAGE, routing, posts=True),
]
