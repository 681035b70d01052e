"""Cluster Configuration: High-Availability Configuration, where two nodes become a pair and fail over."""

from typing import Any, Literal, TypeAlias

from starlette.responses import Response

from lbadmin.bodies import body_of, texts_of
from lbadmin.catalogue import fields_of
from lbadmin.catalogue_pair import CREATE_PAIR, HA_SETTINGS, create_pair
from lbadmin.web.editor import Editor, ask_first
from lbadmin.web.forms import default_texts, errors_of, sent_texts
from lbadmin.web.forms import shown as shown_text
from lbadmin.web.page import Page, as_sentence, button, route, server_of
from lbadmin.web.pairing import Pairing

Json: TypeAlias = Any
Shown = Literal["single", "pairing", "pair"]

HA = "/lbadmin/ha"
SETTINGS = f"{HA}/settings"
EVERY_S = {"pairing": 1, "pair": 2}
"""How often the page asks for what changes on it, by its stage."""

RESTARTED = "Heartbeat was restarted."
HANDED = "Open connections end, and clients connect again at once, each to the real server that it had."


async def ha(page: Page) -> Response:
    """Show the form that makes a pair, or how far that is, or the pair."""
    pair = await page.get("/pair")
    return await _page(page, pair)


async def live(page: Page) -> Response:
    """Return the part of the page that changes; a page that shows another stage is loaded anew."""
    pair = await page.get("/pair")
    shown = _shown(pair, _pairing(page))
    if shown != page.request.query_params.get("shown"):
        return Response(headers={"HX-Refresh": "true"})
    if shown == "pairing":
        return page.part("pairing.html", pair=pair)
    told = await page.get("/messages")
    return page.part("pair.html", pair=pair, nodes=_nodes(pair, told["node"]))


async def add(page: Page) -> Response:
    """Begin to pair: what is refused at once is shown in the form, all else on the page that it leads to."""
    pairing = _pairing(page)
    fields = fields_of(CREATE_PAIR)
    texts = sent_texts(await page.form(), fields)
    if not pairing.running:
        order = page.send("POST", "/pair", body_of(texts, fields))
        await pairing.begin(order, {**texts, "password": ""})
    if pairing.problem is None:
        return page.done(HA)
    return await _page(page, await page.get("/pair"), pairing.problem["status"])


async def settings(page: Page) -> Response:
    """Change when the slave takes over, and what."""
    editor = Editor(
        title="High-Availability Settings",
        sections=(HA_SETTINGS,),
        cancel=HA,
        resource="/ha",
        find=lambda document: document.get("ha"),
        done=lambda _: (HA, "The settings were saved and are in effect."),
    )
    return await editor.respond(page)


async def take_over(page: Page) -> Response:
    """Ask, then let this node become the master."""
    return await ask_first(
        page,
        "POST",
        "/pair/take-over",
        title="Take over?",
        text=f"This node becomes the master, and the addresses of all services move here. {HANDED}",
        submit="Take over",
        back=HA,
        notice="This node is the master now.",
        template="confirm_here.html",
    )


async def hand_over(page: Page) -> Response:
    """Ask, then let the peer become the master."""
    return await ask_first(
        page,
        "POST",
        "/pair/hand-over",
        title="Hand over?",
        text=f"The peer becomes the master, and the addresses of all services move there. {HANDED}",
        submit="Hand over",
        back=HA,
        notice="The peer is the master now.",
        template="confirm_here.html",
    )


async def remove(page: Page) -> Response:
    """Ask, then break the pair, or forget a peer that can't be told."""
    pair = await page.get("/pair")
    peer = pair["peer"]["hostname"] if pair["peer"] else pair["peer_ip"]
    return await ask_first(
        page,
        "DELETE",
        "/pair",
        title=f"Remove node {peer}?",
        text=_removed(pair),
        submit="Remove node",
        back=HA,
        notice="This node has left the pair.",
        template="confirm_here.html",
    )


def _removed(pair: Json) -> str:
    if pair["state"] == "leaving":
        return (
            "The peer could not be told yet that the pair is broken. Once it is forgotten, it never will be: "
            "if it returns, break the pair there, too, so that it does not serve with the same addresses."
        )
    return (
        "This node keeps everything and goes on serving, alone. The other one is left without virtual "
        "services, so that it does not serve with the same addresses; its Change History keeps them. Its own "
        "addresses, its names and its password stay as they are."
    )


async def resolve(page: Page) -> Response:
    """Let one of two configurations that were both changed be the pair's."""
    keep = (await page.form()).get("keep")
    reply = await page.send("POST", "/pair/resolve", {"keep": keep})
    notice = "Both nodes get the configuration that you have chosen."
    return await page.refused(reply) if reply.is_refused else page.done(HA, notice)


async def restart_heartbeat(page: Page, back: str = HA) -> Response:
    """Restart heartbeat, in a pair on both nodes."""
    await page.form()
    reply = await page.send("POST", "/services/heartbeat/restart")
    if reply.is_refused:
        return await page.refused(reply)
    peer = reply.json()["peer"]
    notice = f"Heartbeat was restarted here; on the peer it was not: {peer}." if peer else RESTARTED
    return page.done(back, notice)


async def _page(page: Page, pair: Json, status: int = 200) -> Response:
    pairing = _pairing(page)
    told = await page.get("/messages")
    shown = _shown(pair, pairing)
    if shown == "single":
        return await _create(page, told, pairing, status)
    problem, pairing.problem = pairing.problem, None
    texts = texts_of(await page.get("/ha"), HA_SETTINGS.fields)
    return await page.show(
        "ha.html",
        status,
        told=told,
        shown=shown,
        every_s=EVERY_S[shown],
        pair=pair,
        nodes=_nodes(pair, told["node"]),
        fields=HA_SETTINGS.fields,
        values={field.path: shown_text(texts[field.path], field) for field in HA_SETTINGS.fields},
        refused=as_sentence(problem["detail"]) if problem else "",
    )


async def _create(page: Page, told: Json, pairing: Pairing, status: int) -> Response:
    interfaces = (await page.get("/node"))["interfaces"]
    addresses = [each.partition("/")[0] for interface in interfaces for each in interface["addresses"]]
    here = server_of(page.request)
    section = create_pair(addresses, here if here in addresses else addresses[0])
    fields = fields_of(section)
    return await page.show(
        "ha_single.html",
        status,
        told=told,
        section=section,
        values={**default_texts(fields), **pairing.texts},
        errors=errors_of(pairing.problem, fields) if pairing.problem else {},
    )


def _pairing(page: Page) -> Pairing:
    found: Pairing = page.request.app.state.pairing
    return found


def _shown(pair: Json, pairing: Pairing) -> Shown:
    """Return the stage that the page is at."""
    if pair["state"] not in {"single", "pairing"}:
        return "pair"
    return "pairing" if pair["state"] == "pairing" or pairing.running or _goes_on(pair) else "single"


def _goes_on(pair: Json) -> bool:
    """Tell whether an attempt is under way, also one that was begun elsewhere."""
    progress = pair["progress"]
    if progress is None or progress["error"]:
        return False
    return any(step["state"] in {"waiting", "running"} for step in progress["steps"])


def _nodes(pair: Json, node: Json) -> list[Json]:
    """Return this node and its peer by the same names; None for a peer that was never heard."""
    here = {
        **{name: node[name] for name in ("hostname", "version", "uptime_s", "cluster_revision")},
        **{name: pair[name] for name in ("role", "role_since", "not_ready")},
    }
    return [
        {"where": "this node", "address": pair["local_ip"], "told": here, "fingerprint": pair["fingerprint"]},
        {
            "where": "peer",
            "address": pair["peer_ip"],
            "told": pair["peer"],
            "fingerprint": pair["peer_fingerprint"],
        },
    ]


ROUTES = [
    route(HA, ha),
    route(f"{HA}/live", live),
    button(f"{HA}/add", add),
    route(SETTINGS, settings, posts=True),
    route(f"{HA}/take-over", take_over, posts=True),
    route(f"{HA}/hand-over", hand_over, posts=True),
    route(f"{HA}/remove", remove, posts=True),
    button(f"{HA}/resolve", resolve),
    button(f"{HA}/restart-heartbeat", restart_heartbeat),
]
