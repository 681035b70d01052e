"""layer4.nft: the rules of nftables that layer 4 services need, in a table of their own.

It marks the packets of services that have several ports, gives connections of SNAT services their source,
and turns what the IPVS sync daemon multicasts into packets for the peer alone. Only what SNAT translates is
tracked, unless the administrator's own firewall script may want more.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from lbadmin.addresses import Address
from lbadmin.model import ClusterConfig, Layer4Service, NodeConfig
from lbadmin.pair.model import PairConfig
from lbadmin.render.layer4 import LAYER4_DIR, TCP, UDP, key_of, layer4_services, mark_of
from lbadmin.render.layer4_sync import CONNTRACK_PORT, GROUPS, IPVS_PORT

LAYER4_RULES = f"{LAYER4_DIR}/layer4.nft"
LAYER4_TABLE = "lbva_layer4"


class _Family(NamedTuple):
    """nft's words for a version of IP, for its addresses, and for the messages that tell of errors."""

    family: str
    address: str
    errors: str


_FAMILIES = {
    4: _Family("ip", "ipv4_addr", "icmp type { destination-unreachable, time-exceeded, parameter-problem }"),
    6: _Family(
        "ip6",
        "ipv6_addr",
        "icmpv6 type { destination-unreachable, packet-too-big, time-exceeded, parameter-problem }",
    ),
}


def render_layer4_rules(cluster: ClusterConfig, node: NodeConfig, pair: PairConfig | None) -> dict[str, str]:
    """Return layer4.nft by its path; it is empty without services."""
    services = list(layer4_services(cluster))
    if not services:
        return {LAYER4_RULES: ""}
    snat = [service for service in services if service.forwarding == "snat"]
    chains = [
        *_marks(services),
        *(_untracked(snat) if snat and node.firewall.script is None else ()),
        *(_sources(snat) if snat else ()),
        *(_forward(services) if any(each.forwarding in {"snat", "nat"} for each in services) else ()),
        *(_sync(pair) if pair is not None else ()),
    ]
    lines = (
        # All of it at once, in place of the one before: nft -f is one transaction.
        f"table inet {LAYER4_TABLE}",
        f"delete table inet {LAYER4_TABLE}",
        f"table inet {LAYER4_TABLE} {{",
        *(f"    {line}" for line in chains),
        "}",
    )
    return {LAYER4_RULES: "".join(f"{line}\n" for line in lines)}


def sources_of(service: Layer4Service) -> tuple[Address, ...]:
    """Return the addresses that real servers see of a SNAT service."""
    return service.snat_addresses or (service.ip,)


def _marks(services: Iterable[Layer4Service]) -> Iterator[str]:
    """Yield a map from address, protocol and port to the mark for each family, and the chain that asks it."""
    marked = [
        service
        for service in services
        if service.protocol != "mark" and (key_of(service).mark is not None or service.forwarding == "snat")
    ]
    rules = []
    for version, (family, kind, _) in _FAMILIES.items():
        elements = [
            each for service in marked if service.ip.version == version for each in _elements(service)
        ]
        if elements:
            yield f"map marks{version} {{"
            yield f"    type {kind} . inet_proto . inet_service : mark; flags interval;"
            yield f"    elements = {{ {', '.join(elements)} }}"
            yield "}"
            rules.append(
                f"meta l4proto {{ tcp, udp }} meta mark set {family} daddr . meta l4proto . th dport "
                f"map @marks{version}"
            )
    if rules:
        yield from _chain("marks", "filter hook prerouting priority raw - 10", rules)


def _elements(service: Layer4Service) -> Iterator[str]:
    protocols = (TCP, UDP) if service.protocol == "both" else (service.protocol,)
    mark = mark_of(service)
    for protocol in protocols:
        for item in service.ports or ():
            yield f"{service.ip} . {protocol} . {item} : {mark}"


def _untracked(snat: Sequence[Layer4Service]) -> Iterator[str]:
    """Yield chains that leave everything untracked but what SNAT translates, in both directions.

    Errors of ICMP are about packets of either side.
    """
    marks = ", ".join(str(mark_of(service)) for service in snat)
    servers = dict(_by_version(ip for service in snat for ip in _behind(service)))
    sources = _by_version(each for service in snat for each in sources_of(service))
    answers = (
        f"{family} saddr {_set(servers[version])} {family} daddr {_set(addresses)} accept"
        for version, addresses in sources
        for family in (_FAMILIES[version].family,)
    )
    told = (
        f"{_FAMILIES[version].family} daddr {_set(addresses)} {_FAMILIES[version].errors} accept"
        for version, addresses in _by_version(
            each for service in snat for each in (service.ip, *sources_of(service))
        )
    )
    rules = (f"meta mark {{ {marks} }} accept", *answers, *told, "notrack")
    yield from _chain("arriving", "filter hook prerouting priority raw", rules)
    # What IPVS sends is tracked since it arrived, and stays so (nft(8), "notrack").
    yield from _chain("leaving", "filter hook output priority raw", ("notrack",))


def _sources(snat: Iterable[Layer4Service]) -> Iterator[str]:
    rules = []
    for service in snat:
        family = _FAMILIES[service.ip.version].family
        sources = sources_of(service)
        to = str(sources[0])
        if len(sources) > 1:
            numbered = ", ".join(f"{number} : {source}" for number, source in enumerate(sources))
            to = f"numgen inc mod {len(sources)} map {{ {numbered} }}"
        rules.append(f"meta nfproto {_nfproto(service)} meta mark {mark_of(service)} snat {family} to {to}")
    yield from _chain("sources", "nat hook postrouting priority srcnat", rules)


def _nfproto(service: Layer4Service) -> str:
    return "ipv4" if service.ip.version == 4 else "ipv6"  # noqa: PLR2004 - IPv4


def _forward(services: Sequence[Layer4Service]) -> Iterator[str]:
    """Yield the chain that keeps the appliance from being a router for anybody but its real servers."""
    behind = _by_version(ip for service in services if service.forwarding == "nat" for ip in _behind(service))
    rules = ["ct status snat accept"] if any(each.forwarding == "snat" for each in services) else []
    for version, addresses in behind:
        family, servers = _FAMILIES[version].family, _set(addresses)
        rules += [f"{family} saddr {servers} accept", f"{family} daddr {servers} accept"]
    yield from _chain("forward", "filter hook forward priority filter", rules, policy="drop")


def _behind(service: Layer4Service) -> Iterator[Address]:
    """Yield the addresses that the service sends clients to."""
    yield from (server.ip for server in service.real_servers)
    if service.fallback_server.ip is not None:
        yield service.fallback_server.ip


def _set(addresses: Iterable[Address]) -> str:
    return f"{{ {', '.join(map(str, addresses))} }}"


def _by_version(addresses: Iterable[Address]) -> list[tuple[int, list[Address]]]:
    found = sorted(set(addresses), key=lambda ip: (ip.version, int(ip)))
    return [
        (version, chosen)
        for version in _FAMILIES
        if (chosen := [ip for ip in found if ip.version == version])
    ]


def _sync(pair: PairConfig) -> Iterator[str]:
    """Yield what makes the sync daemon's multicast a unicast to the peer, and lets in nobody else's state."""
    family = _FAMILIES[pair.local_ip.version][0]
    group = GROUPS[pair.local_ip.version]
    to_group = f"{family} daddr {group} udp dport {IPVS_PORT}"
    to_us = f"{family} daddr {pair.local_ip}"
    yield from _chain(
        "to_peer",
        "route hook output priority mangle",
        [f"{to_group} {family} saddr set {pair.local_ip} {family} daddr set {pair.peer_ip}"],
    )
    yield from _chain(
        "from_peer",
        "filter hook prerouting priority raw - 20",
        [
            f"{to_group} drop",
            f"udp dport {{ {IPVS_PORT}, {CONNTRACK_PORT} }} {to_us} {family} saddr != {pair.peer_ip} drop",
            f"udp dport {IPVS_PORT} {to_us} {family} daddr set {group}",
        ],
    )


def _chain(name: str, kind: str, rules: Iterable[str], *, policy: str = "accept") -> Iterator[str]:
    yield f"chain {name} {{"
    yield f"    type {kind}; policy {policy};"
    yield from (f"    {rule}" for rule in rules)
    yield "}"
