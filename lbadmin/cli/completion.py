"""Completion in the shell, by argcomplete: verbs, options, and the labels that the appliance has now."""

import argparse
import os
from collections.abc import Callable
from typing import Any, TypeAlias

import argcomplete
from argcomplete.completers import ChoicesCompleter, FilesCompleter

from lbadmin.cli.grammar import Options, Parser
from lbadmin.cli.layer4 import LAYER4
from lbadmin.cli.services import LAYER7, layer_of
from lbadmin.cli.verbs import GROUPS, verb_of
from lbadmin.client import Client
from lbadmin.errors import LbadminError

Json: TypeAlias = Any
Found = Callable[[Client, Options], list[str]]

TIMEOUT_S = 2.0
"""How long somebody who pressed the tabulator key waits for labels; without an answer there are none."""

# argcomplete has no types for its completers.
NOTHING = ChoicesCompleter(())  # type: ignore[no-untyped-call]
"""Completes what nobody can guess, such as an address; argcomplete's own default is the names of files."""


def complete(path: str) -> None:
    """Complete the word that the shell asks for, and end the process."""
    argcomplete.autocomplete(grammar(os.environ.get("COMP_LINE", ""), path), default_completer=NOTHING)


def grammar(line: str, path: str) -> argparse.ArgumentParser:
    """Return the whole grammar with all verbs; only the one that is in the line has its options."""
    client = Client(path, TIMEOUT_S)
    top = argparse.ArgumentParser(prog="lbcli")
    top.add_argument("--json", action="store_true")
    verbs = top.add_subparsers(parser_class=Parser)
    for group in GROUPS:
        for verb in group.verbs:
            verbs.add_parser(verb.name, help=verb.about)
    verb = next(filter(None, map(verb_of, line.split()[1:])), None)
    if verb is not None:
        chosen = verbs.choices[verb.name]
        verb.fill(chosen)
        for action, what in chosen.completed:
            action.completer = _completer(what, client)  # type: ignore[attr-defined] # argcomplete's way
    return top


def _completer(what: str, client: Client) -> Callable[..., list[str]]:
    if what == "files":
        return FilesCompleter()  # type: ignore[no-untyped-call]

    def found(*, parsed_args: Options, **_: object) -> list[str]:
        try:
            return _FOUND[what](client, parsed_args)
        except (LbadminError, KeyError, TypeError):
            # The shell shows what is printed here in the middle of the line that is being typed.
            return []

    return found


def _names(path: str, items: str, name: str = "label") -> Found:
    return lambda client, _: [str(each[name]) for each in client.call("GET", path)[items]]


def _servers(client: Client, options: Options) -> list[str]:
    service = client.call("GET", layer_of(client, options.vip).service_path(options.vip))
    return [each["label"] for each in service["real_servers"]]


def _revisions(client: Client, options: Options) -> list[str]:
    document = "node" if options.node else "cluster"
    return [str(each["revision"]) for each in client.call("GET", f"/history/{document}")["revisions"]]


def _link_names(client: Client) -> list[str]:
    return [each["name"] for each in client.call("GET", "/interfaces")["interfaces"]]


def _interfaces(client: Client, _: Options) -> list[str]:
    return [f"{name}=" for name in _link_names(client)]


_FOUND: dict[str, Found] = {
    "services": lambda client, _: [*LAYER4.labels(client), *LAYER7.labels(client)],
    "layer4 services": lambda client, _: LAYER4.labels(client),
    "layer7 services": lambda client, _: LAYER7.labels(client),
    "servers": _servers,
    "certificates": _names("/layer7/certificates", "certificates"),
    "check_scripts": _names("/layer7/check-scripts", "check_scripts"),
    "time_zones": _names("/node/time-zones", "time_zones"),
    "users": _names("/users", "users", "name"),
    "api_keys": _names("/api-keys", "api_keys", "name"),
    "rendered": lambda client, _: list(client.call("GET", "/files")["files"]),
    "interfaces": _interfaces,
    "links": lambda client, _: _link_names(client),
    "revisions": _revisions,
}
