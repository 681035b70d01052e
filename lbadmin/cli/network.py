"""This node's interfaces and routes: bonds, VLANs, MTU, static and policy routes."""

from collections.abc import Callable, Sequence
from typing import Any

from lbadmin.bodies import body_of
from lbadmin.catalogue import Section, fields_of
from lbadmin.catalogue_network import BOND, INTERFACE, NEW_BOND, NEW_VLAN, VLAN
from lbadmin.cli.grammar import Group, Json, Options, Parser, Run, Verb, take_sections, texts_given
from lbadmin.cli.terminal import UsageError
from lbadmin.client import Client
from lbadmin.node.linkedit import with_interface, without_interface
from lbadmin.node.routelines import DEFAULTS

NEW = {"bond": NEW_BOND, "vlan": NEW_VLAN}
ALL = (BOND, VLAN, INTERFACE)


def take_confirmed(parser: Parser) -> None:
    """Add the option of all that could cut off who asks for it."""
    parser.take(
        "--confirmed",
        action="store_true",
        help="keep the change even if it cuts you off; without it, such a change is taken back after a "
        "minute unless `lbcli confirm` follows",
    )


def change_node(client: Client, options: Options, edit: Callable[[Json], Json]) -> Json:
    """Patch the node with what `edit` makes of it, if nobody else has changed it meanwhile."""
    old = client.asked("GET", "/node")
    path = "/node?confirmed=true" if options.confirmed else "/node"
    return client.call("PATCH", path, edit(old.body), revision=old.headers["etag"])


def interface_of(name: str, node: Json) -> Json:
    """Return an interface of the node; one that is not configured yet has nothing."""
    empty = {"name": name, "addresses": []}
    return next((each for each in node["interfaces"] if each["name"] == name), empty)


def _take_new(*sections: Section) -> Callable[[Parser], None]:
    def take(parser: Parser) -> None:
        take_sections(parser, *sections, new=True)
        take_confirmed(parser)

    return take


def _add(kind: str) -> Run:
    sections = NEW[kind]

    def run(client: Client, options: Options) -> Json:
        new = {"addresses": [], **_body(options, sections)}

        def edit(node: Json) -> Json:
            # One of that name stays in the list, so that lbadmind refuses the second.
            same = [each for each in node["interfaces"] if each["name"] == new["name"]]
            return {"interfaces": [*same, *with_interface(node["interfaces"], new)]}

        return change_node(client, options, edit)

    return run


def _body(options: Options, sections: Sequence[Section]) -> dict[str, Any]:
    return body_of(texts_given(options, *sections), fields_of(*sections))


def _take_name(parser: Parser) -> None:
    parser.take("--name", required=True, metavar="INTERFACE", completes="links", help="the interface's name")


def _take_edit(parser: Parser) -> None:
    _take_name(parser)
    take_sections(parser, *ALL, new=False)
    take_confirmed(parser)


def _edit(client: Client, options: Options) -> Json:
    given = _body(options, ALL)
    if not given:
        raise UsageError("nothing to change; give at least one option")

    def edit(node: Json) -> Json:
        old = interface_of(options.name, node)
        merged = {
            part: {**(old.get(part) or {}), **given[part]} for part in ("bond", "vlan") if part in given
        }
        return {"interfaces": with_interface(node["interfaces"], {**old, **given, **merged})}

    return change_node(client, options, edit)


def _take_delete(parser: Parser) -> None:
    _take_name(parser)
    take_confirmed(parser)


def _delete(client: Client, options: Options) -> Json:
    def edit(node: Json) -> Json:
        if not any(each["name"] == options.name for each in node["interfaces"]):
            raise UsageError(f"{options.name} is not configured; `lbcli node` tells what is")
        return {"interfaces": without_interface(node["interfaces"], options.name)}

    return change_node(client, options, edit)


def _take_route(parser: Parser) -> None:
    parser.take(
        "--to", required=True, metavar="NETWORK", help="the network to reach, such as 10.0.0.0/8, or default"
    )
    parser.take(
        "--from",
        dest="source",
        metavar="NETWORK",
        help="the network for whose packets alone the route is: it is a policy route then",
    )
    take_confirmed(parser)


def _take_new_route(parser: Parser) -> None:
    parser.take("--via", required=True, metavar="ADDRESS", help="the router")
    _take_route(parser)


def _add_route(client: Client, options: Options) -> Json:
    source = f" from {options.source}" if options.source else ""
    line = f"{options.to} via {options.via}{source}"
    return change_node(client, options, lambda node: {"routes": [*node["routes"], line]})


def _delete_route(client: Client, options: Options) -> Json:
    networks = set(DEFAULTS.values()) if options.to == "default" else {options.to}

    def edit(node: Json) -> Json:
        left = [
            each
            for each in node["routes"]
            if each["destination"] not in networks or each["source"] != options.source
        ]
        if len(left) == len(node["routes"]):
            raise UsageError("there is no such route; `lbcli node` tells which there are")
        return {"routes": left}

    return change_node(client, options, edit)


GROUP = Group(
    "Network of this appliance",
    (
        Verb(
            "add-bond", "use network interfaces as one", _add("bond"), options=_take_new(*NEW_BOND),
            example="add-bond --name bond0 --members eth1,eth2 --mode 802.3ad",
        ),
        Verb(
            "add-vlan", "add a VLAN to an interface", _add("vlan"), options=_take_new(*NEW_VLAN),
            example="add-vlan --name vlan20 --parent eth1 --id 20 --addresses 192.168.20.21/24",
        ),
        Verb(
            "edit-interface", "change an interface: addresses, MTU, what it is made of", _edit,
            options=_take_edit, example="edit-interface --name eth1 --mtu 9000",
        ),
        Verb(
            "delete-interface", "remove a bond or a VLAN, or leave an interface unused", _delete,
            options=_take_delete, example="delete-interface --name vlan20",
        ),
        Verb(
            "add-route", "add a static route or a policy route", _add_route,
            options=_take_new_route, example="add-route --to 10.0.0.0/8 --via 192.168.2.254",
        ),
        Verb(
            "delete-route", "remove a static route or a policy route", _delete_route, options=_take_route,
            example="delete-route --to 10.0.0.0/8",
        ),
    ),
)  # fmt: skip
