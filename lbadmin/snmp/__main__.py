"""What snmpd asks for LBVA-MIB's values: its child, without privileges (snmpd.conf(5), "pass_persist")."""

import logging
import sys
import time
from bisect import bisect_right
from collections.abc import Callable
from typing import TextIO

from lbadmin import ipvs
from lbadmin.errors import UnavailableError
from lbadmin.snmp.tree import Oid, Seen, Value, tree_of
from lbadmin.statistics import COUNTERS_SOCKET, Row, ask, parse_statistics
from lbadmin.system import System

ROLE_FILE = "/run/lbadmin/role"
PAIR_FILE = "/etc/haproxy/peer.cfg"
"""Written by keepalived's notify script; there on a node of a pair alone."""

MAX_AGE_S = 5.0
"""A walk reads its hundreds of values from one look at HAProxy, and no asker makes more looks than this."""
TIMEOUT_S = 2.0
"""snmpd answers nobody while it waits."""

_ROLES = {"MASTER": "master", "BACKUP": "slave", "FAULT": "fault"}
_MAX_TEXT = 1_000

log = logging.getLogger("snmp")


class Agent:
    """Answers from what was seen within the last seconds; `look` sees, `clock` is monotonic."""

    def __init__(self, look: Callable[[], Seen], clock: Callable[[], float] = time.monotonic) -> None:
        self._look = look
        self._clock = clock
        self._looked_at: float | None = None
        self._values: dict[Oid, Value] = {}
        self._order: list[Oid] = []

    def get(self, oid: Oid) -> tuple[Oid, Value] | None:
        """Return the value of an OID, None when it has none."""
        self._refresh()
        value = self._values.get(oid)
        return None if value is None else (oid, value)

    def get_next(self, oid: Oid) -> tuple[Oid, Value] | None:
        """Return the first value after an OID, None at the end."""
        self._refresh()
        place = bisect_right(self._order, oid)
        if place == len(self._order):
            return None
        return self._order[place], self._values[self._order[place]]

    def _refresh(self) -> None:
        now = self._clock()
        if self._looked_at is None or now - self._looked_at >= MAX_AGE_S:
            self._values = tree_of(self._look())
            self._order = sorted(self._values)
            self._looked_at = now


def serve(agent: Agent, requests: TextIO, answers: TextIO) -> None:
    """Answer snmpd's requests until it ends."""
    for line in iter(requests.readline, ""):
        match line.strip()[:_MAX_TEXT]:
            case "":
                return
            case "PING":
                answer = "PONG"
            case "get":
                answer = _told(agent.get(_oid(requests.readline())))
            case "getnext":
                answer = _told(agent.get_next(_oid(requests.readline())))
            case "set":
                requests.readline()
                requests.readline()
                answer = "not-writable"
            case _:
                answer = "NONE"
        answers.write(f"{answer}\n")
        answers.flush()


def _oid(line: str) -> Oid:
    return tuple(int(part) for part in line.strip().split(".") if part.isdigit())


def _told(found: tuple[Oid, Value] | None) -> str:
    if found is None:
        return "NONE"
    oid, value = found
    return f".{'.'.join(map(str, oid))}\n{value.kind}\n{value.text}"


def look(system: System) -> Seen:
    """Return what HAProxy and the kernel say now; a HAProxy that does not answer has no services."""
    rows: list[Row] = []
    try:
        rows = parse_statistics(ask(str(system.path(COUNTERS_SOCKET)), "show stat", TIMEOUT_S))
    except UnavailableError as error:
        log.warning("%s", error)
    return Seen(system.version(), _role(system), rows, *ipvs.read(system.root))


def _role(system: System) -> str:
    if not system.path(PAIR_FILE).exists():
        return "single"
    try:
        state = system.path(ROLE_FILE).read_text(encoding="ascii").partition(" ")[0]
    except (OSError, UnicodeDecodeError):
        return "unknown"
    return _ROLES.get(state, "unknown")


if __name__ == "__main__":
    logging.basicConfig(stream=sys.stderr, format="%(name)s: %(message)s")
    serve(Agent(lambda: look(System())), sys.stdin, sys.stdout)
