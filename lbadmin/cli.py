"""lbcli: the appliance's verbs at the console and for scripts, as a client of lbadmind's socket."""

import argparse
import json
import sys
from collections.abc import Callable
from typing import Any, TypeAlias
from urllib.parse import quote

from lbadmin.client import SOCKET, Client
from lbadmin.errors import LbadminError
from lbadmin.tables import option_name, show_fields, show_history, show_node, show_services, show_status

Json: TypeAlias = Any
Verb = Callable[[Client, argparse.Namespace], Json]
Show = Callable[[Json], str]

SETTINGS = (
    "connection_timeout_ms", "client_timeout_ms", "real_server_timeout_ms", "stop_old_workers_after_ms",
    "maxconn", "redispatch", "logging", "log_only_errors",
)  # fmt: skip


def main(arguments: list[str] | None = None) -> int:
    """Carry out one verb; return 0, or 1 when it was refused: one line on stderr tells why."""
    options = parser().parse_args(arguments)
    try:
        answer = options.verb(Client(options.socket), options)
    except LbadminError as error:
        print(f"lbcli: {error.sentence}", file=sys.stderr)
        return 1
    text = json.dumps(answer, indent=2) if options.json else options.show(answer)
    if text:
        print(text)
    return 0


def parser() -> argparse.ArgumentParser:
    """Return the command line's grammar."""
    top = argparse.ArgumentParser(prog="lbcli", description=__doc__)
    top.add_argument("--socket", default=SOCKET, help=argparse.SUPPRESS)
    top.add_argument("--json", action="store_true", help="print the API's answer instead of a table")
    verbs = top.add_subparsers(metavar="VERB", required=True)

    def verb(name: str, run: Verb, show: Show, about: str) -> argparse.ArgumentParser:
        made = verbs.add_parser(name, help=about, description=about)
        made.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
        made.set_defaults(verb=run, show=show)
        return made

    verb("status", _get("/status"), show_status, "show node, virtual services and real servers")
    verb("list-vips", _get("/layer7/virtual-services"), show_services, "list the virtual services")
    _service_verbs(verb)
    _server_verbs(verb)
    settings = verb("settings", _settings, show_fields, "show or change the layer 7 settings")
    for name in SETTINGS:
        settings.add_argument(f"--{option_name(name)}", dest=name, metavar="VALUE")
    verb("node", _get("/node"), show_node, "show this node's own configuration")
    verb("history", _get("/history/cluster"), show_history, "show who changed what, and when")
    for what in ("reload", "restart"):
        run = _post(f"/services/haproxy/{what}")
        verb(f"{what}-haproxy", run, _nothing, f"{what} HAProxy")
    return top


def _service_verbs(verb: Callable[[str, Verb, Show, str], argparse.ArgumentParser]) -> None:
    for name, run, about in (
        ("add-vip", _add_vip, "add a virtual service"),
        ("edit-vip", _edit_vip, "change a virtual service"),
    ):
        made = verb(name, run, _nothing, about)
        new = name == "add-vip"
        made.add_argument("--label", required=True)
        made.add_argument("--ip", required=new)
        made.add_argument("--ports", required=new, help="such as 5060,5061,5071-5074")
        made.add_argument("--protocol", choices=("tcp", "http"))
        made.add_argument("--scheduler", choices=("leastconn", "roundrobin", "source"))
        made.add_argument("--persistence", choices=("source_ip", "none"))
        made.add_argument("--persistence-timeout", metavar="DURATION", help="such as 30m")
        made.add_argument("--check", choices=("connect", "none"))
        made.add_argument("--check-port", metavar="PORT")
        made.add_argument("--check-interval", metavar="DURATION", help="such as 4s")
        made.add_argument("--enabled", choices=("true", "false"))
        if not new:
            made.add_argument("--new-label")
    made = verb("delete-vip", _delete_vip, _nothing, "delete a virtual service")
    made.add_argument("--label", required=True)


def _server_verbs(verb: Callable[[str, Verb, Show, str], argparse.ArgumentParser]) -> None:
    for name, run, about in (
        ("add-rip", _add_rip, "add a real server"),
        ("edit-rip", _edit_rip, "change a real server"),
    ):
        made = verb(name, run, _nothing, about)
        made.add_argument("--vip", required=True, help="label of the virtual service")
        made.add_argument("--label", required=True)
        made.add_argument("--ip", required=name == "add-rip")
        made.add_argument("--port", help="blank for the port that the client came to")
        made.add_argument("--weight")
        if name == "edit-rip":
            made.add_argument("--new-label")
    made = verb("delete-rip", _delete_rip, _nothing, "delete a real server")
    made.add_argument("--vip", required=True)
    made.add_argument("--label", required=True)
    for state, about in (
        ("online", "let a real server serve"),
        ("drain", "keep a real server's clients, give it no new ones"),
        ("halt", "take a real server out at once"),
    ):
        made = verb(state, _state, _nothing, about)
        made.set_defaults(state=state)
        made.add_argument("--vip", required=True)
        made.add_argument("--rip", required=True)


def _get(path: str) -> Verb:
    return lambda client, _: client.call("GET", path)


def _post(path: str) -> Verb:
    return lambda client, _: client.call("POST", path)


def _nothing(_: object) -> str:
    return ""


def _value(text: str) -> object:
    """Return what a word of the command line means in JSON; the API says what it thinks of it."""
    if text in {"true", "false"}:
        return text == "true"
    if text == "":
        return None
    return int(text) if text.isascii() and text.isdigit() else text


def _given(**fields: str | None) -> dict[str, object]:
    return {name: _value(text) for name, text in fields.items() if text is not None}


def _service_body(options: argparse.Namespace) -> dict[str, object]:
    body = _given(protocol=options.protocol, scheduler=options.scheduler, enabled=options.enabled)
    # Addresses and lists of ports are text, also when they look like a number.
    body |= {name: text for name in ("ip", "ports") if (text := getattr(options, name)) is not None}
    persistence = _given(mode=options.persistence, timeout_ms=options.persistence_timeout)
    check = _given(type=options.check, check_ports=options.check_port, interval_ms=options.check_interval)
    return body | {
        name: part for name, part in (("persistence", persistence), ("health_check", check)) if part
    }


def _vip(label: str) -> str:
    return f"/layer7/virtual-services/{quote(label, safe='')}"


def _rip(vip: str, label: str) -> str:
    return f"{_vip(vip)}/real-servers/{quote(label, safe='')}"


def _add_vip(client: Client, options: argparse.Namespace) -> Json:
    body = {"label": options.label, **_service_body(options)}
    return client.call("POST", "/layer7/virtual-services", body)


def _edit_vip(client: Client, options: argparse.Namespace) -> Json:
    rename = {"label": options.new_label} if options.new_label is not None else {}
    return client.call("PATCH", _vip(options.label), {**_service_body(options), **rename})


def _delete_vip(client: Client, options: argparse.Namespace) -> Json:
    return client.call("DELETE", _vip(options.label))


def _server_body(options: argparse.Namespace) -> dict[str, object]:
    body = _given(port=options.port, weight=options.weight)
    return body if options.ip is None else {**body, "ip": options.ip}


def _add_rip(client: Client, options: argparse.Namespace) -> Json:
    body = {"label": options.label, **_server_body(options)}
    return client.call("POST", f"{_vip(options.vip)}/real-servers", body)


def _edit_rip(client: Client, options: argparse.Namespace) -> Json:
    rename = {"label": options.new_label} if options.new_label is not None else {}
    return client.call("PATCH", _rip(options.vip, options.label), {**_server_body(options), **rename})


def _delete_rip(client: Client, options: argparse.Namespace) -> Json:
    return client.call("DELETE", _rip(options.vip, options.label))


def _state(client: Client, options: argparse.Namespace) -> Json:
    return client.call("PUT", f"{_rip(options.vip, options.rip)}/state", {"state": options.state})


def _settings(client: Client, options: argparse.Namespace) -> Json:
    patch = _given(**{name: getattr(options, name) for name in SETTINGS})
    path = "/layer7/settings"
    return client.call("PATCH", path, patch) if patch else client.call("GET", path)


if __name__ == "__main__":
    sys.exit(main())
