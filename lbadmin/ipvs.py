"""The kernel's IPVS: its services and counters, from /proc. Standard library only: snmpd's helper uses it.

Both files are there when the module ip_vs is. The counters of single services would need CAP_NET_ADMIN
(netlink); these are for everybody. Formats: net/netfilter/ipvs/ip_vs_ctl.c, ip_vs_info_seq_show and
ip_vs_stats_show.
"""

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import NamedTuple

TABLE = "/proc/net/ip_vs"
STATS = "/proc/net/ip_vs_stats"
_COUNTERS_LINE = 2


class Totals(NamedTuple):
    """What all services together have carried since the module was loaded."""

    connections: int = 0
    packets_in: int = 0
    packets_out: int = 0
    bytes_in: int = 0
    bytes_out: int = 0


class Destination(NamedTuple):
    """A real server of a service; `forward` is the kernel's word: Route, Masq, Tunnel or Local."""

    address: str
    forward: str
    weight: int
    active: int
    inactive: int


class Service(NamedTuple):
    """A virtual service: "192.168.10.30:80", or the number of a firewall mark, and its protocol."""

    protocol: str
    address: str
    scheduler: str
    destinations: tuple[Destination, ...]


def totals(text: str) -> Totals:
    """Return the counters of /proc/net/ip_vs_stats; zeros for a text that has none."""
    lines = text.splitlines()
    words = lines[_COUNTERS_LINE].split() if len(lines) > _COUNTERS_LINE else []
    return Totals(*(int(word, 16) for word in words[: len(Totals._fields)]))


def services(text: str) -> list[Service]:
    """Return the services of /proc/net/ip_vs."""
    found: list[tuple[list[str], list[Destination]]] = []
    for line in text.splitlines():
        words = line.split()
        if words[:1] == ["->"]:
            if found:
                found[-1][1].append(_destination(words))
        elif words[:1] and words[0] in {"TCP", "UDP", "SCTP", "FWM"}:
            found.append((words, []))
    return [
        Service(words[0], _address(words[1]), words[2], tuple(destinations)) for words, destinations in found
    ]


def read(root: Path = Path("/")) -> tuple[Totals, list[Service]]:
    """Return what the kernel has; nothing where the module is not loaded."""
    stats, table = (_text(root / name.lstrip("/")) for name in (STATS, TABLE))
    return totals(stats), services(table)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""


def _destination(words: list[str]) -> Destination:
    return Destination(_address(words[1]), words[2], *(int(word) for word in words[3:6]))


def _address(text: str) -> str:
    """Return an address and port: both are hexadecimal but for IPv6 addresses; a mark is one number."""
    host, _, port = text.rpartition(":")
    if not host:
        return str(int(port, 16))
    if host.startswith("["):
        return f"[{IPv6Address(host.strip('[]'))}]:{int(port, 16)}"
    return f"{IPv4Address(int(host, 16))}:{int(port, 16)}"


def by_service(found: list[Service]) -> Iterator[tuple[Service, Destination]]:
    """Yield each real server with its service."""
    for service in found:
        for destination in service.destinations:
            yield service, destination
