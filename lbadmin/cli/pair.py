"""The pair: two appliances that back each other."""

from lbadmin.bodies import body_of
from lbadmin.catalogue import fields_of
from lbadmin.catalogue_pair import CREATE_PAIR, HA_SETTINGS
from lbadmin.cli.grammar import Group, Json, Options, Parser, Run, Verb, take_sections, texts_given
from lbadmin.cli.tables_pair import show_ha, show_pair
from lbadmin.cli.terminal import UsageError, confirm, read_secret
from lbadmin.client import Client

PAIR = "/pair"
SETTINGS = "/ha"


def _take_peer(parser: Parser) -> None:
    take_sections(parser, CREATE_PAIR, new=True)


def _take_keep(parser: Parser) -> None:
    parser.take(
        "--keep",
        required=True,
        choices=("this", "peer"),
        help="whose configuration both nodes shall have: this node's, or the peer's",
    )


def _take_yes(parser: Parser) -> None:
    parser.take("--yes", action="store_true", help="do not ask first")


def _take_settings(parser: Parser) -> None:
    take_sections(parser, HA_SETTINGS, new=False)


def _get(path: str) -> Run:
    return lambda client, _: client.call("GET", path)


def _post(path: str) -> Run:
    return lambda client, _: client.call("POST", path)


def _create(client: Client, options: Options) -> Json:
    body = body_of(texts_given(options, CREATE_PAIR), fields_of(CREATE_PAIR))
    body["password"] = read_secret("password of the loadbalancer user on the peer")
    return client.call("POST", PAIR, body)


def _remove(client: Client, options: Options) -> Json:
    consequence = "the peer is left without virtual services, and this node serves alone"
    confirm("remove", consequence, sure=options.yes)
    return client.call("DELETE", PAIR)


def _resolve(client: Client, options: Options) -> Json:
    return client.call("POST", f"{PAIR}/resolve", {"keep": options.keep})


def _edit(client: Client, options: Options) -> Json:
    texts = texts_given(options, HA_SETTINGS)
    if not texts:
        raise UsageError("nothing to change; give at least one option")
    return client.call("PATCH", SETTINGS, body_of(texts, fields_of(HA_SETTINGS)))


GROUP = Group(
    "The pair",
    (
        Verb("pair-show", "show both nodes, their synchronisation and failovers", _get(PAIR), show_pair),
        Verb(
            "pair-create",
            "add a second appliance as the slave; its password is typed, or a line of standard input",
            _create, show_pair, _take_peer, "pair-create --local-ip 192.168.2.21 --peer-ip 192.168.2.22",
        ),
        Verb(
            "pair-remove", "break the pair; a peer that can't be told is forgotten the second time", _remove,
            show_pair, _take_yes, "pair-remove --yes",
        ),
        Verb(
            "pair-resolve", "say whose configuration counts after both were changed", _resolve,
            show_pair, _take_keep, "pair-resolve --keep this",
        ),
        Verb("take-over", "make this node the master", _post(f"{PAIR}/take-over")),
        Verb("hand-over", "make the peer the master", _post(f"{PAIR}/hand-over")),
        Verb(
            "restart-heartbeat", "restart heartbeat (keepalived), in a pair on both nodes",
            _post("/services/heartbeat/restart"),
        ),
        Verb("ha-show", "show when the slave takes over, and what", _get(SETTINGS), show_ha),
        Verb(
            "ha-edit", "change when the slave takes over, and what", _edit, show_ha, _take_settings,
            "ha-edit --sensitivity fast --floating-addresses 192.168.2.20",
        ),
    ),
)  # fmt: skip
