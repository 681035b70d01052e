"""From what is to what has happened: real servers, role and messages, compared with the last look."""

import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from lbadmin.alerts.event import Event, Name, Severity
from lbadmin.haproxy import SERVER_ROW
from lbadmin.messages import Message
from lbadmin.pair.role import Role
from lbadmin.statistics import Health
from lbadmin.status_layer4 import Layer4ServiceStatus

Server = tuple[str, str]
"""A real server by the labels of service and server."""
State = Literal["up", "down"]

FLAPS = 4
FLAP_WINDOW = timedelta(minutes=10)
STEADY = timedelta(minutes=5)
"""A server that changed four times in ten minutes is told of as flapping, then when it is steady for five."""

STEADY_LOOKS = 2
"""Looks in a row that a message has to be there, or gone, before it is told: a restart is no alert."""

TRANSIENT = frozenset({"confirm-node", "restart-heartbeat"})
"""Actions of messages to whoever works at the appliance now."""

_TIME_LEFT = re.compile(r"\b[0-9]+ (days?|s)\b")


class Look(NamedTuple):
    """What there is at a moment: states are None while nobody knows."""

    now: datetime
    hostname: str
    role: Role
    servers: Mapping[Server, State | None]
    messages: Iterable[Message]


@dataclass
class _Flap:
    changes: deque[datetime] = field(default_factory=lambda: deque(maxlen=FLAPS))
    muted: bool = False


@dataclass
class Tracker:
    """Remembers what was told: the states of real servers, and warnings by what they are about."""

    servers: dict[Server, State] = field(default_factory=dict)
    active: dict[str, str] = field(default_factory=dict)
    _flaps: dict[Server, _Flap] = field(default_factory=dict)
    _role: Role | None = None
    _looks: dict[str, int] = field(default_factory=dict)

    def look(self, seen: Look) -> list[Event]:
        """Return what has happened since the last look; the first one is where it begins."""
        return [*self._of_role(seen), *self._of_servers(seen), *self._of_messages(seen)]

    def _of_role(self, seen: Look) -> Iterator[Event]:
        last, now = self._role, seen.role
        if now == "unknown":
            return
        self._role = now
        if last is None or now == last:
            return
        # In a pair the new master tells, since the old one may be gone.
        if now == "master" and last != "single":
            text = f"{seen.hostname} is the master now; it was {_ROLES[last]} before."
            yield Event(event="master", severity="warning", object=seen.hostname, text=text, time=seen.now)
        elif now == "fault":
            text = f"{seen.hostname} can't serve as it should: its role is fault."
            yield Event(event="fault", severity="critical", object=seen.hostname, text=text, time=seen.now)

    def _of_servers(self, seen: Look) -> Iterator[Event]:
        tells = seen.role in {"single", "master", "unknown"}
        for server in set(self.servers) - set(seen.servers):
            del self.servers[server]
            self._flaps.pop(server, None)
        for server, state in seen.servers.items():
            if state is None:
                continue
            # One that is new is expected to be up.
            last = self.servers.get(server, "up")
            self.servers[server] = state
            if last != state:
                yield from self._changed(seen, server, state) if tells else ()
            elif server in self._flaps:
                yield from self._settled(seen, server, state) if tells else ()

    def _changed(self, seen: Look, server: Server, state: State) -> Iterator[Event]:
        flap = self._flaps.setdefault(server, _Flap())
        flap.changes.append(seen.now)
        if flap.muted:
            return
        if len(flap.changes) == FLAPS and seen.now - flap.changes[0] < FLAP_WINDOW:
            flap.muted = True
            text = (
                f"{_called(server)} goes up and down again and again; "
                f"it is told of when it has been steady for {int(STEADY.total_seconds()) // 60} minutes."
            )
            yield _of_server("real-server-flapping", "warning", server, text, seen.now)
            return
        yield _changed_event(server, state, seen.now)

    def _settled(self, seen: Look, server: Server, state: State) -> Iterator[Event]:
        flap = self._flaps[server]
        if seen.now - flap.changes[-1] >= STEADY:
            if flap.muted:
                yield _changed_event(server, state, seen.now)
            if flap.muted or seen.now - flap.changes[-1] >= FLAP_WINDOW:
                del self._flaps[server]

    def _of_messages(self, seen: Look) -> Iterator[Event]:
        present = {
            about(each.text): each
            for each in seen.messages
            if each.level != "info"
            and each.action not in TRANSIENT
            and not (each.shared and seen.role == "slave")
        }
        differing = (present.keys() - self.active.keys()) | (self.active.keys() - present.keys())
        self._looks = {key: self._looks.get(key, 0) + 1 for key in differing}
        for key in sorted(key for key, looks in self._looks.items() if looks >= STEADY_LOOKS):
            if key in present:
                message = present[key]
                self.active[key] = message.text
                severity: Severity = "critical" if message.level == "danger" else "warning"
                yield _of_node("warning", severity, seen, message.text)
            else:
                yield _of_node("warning-over", "info", seen, f"Over: {self.active.pop(key)}")


_ROLES: dict[Role, str] = {
    "single": "alone",
    "master": "the master",
    "slave": "the slave",
    "fault": "in fault",
    "unknown": "unknown",
}


_LAYER4_STATES: dict[Health, State | None] = {"up": "up", "drain": "up", "down": "down", "unknown": None}


def about(text: str) -> str:
    """Return what stays of a message while its days and seconds run down."""
    return _TIME_LEFT.sub("#", text)


def states_of(rows: Iterable[dict[str, str]]) -> dict[Server, State | None]:
    """Return the states of the checked real servers, by HAProxy's statistics (management guide, 9.1).

    After a reload HAProxy takes all servers for up until it has checked them: those are not known yet.
    """
    states: dict[Server, State | None] = {}
    for row in rows:
        word = row["status"].partition(" ")[0]
        if row["type"] != SERVER_ROW or row["svname"].startswith("_"):
            continue
        if word == "DOWN":
            states[row["pxname"], row["svname"]] = "down"
        elif word in {"UP", "DRAIN"}:
            unchecked = row["check_status"].strip("* ").startswith("INI")
            states[row["pxname"], row["svname"]] = None if unchecked else "up"
    return states


def layer4_states_of(services: Iterable[Layer4ServiceStatus]) -> dict[Server, State | None]:
    """Return the states of the real servers that layer 4 expects something of."""
    states: dict[Server, State | None] = {}
    for service in services:
        for server in service.real_servers if service.enabled else ():
            if server.health in _LAYER4_STATES:
                states[service.label, server.label] = _LAYER4_STATES[server.health]
    return states


def _called(server: Server) -> str:
    return f"Real server {server[1]} of {server[0]}"


def _changed_event(server: Server, state: State, now: datetime) -> Event:
    if state == "down":
        return _of_server("real-server-down", "critical", server, f"{_called(server)} is down.", now)
    return _of_server("real-server-up", "info", server, f"{_called(server)} is up.", now)


def _of_server(name: Name, severity: Severity, server: Server, text: str, now: datetime) -> Event:
    return Event(event=name, severity=severity, object="/".join(server), text=text, time=now)


def _of_node(name: Name, severity: Severity, seen: Look, text: str) -> Event:
    return Event(event=name, severity=severity, object=seen.hostname, text=text, time=seen.now)
