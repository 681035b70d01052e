"""Services from templates: all that a role of OCS 2007 R2 needs, as one change."""

from lbadmin.catalogue_templates import METHOD
from lbadmin.cli.grammar import Group, Json, Options, Parser, Verb, take_field
from lbadmin.cli.tables import show_plan
from lbadmin.cli.terminal import UsageError
from lbadmin.client import Client

TEMPLATES = "/layer7/templates"

INTERFACES = {
    "access": "the Access Edge",
    "web_conferencing": "the Web Conferencing Edge",
    "av": "the A/V Edge",
    "internal": "the internal edge",
}


def _take_front_end(parser: Parser) -> None:
    parser.take("--label", help="name of the virtual service (default: OCS-Front-End)")
    parser.take("--ip", required=True, metavar="ADDRESS", help="address that the clients connect to")
    take_field(parser, METHOD, new=True)
    parser.take(
        "--rip",
        required=True,
        action="append",
        metavar="LABEL=ADDRESS",
        help="a front end server; given once for each",
    )
    _take_preview(parser)


def _take_edge(parser: Parser) -> None:
    parser.take("--label", help="what the names of the virtual services begin with (default: OCS-Edge)")
    for name, what in INTERFACES.items():
        parser.take(
            f"--{_word(name)}-ip",
            metavar="ADDRESS",
            help=f"virtual address of {what}; left out, it is not balanced",
        )
    parser.take(
        "--rip",
        required=True,
        action="append",
        metavar="LABEL,INTERFACE=ADDRESS,…",
        help="an Edge Server and its addresses, by the names access, web-conferencing, av and internal; "
        "given once for each",
    )
    _take_preview(parser)


def _take_preview(parser: Parser) -> None:
    parser.take("--preview", action="store_true", help="show what would change, and change nothing")


def _front_end(client: Client, options: Options) -> Json:
    servers = [dict(zip(("label", "ip"), _pair(each), strict=True)) for each in options.rip]
    body = {"ip": options.ip, "real_servers": servers}
    if options.method is not None:
        body["method"] = options.method
    return _apply(client, "ocs-front-end", options, body)


def _edge(client: Client, options: Options) -> Json:
    addresses = {f"{name}_ip": getattr(options, f"{name}_ip") for name in INTERFACES}
    return _apply(
        client,
        "ocs-edge",
        options,
        {**addresses, "real_servers": [_edge_server(each) for each in options.rip]},
    )


def _apply(client: Client, template: str, options: Options, body: dict[str, Json]) -> Json:
    if options.label is not None:
        body["label"] = options.label
    return client.call("POST", f"{TEMPLATES}/{template}{'/preview' if options.preview else ''}", body)


def _edge_server(text: str) -> dict[str, str]:
    label, *parts = text.split(",")
    words = {_word(name): f"{name}_ip" for name in INTERFACES}
    server = {"label": label}
    for name, address in map(_pair, parts):
        if name not in words:
            raise UsageError(f"{name} is not an interface of an Edge Server; use {', '.join(words)}")
        server[words[name]] = address
    return server


def _pair(text: str) -> tuple[str, str]:
    name, sign, address = text.partition("=")
    if not sign:
        raise UsageError(f"{text} has no address; write it such as FE-1=192.168.10.31")
    return name, address


def _word(name: str) -> str:
    return name.replace("_", "-")


GROUP = Group(
    "Services from templates",
    (
        Verb(
            "add-ocs-front-end", "balance an OCS 2007 R2 Front End pool, as the deployment guide says",
            _front_end, show_plan, _take_front_end,
            "add-ocs-front-end --ip 192.168.10.30 --rip FE-1=192.168.10.31 --rip FE-2=192.168.10.32",
        ),
        Verb(
            "add-ocs-edge", "balance an array of OCS 2007 R2 Edge Servers", _edge, show_plan, _take_edge,
            "add-ocs-edge --access-ip 192.168.10.50 --internal-ip 192.168.10.51 "
            "--rip EDGE-1,access=192.168.10.61,internal=192.168.10.62 --preview",
        ),
    ),
)  # fmt: skip
