"""The values of LBVA-MIB (lbadmin/static), from what HAProxy and the kernel say. Pure functions."""

import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from lbadmin.ipvs import Service, Totals, by_service
from lbadmin.statistics import (
    BACKEND_ROW,
    SERVER_ROW,
    STATS_FRONTEND,
    Row,
    health_of,
    is_service,
    number,
)

ROOT = "1.3.6.1.4.1.8072.9999.9999.7686"
"""LBVA-MIB's root, in net-snmp's playpen, which is for whoever has no number of IANA's of their own.

HAProxy Technologies' number (29385) is not ours to put tables under. Their old Perl plugin's layout there
has strings by the order of haproxy.cfg: a counter would change its name with each service that comes or goes.
"""

Oid = tuple[int, ...]
_ROOT = tuple(map(int, ROOT.split(".")))
OBJECTS: Oid = (*_ROOT, 1)

ROLES = ("single", "master", "slave", "fault", "unknown")
SERVICE_STATES = ("up", "down", "fallback")
SERVER_STATES = ("up", "down", "drain", "halt", "unchecked", "unknown")
"""Enumerations of the MIB, from 1."""

_INDEX_BITS = 0x7FFFFFFF


class Value(NamedTuple):
    """A value as pass_persist takes it: snmpd.conf(5)'s name of its type, and its text."""

    kind: str
    text: str


class Seen(NamedTuple):
    """All that the tree is made of."""

    version: str
    role: str
    rows: Sequence[Row]
    ipvs_totals: Totals
    ipvs_services: Sequence[Service]


def tree_of(seen: Seen) -> dict[Oid, Value]:
    """Return all values by their OIDs."""
    scalars = {
        (1, 1): _string(seen.version),
        (1, 2): _state(seen.role, ROLES),
        **{(4, place): _counter(value) for place, value in enumerate(seen.ipvs_totals, 1)},
    }
    return {
        **{(*OBJECTS, *place, 0): value for place, value in scalars.items()},
        **_table(2, _services(seen.rows)),
        **_table(3, _servers(seen.rows)),
        **_table(5, _ipvs_services(seen.ipvs_services)),
        **_table(6, _ipvs_servers(seen.ipvs_services)),
    }


def indexes(names: Iterable[str]) -> dict[str, int]:
    """Return a row's index for each name, from the name alone.

    So it is the same on both nodes of a pair and after each change. Of two names with the same hash the one
    that comes later in the alphabet gets the next number.
    """
    taken: dict[int, str] = {}
    for name in sorted(set(names)):
        index = zlib.crc32(name.encode()) & _INDEX_BITS or 1
        while index in taken:
            index = index % _INDEX_BITS + 1
        taken[index] = name
    return {name: index for index, name in taken.items()}


_Rows = Iterator[tuple[tuple[int, ...], tuple[Value, ...]]]
"""Index and the columns from the MIB's second one on."""


def _table(place: int, rows: _Rows) -> dict[Oid, Value]:
    return {
        (*OBJECTS, place, 1, column, *index): value
        for index, values in rows
        for column, value in enumerate(values, 2)
    }


def _services(rows: Sequence[Row]) -> _Rows:
    fronts = {row["pxname"]: row for row in rows if is_service(row)}
    backs = {row["pxname"]: row for row in rows if row["type"] == BACKEND_ROW}
    places = indexes(fronts)
    for label, front in fronts.items():
        back = backs.get(label, {})
        yield (
            (places[label],),
            (
                _string(label),
                _state(_service_state(back), SERVICE_STATES),
                _gauge(number(front, "scur")),
                _gauge(number(front, "slim")),
                *(_counter(number(front, name)) for name in ("stot", "bin", "bout", "ereq", "dreq")),
                *(_counter(number(back, name)) for name in ("econ", "eresp")),
                _gauge(number(back, "act")),
            ),
        )


def _service_state(back: Mapping[str, str]) -> str:
    if not back.get("status", "").startswith("UP"):
        return "down"
    return "fallback" if back.get("act") == "0" and back.get("bck") not in {"", "0"} else "up"


def _servers(rows: Sequence[Row]) -> _Rows:
    servers = [row for row in rows if row["type"] == SERVER_ROW and row["pxname"] != STATS_FRONTEND]
    places = indexes(row["pxname"] for row in rows if is_service(row))
    labels = indexes(row["svname"] for row in servers)
    for row in servers:
        if row["pxname"] not in places:
            continue
        yield (
            (places[row["pxname"]], labels[row["svname"]]),
            (
                _string(row["svname"]),
                _string(row["pxname"]),
                _state(_server_state(row), SERVER_STATES),
                _gauge(number(row, "weight")),
                _gauge(number(row, "scur")),
                *(
                    _counter(number(row, name))
                    for name in ("stot", "bin", "bout", "econ", "eresp", "wretr", "wredis")
                ),
                *(_counter(number(row, name)) for name in ("chkfail", "chkdown", "downtime")),
            ),
        )


def _server_state(row: Row) -> str:
    health = health_of(row)
    return "drain" if row["weight"] == "0" and health in {"up", "unchecked"} else health


def _ipvs_services(services: Sequence[Service]) -> _Rows:
    places = indexes(map(_name, services))
    for each in services:
        active = sum(server.active for server in each.destinations)
        inactive = sum(server.inactive for server in each.destinations)
        texts = (each.protocol, each.address, each.scheduler)
        yield (places[_name(each)],), (*map(_string, texts), _gauge(active), _gauge(inactive))


def _ipvs_servers(services: Sequence[Service]) -> _Rows:
    places = indexes(map(_name, services))
    servers = indexes(server.address for _, server in by_service(list(services)))
    for service, server in by_service(list(services)):
        numbers = (server.weight, server.active, server.inactive)
        index = (places[_name(service)], servers[server.address])
        yield index, (_string(server.address), _string(server.forward), *map(_gauge, numbers))


def _name(service: Service) -> str:
    return f"{service.protocol} {service.address}"


def _string(text: str) -> Value:
    return Value("string", text)


def _state(word: str, words: Sequence[str]) -> Value:
    return Value("integer", str(words.index(word) + 1))


def _gauge(value: int) -> Value:
    return Value("gauge", str(min(value, 0xFFFFFFFF)))


def _counter(value: int) -> Value:
    return Value("counter64", str(value))
