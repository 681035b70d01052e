"""The rules of nftables that lbva-firewall.service loads: the appliance's own, then the user's script.

Without lockdown and script there is nothing to load: no packet is looked at, no connection is tracked. The
appliance's own rules keep no state, either. They look at the management ports alone, which no service can
have (`rules_services.OWN_PORTS`) and no connection of the appliance's own starts from (60-lbva.conf), so
that VRRP, ICMP, the pair's channel, clients and answers pass without being asked who they are. Connections
to the management ports that are open already end, too: who locks himself out can't keep the change by an
old one.
"""

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network

from lbadmin.node.firewall import OWN_TABLE, Firewall
from lbadmin.pair.model import PairConfig

FIREWALL_DIR = "/etc/nftables.d"
OWN_RULES = f"{FIREWALL_DIR}/lbva.nft"
SCRIPT = f"{FIREWALL_DIR}/script.nft"

TCP_PORTS = (22, 9443)
"""SSH, and the WebUI with everything that it serves: REST API, metrics."""
UDP_PORTS = (161,)
"""SNMP."""

_Networks = Sequence[IPv4Network | IPv6Network]


def render_firewall(firewall: Firewall, pair: PairConfig | None) -> dict[str, str]:
    """Return the rules by path, nothing when there are none. The peer of a pair is always let in."""
    files = {}
    if firewall.lockdown or firewall.script is not None:
        peer = () if pair is None else (ip_network(pair.peer_ip),)
        table = _table((*firewall.lockdown, *peer)) if firewall.lockdown else ()
        files[OWN_RULES] = _text(("flush ruleset", *table))
    if firewall.script is not None:
        files[SCRIPT] = firewall.script
    return files


def _table(managers: _Networks) -> Iterable[str]:
    """Return the lines of the table that keeps everybody but the managers from the management ports.

    A fragment of IPv6 may hide its ports, and is put together behind these rules; nothing of an appliance's
    needs any.
    """
    sets = [
        (name, kind, family, found)
        for name, kind, family, version in (
            ("managers4", "ipv4_addr", "ip", 4),
            ("managers6", "ipv6_addr", "ip6", 6),
        )
        if (found := [network for network in managers if network.version == version])
    ]
    return (
        f"table inet {OWN_TABLE} {{",
        *(line for name, kind, _, found in sets for line in _set(name, kind, found)),
        "    chain input {",
        "        type filter hook input priority filter - 10; policy accept;",
        f"        tcp dport {_ports(TCP_PORTS)} jump management",
        f"        udp dport {_ports(UDP_PORTS)} jump management",
        "        exthdr frag exists jump management",
        "    }",
        "    chain management {",
        '        iif "lo" accept',
        *(f"        {family} saddr @{name} accept" for name, _, family, _ in sets),
        "        counter drop",
        "    }",
        "}",
    )


def _set(name: str, kind: str, networks: _Networks) -> Iterable[str]:
    return (
        f"    set {name} {{",
        f"        type {kind}; flags interval; auto-merge;",
        f"        elements = {{ {', '.join(map(str, networks))} }}",
        "    }",
    )


def _ports(ports: Iterable[int]) -> str:
    return f"{{ {', '.join(map(str, ports))} }}"


def _text(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
