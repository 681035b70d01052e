"""snmpd.conf and the networks that may ask; option names are those of snmpd.conf(5)."""

from collections.abc import Iterator
from ipaddress import IPv4Network, IPv6Network

from lbadmin.model import NodeConfig
from lbadmin.node.snmp import Snmp
from lbadmin.snmp.tree import ROOT

SNMPD_CONF = "/etc/snmp/snmpd.conf"
HOSTS_ALLOW = "/etc/hosts.allow"
"""Which hosts snmpd takes requests from (hosts_access(5)), whatever the version; only snmpd has lines in it.

It is asked before a request is parsed. snmpd's own sources are for communities alone."""

AGENT = "/usr/bin/python3 -I -m lbadmin.snmp"

VIEW = (
    # MIB-II (RFC 1213): system, interfaces, IP, ICMP.
    ".1.3.6.1.2.1.1",
    ".1.3.6.1.2.1.2",
    ".1.3.6.1.2.1.4",
    ".1.3.6.1.2.1.5",
    # TCP and UDP: counters alone. A balancer's tables of connections have tens of thousands of rows.
    *(f".1.3.6.1.2.1.6.{number}" for number in (*range(1, 13), 14, 15, 17, 18)),
    *(f".1.3.6.1.2.1.7.{number}" for number in (1, 2, 3, 4, 8, 9)),
    ".1.3.6.1.2.1.11",
    # Host resources (RFC 2790): system, storage, devices. Its tables of processes would show command lines.
    *(f".1.3.6.1.2.1.25.{number}" for number in (1, 2, 3)),
    # IF-MIB's names and 64-bit counters (RFC 2863).
    ".1.3.6.1.2.1.31",
    # UCD-SNMP-MIB: memory, load, CPU.
    ".1.3.6.1.4.1.2021.4",
    ".1.3.6.1.4.1.2021.10",
    ".1.3.6.1.4.1.2021.11",
    # snmpEngine: id, boots and time (RFC 3411).
    ".1.3.6.1.6.3.10.2.1",
    f".{ROOT}",
)


def render_snmp(node: NodeConfig) -> dict[str, str]:
    """Return the files of snmpd by path; without a configuration it does not run."""
    snmp = node.snmp
    if not snmp.enabled:
        return {SNMPD_CONF: ""}
    return {SNMPD_CONF: _text(_lines(snmp)), HOSTS_ALLOW: _text(_hosts(snmp))}


def _text(lines: Iterator[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _lines(snmp: Snmp) -> Iterator[str]:
    yield "agentaddress udp:161,udp6:161"
    yield "disablePerl yes"
    yield "dontLogTCPWrappersConnects yes"
    # Transport and applications (RFC 3418, sysServices).
    yield "sysServices 72"
    if snmp.contact:
        yield f"sysContact {snmp.contact}"
    if snmp.location:
        yield f"sysLocation {snmp.location}"
    yield f"pass_persist .{ROOT} {AGENT}"
    for subtree in VIEW:
        yield f"view lbva included {subtree}"
    if snmp.by_community:
        # Not "rocommunity", which would answer version 1, too.
        yield f'com2sec lbva default "{snmp.community}"'
        yield f'com2sec6 lbva default "{snmp.community}"'
        yield "group lbva v2c lbva"
        yield 'access lbva "" v2c noauth exact lbva none none'
    if snmp.by_user:
        yield (
            f'createUser {snmp.user} {snmp.auth_algorithm} "{snmp.auth_password}" '
            f'{snmp.privacy_algorithm} "{snmp.privacy_password}"'
        )
        yield f"rouser {snmp.user} priv -V lbva"


def _hosts(snmp: Snmp) -> Iterator[str]:
    for network in snmp.networks:
        yield f"snmpd: {_pattern(network)}"
    yield "snmpd: ALL: DENY"


def _pattern(network: IPv4Network | IPv6Network) -> str:
    if isinstance(network, IPv4Network):
        return f"{network.network_address}/{network.netmask}"
    return f"[{network.network_address}]/{network.prefixlen}"
