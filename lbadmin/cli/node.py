"""This node: what belongs to it alone, and its own buttons."""

from lbadmin.bodies import body_of
from lbadmin.catalogue import fields_of
from lbadmin.catalogue_firewall import FIREWALL_SCRIPT, LOCKDOWN, SSH
from lbadmin.catalogue_monitoring import MONITORING
from lbadmin.catalogue_network import ROUTING
from lbadmin.catalogue_node import NODE_SERVICES
from lbadmin.catalogue_requests import HOSTNAME
from lbadmin.catalogue_snmp import SNMP_SECTIONS
from lbadmin.cli.grammar import Group, Json, Options, Parser, Run, Verb, take_sections, texts_given
from lbadmin.cli.network import interface_of, take_confirmed
from lbadmin.cli.tables import (
    show_clock,
    show_firewall,
    show_interfaces,
    show_licence,
    show_node,
    show_ssh,
    show_unconfirmed,
)
from lbadmin.cli.terminal import UsageError, confirm, read_text
from lbadmin.client import Client

SECTIONS = (HOSTNAME, ROUTING, FIREWALL_SCRIPT, LOCKDOWN, SSH, *NODE_SERVICES, *SNMP_SECTIONS, *MONITORING)


def _take_node(parser: Parser) -> None:
    take_sections(parser, *SECTIONS, new=False, secrets=True)
    take_confirmed(parser)
    parser.take(
        "--address",
        action="append",
        metavar="INTERFACE=ADDRESS/PREFIX,…",
        completes="interfaces",
        help="the appliance's own addresses on an interface, instead of those it had there; none for blank. "
        "May be given once for each interface",
    )


def _confirm(client: Client, _: Options) -> Json:
    return client.call("POST", "/node/confirm")


def _unconfirmed(client: Client, _: Options) -> Json:
    return client.call("GET", "/node/unconfirmed")


def _take_yes(parser: Parser) -> None:
    parser.take("--yes", action="store_true", help="do not ask first")


def _show(client: Client, _: Options) -> Json:
    return client.call("GET", "/node")


def _interfaces(client: Client, _: Options) -> Json:
    return client.call("GET", "/interfaces")


def _clock(client: Client, _: Options) -> Json:
    return client.call("GET", "/node/time")


def _change(client: Client, options: Options) -> Json:
    body = body_of(texts_given(options, *SECTIONS), fields_of(*SECTIONS))
    path = "/node?confirmed=true" if options.confirmed else "/node"
    if options.address is None:
        if not body:
            raise UsageError("nothing to change; give at least one option")
        return client.call("PATCH", path, body)
    given = dict(map(_addresses, options.address))
    old = client.asked("GET", "/node")
    configured = {each["name"]: each for each in old.body["interfaces"]}
    for name, addresses in given.items():
        configured[name] = {**interface_of(name, old.body), "addresses": addresses}
    body["interfaces"] = list(configured.values())
    return client.call("PATCH", path, body, revision=old.headers["etag"])


def _addresses(text: str) -> tuple[str, list[str]]:
    name, sign, addresses = text.partition("=")
    if not sign:
        raise UsageError(f"{text} names no interface; write it such as eth1=192.168.10.21/24")
    return name, [each for each in addresses.split(",") if each]


def _take_licence(parser: Parser) -> None:
    parser.take("file", metavar="FILE", completes="files", help="the licence key file; - is standard input")


def _licence(client: Client, _: Options) -> Json:
    return client.call("GET", "/licence")


def _apply_licence(client: Client, options: Options) -> Json:
    return client.call("PUT", "/licence", {"licence": read_text(options.file)})


def _post(path: str) -> Run:
    return lambda client, _: client.call("POST", path)


def _sure(word: str, consequence: str) -> Run:
    def run(client: Client, options: Options) -> Json:
        confirm(word, consequence, sure=options.yes)
        return client.call("POST", f"/system/{word}")

    return run


GROUP = Group(
    "This appliance",
    (
        Verb("node", "show addresses, routes, names and this node's services", _show, show_node),
        Verb(
            "set-node", "change addresses, routes, names, firewall, SSH and services", _change,
            options=_take_node,
            example="set-node --address eth1=192.168.10.21/24 --gateway 192.168.2.1 --dns 192.168.2.1",
        ),
        Verb(
            "unconfirmed", "show the change that is taken back unless it is confirmed", _unconfirmed,
            show_unconfirmed,
        ),
        Verb("confirm", "keep a change that could have cut you off", _confirm),
        Verb("firewall", "show the lockdown and the firewall script", _show, show_firewall),
        Verb("ssh", "show who logs in by SSH, and how", _show, show_ssh),
        Verb("time", "show the clock and its time servers", _clock, show_clock),
        Verb(
            "test-mail", "send a test mail to the recipients of the SMTP relay", _post("/node/mail/test")
        ),
        Verb("interfaces", "show the network interfaces that there are", _interfaces, show_interfaces),
        Verb("licence", "show the trial or the licence", _licence, show_licence),
        Verb(
            "apply-licence", "apply a licence key file", _apply_licence, show_licence, _take_licence,
            "apply-licence licence.json",
        ),
        Verb(
            "reload-haproxy", "reload HAProxy gracefully: open connections stay",
            _post("/services/haproxy/reload"),
        ),
        Verb(
            "restart-haproxy", "restart HAProxy: all connections end", _post("/services/haproxy/restart")
        ),
        Verb(
            "reboot", "reboot the appliance", _sure("reboot", "all connections end until it has booted"),
            options=_take_yes, example="reboot --yes",
        ),
        Verb(
            "shutdown", "shut the appliance down",
            _sure("shutdown", "all connections end, and only its power button starts it again"),
            options=_take_yes, example="shutdown --yes",
        ),
        Verb(
            "factory-reset", "go back to the state of delivery",
            _sure("factory-reset", "configuration, history, certificates, passwords and API keys are lost"),
            options=_take_yes, example="factory-reset --yes",
        ),
    ),
)  # fmt: skip
