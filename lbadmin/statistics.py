"""HAProxy's statistics (management guide, 9.1 and 9.3). Standard library only: for snmpd's helper, too."""

import csv
import io
import socket
from collections.abc import Mapping
from typing import Literal

from lbadmin.errors import UnavailableError

COUNTERS_SOCKET = "/run/haproxy/counters.sock"
"""Takes commands that change nothing, of snmpd's group."""
STATS_FRONTEND = "_stats"
"""The one frontend that is no virtual service: no label begins with an underscore."""

FRONTEND_ROW, BACKEND_ROW, SERVER_ROW = "0", "1", "2"
"""Values of the column "type" in `show stat`."""

MAX_ANSWER = 16 << 20
"""Bytes of an answer: several times what HAProxy tells of 4,096 real servers."""

Health = Literal["up", "down", "drain", "halt", "unchecked", "unknown"]

HEALTH: dict[str, Health] = {
    "UP": "up",
    "DOWN": "down",
    "DRAIN": "drain",
    "MAINT": "halt",
    "no": "unchecked",
}
"""First word of the column "status" in `show stat` (management guide, 9.1)."""

Row = dict[str, str]


def is_service(row: Row) -> bool:
    """Tell whether a row of the statistics is the frontend of a virtual service."""
    return row["type"] == FRONTEND_ROW and row["pxname"] != STATS_FRONTEND


def health_of(row: Row) -> Health:
    """Return what HAProxy thinks of a real server."""
    return HEALTH.get(row.get("status", "").partition(" ")[0], "unknown")


def number(row: Row, column: str) -> int:
    """Return a counter, 0 where the row has none."""
    return int(row.get(column) or 0)


def parse_statistics(text: str) -> list[Row]:
    """Return the rows of a `show stat` answer: a dict per frontend, server and backend by 9.1's names."""
    return list(csv.DictReader(io.StringIO(text.strip().removeprefix("# "))))


def state_of(text: str, places: Mapping[tuple[str, str], tuple[str, int]]) -> str:
    """Return an answer to `show servers state` of those servers that still have these addresses.

    `places` are address and port by the names of backend and server: HAProxy would give them their old ports
    back. The format is version 1 (management guide, 9.3 "show servers state"): a line of names, a line a
    server.
    """
    lines = text.strip().splitlines()
    version, names, *servers = lines if len(lines) > 1 else ("1", "#")
    columns = names.removeprefix("#").split()
    kept = []
    for server in servers:
        row = dict.fromkeys(columns, "-") | dict(zip(columns, server.split(), strict=False))
        address, port = places.get((row.get("be_name", ""), row.get("srv_name", "")), ("", 0))
        if row.get("srv_addr") == address:
            row |= {"srv_port": str(port), "srv_check_port": "0"}
            kept.append(" ".join(row[name] for name in columns))
    return "".join(f"{line}\n" for line in (version, names, *kept))


def ask(path: str, command: str, timeout_s: float) -> str:
    """Send a command to a socket of HAProxy's and return its answer. Raises UnavailableError."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(timeout_s)
            connection.connect(path)
            connection.sendall(f"{command}\n".encode())
            # The master waits for more commands until it is told that none come.
            connection.shutdown(socket.SHUT_WR)
            answer = bytearray()
            while len(answer) <= MAX_ANSWER and (data := connection.recv(65536)):
                answer += data
    except OSError as error:
        raise UnavailableError(f"HAProxy does not answer on {path}: {error}; restart HAProxy") from error
    if len(answer) > MAX_ANSWER:
        raise UnavailableError(f"HAProxy's answer on {path} is more than {MAX_ANSWER} bytes; restart HAProxy")
    return answer.decode(errors="replace")
