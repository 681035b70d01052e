"""Services made from templates: what a deployment guide prescribes, as one change."""

from lbadmin.cli.grammar import Group, Json, Options, Parser, Verb
from lbadmin.cli.tables import show_plan
from lbadmin.cli.terminal import UsageError
from lbadmin.client import Client

TEMPLATES = "/layer7/templates"


def _take_front_end(parser: Parser) -> None:
    parser.take(
        "--label", default="OCS-Front-End", help="name of the virtual service (default: OCS-Front-End)"
    )
    parser.take("--ip", required=True, metavar="ADDRESS", help="address that the clients connect to")
    parser.take(
        "--rip",
        required=True,
        action="append",
        metavar="LABEL=ADDRESS",
        help="a front end server; given once for each",
    )
    _take_preview(parser)


def _take_preview(parser: Parser) -> None:
    parser.take("--preview", action="store_true", help="show what would change, and change nothing")


def _front_end(client: Client, options: Options) -> Json:
    servers = [{"label": label, "ip": ip} for label, ip in map(_server, options.rip)]
    return _apply(client, "ocs-front-end", options, label=options.label, ip=options.ip, real_servers=servers)


def _apply(client: Client, template: str, options: Options, **body: Json) -> Json:
    return client.call("POST", f"{TEMPLATES}/{template}{'/preview' if options.preview else ''}", body)


def _server(text: str) -> tuple[str, str]:
    label, sign, ip = text.partition("=")
    if not sign:
        raise UsageError(f"{text} is not a real server; write it such as FE-1=192.168.10.31")
    return label, ip


GROUP = Group(
    "Services from templates",
    (
        Verb(
            "add-ocs-front-end", "balance an OCS 2007 R2 Front End pool, as the deployment guide says",
            _front_end, show_plan, _take_front_end,
            "add-ocs-front-end --ip 192.168.10.30 --rip FE-1=192.168.10.31 --rip FE-2=192.168.10.32",
        ),
    ),
)  # fmt: skip
