"""The node's own network: systemd-networkd units, the host name and the name servers."""

from collections.abc import Iterator, Mapping

from lbadmin.model import NodeConfig
from lbadmin.node.network import IPV6_MIN_MTU, Interface, Route
from lbadmin.render.keepalived import home_of

HOSTNAME = "/etc/hostname"
NETWORK_DIR = "/etc/systemd/network"
RESOLV_CONF = "/etc/resolv.conf"
_PREFIX, _NETDEV = f"{NETWORK_DIR}/10-", ".netdev"

FIRST_TABLE = 1000
"""The routing table of the first policy's source, and the priority of its rule: before the kernel's own main
table (32766), beyond the tables that have names (253 to 255)."""

_HASHED = {"802.3ad", "balance-xor"}
"""Modes that choose the link by a hash; of MAC addresses alone, all behind one router would take one link."""


def render_network(node: NodeConfig) -> dict[str, str]:
    """Return the texts of the node's network files by path."""
    files = {HOSTNAME: f"{node.hostname}\n"}
    for interface in node.interfaces:
        if interface.bond is not None or interface.vlan is not None:
            files[f"{_PREFIX}{interface.name}{_NETDEV}"] = _text(_netdev(interface))
        files[f"{_PREFIX}{interface.name}.network"] = _text(_network(interface, node))
    if node.dns:
        files[RESOLV_CONF] = "".join(f"nameserver {address}\n" for address in node.dns)
    return files


def netdevs_of(files: Mapping[str, str]) -> dict[str, str]:
    """Return what says what each bond and VLAN of a rendering is, by its name."""
    return {
        name.removeprefix(_PREFIX).removesuffix(_NETDEV): text
        for name, text in files.items()
        if name.startswith(_PREFIX) and name.endswith(_NETDEV)
    }


def without_mtu(old: NodeConfig, new: NodeConfig) -> list[str]:
    """Return the cards whose MTU is no longer set."""
    after = {each.name: each.mtu for each in new.interfaces}
    return [
        each.name
        for each in old.interfaces
        if each.mtu is not None and after.get(each.name) is None and not (each.bond or each.vlan)
    ]


def _text(lines: Iterator[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _netdev(interface: Interface) -> Iterator[str]:
    """A bond or a VLAN, systemd.netdev(5).

    A bond has the MAC address of its first interface: hypervisors let no other out.
    """
    yield from ("[NetDev]", f"Name={interface.name}")
    if interface.mtu is not None:
        yield f"MTUBytes={interface.mtu}"
    if interface.vlan is not None:
        yield from ("Kind=vlan", "", "[VLAN]", f"Id={interface.vlan.id}")
    if interface.bond is not None:
        bond = interface.bond
        yield from ("Kind=bond", "MACAddress=none", "")
        yield from ("[Bond]", f"Mode={bond.mode}", f"MIIMonitorSec={bond.miimon_ms}ms")
        if bond.mode in _HASHED:
            yield "TransmitHashPolicy=layer2+3"


def _network(interface: Interface, node: NodeConfig) -> Iterator[str]:
    """One interface, systemd.network(5).

    ConfigureWithoutCarrier: the addresses stand before the link does, and stay when it goes for a moment.
    KeepConfiguration: the virtual addresses are keepalived's, networkd must not take them away.
    """
    yield from ("[Match]", f"Name={interface.name}", "")
    if interface.mtu is not None:
        yield from ("[Link]", f"MTUBytes={interface.mtu}", "")
    yield from (
        "[Network]",
        "DHCP=no",
        "IPv6AcceptRA=no",
        "ConfigureWithoutCarrier=yes",
        "KeepConfiguration=static",
    )
    if interface.mtu is not None and interface.mtu < IPV6_MIN_MTU:
        # Where there could be IPv6, networkd makes it 1280.
        yield "LinkLocalAddressing=no"
    for other in node.interfaces:
        if other.bond is not None and interface.name in other.bond.members:
            yield from ("LinkLocalAddressing=no", f"Bond={other.name}")
        if other.vlan is not None and other.vlan.parent == interface.name:
            yield f"VLAN={other.name}"
    yield from (f"Address={address}" for address in interface.addresses)
    for gateway in (node.gateway, node.gateway6):
        if gateway is not None and home_of(gateway, node) == interface:
            yield f"Gateway={gateway}"
    for route in node.routes:
        if route.source is None and home_of(route.gateway, node) == interface:
            yield from _route(route)
    yield from _policies(interface, node)


def _route(route: Route, table: int | None = None) -> Iterator[str]:
    yield from ("", "[Route]", f"Destination={route.destination}", f"Gateway={route.gateway}")
    if table is not None:
        yield f"Table={table}"


def _policies(interface: Interface, node: NodeConfig) -> Iterator[str]:
    """Yield what an interface adds to the policies: each source has a table of its own and a rule to it.

    The node's own subnets are in each of them, so that a policy takes nothing but what goes to a router; for
    what a table has no route, the main one is asked. The rule is with the first route's interface.
    """
    sources = list(dict.fromkeys(route.source for route in node.routes if route.source is not None))
    for table, source in enumerate(sources, FIRST_TABLE):
        routes = [route for route in node.routes if route.source == source]
        if home_of(routes[0].gateway, node) == interface:
            yield from ("", "[RoutingPolicyRule]", f"From={source}", f"Table={table}", f"Priority={table}")
        for network in dict.fromkeys(address.network for address in interface.addresses):
            if network.version == source.version:
                yield from ("", "[Route]", f"Destination={network}", "Scope=link", f"Table={table}")
        for route in routes:
            if home_of(route.gateway, node) == interface:
                yield from _route(route, table)
