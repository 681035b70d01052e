"""What interfaces, gateways and routes must be to each other."""

from collections.abc import Iterator, Mapping
from typing import TypeAlias

from lbadmin.addresses import Address, not_unicast
from lbadmin.errors import Fault
from lbadmin.model import NodeConfig
from lbadmin.node.network import IPV6_MIN_MTU, STANDARD_MTU, Interface, Route

Interfaces: TypeAlias = Mapping[str, Interface]
IPV6 = 6


def network_faults(node: NodeConfig) -> Iterator[Fault]:
    """Yield what contradicts itself."""
    by_name = {each.name: each for each in node.interfaces}
    yield from _addresses(node)
    yield from _bonds(node, by_name)
    yield from _vlans(node, by_name)
    for number, interface in enumerate(node.interfaces):
        yield from _sizes(interface, f"interfaces.{number}", by_name)
    yield from _gateways(node)
    yield from _routes(node)


def mtu_of(interface: Interface, by_name: Interfaces) -> int:
    """Return the MTU that an interface has: its own, or its parent's, or Ethernet's."""
    for each in (interface, *ancestors_of(interface, by_name)):
        if each.mtu is not None:
            return each.mtu
    return STANDARD_MTU


def ancestors_of(interface: Interface, by_name: Interfaces) -> list[Interface]:
    """Return the interfaces that a VLAN is on, the nearest first; each once, even in a loop."""
    found: list[Interface] = []
    while interface.vlan is not None and interface.vlan.parent in by_name:
        interface = by_name[interface.vlan.parent]
        if interface in found:
            break
        found.append(interface)
    return found


def _addresses(node: NodeConfig) -> Iterator[Fault]:
    names: set[str] = set()
    owners: dict[Address, str] = {}
    for number, interface in enumerate(node.interfaces):
        name, where = interface.name, f"interfaces.{number}"
        if name in names:
            yield Fault(f"{where}.name", name, f"interface {name} is there twice; name each interface once")
        elif name == "lo":
            yield Fault(f"{where}.name", name, "interface lo is the loopback; name one with a cable")
        names.add(name)
        for index, address in enumerate(interface.addresses):
            reason = not_unicast(address.ip)
            if reason is None and address.ip in owners:
                reason = f"is also on {owners[address.ip]}; give each address once"
            owners.setdefault(address.ip, name)
            if reason is not None:
                field = f"{where}.addresses.{index}"
                yield Fault(field, str(address), f"address {address.ip} of {name} {reason}")
    if not owners:
        yield Fault("interfaces", None, "interfaces has no address left; keep one to manage this node by")


def _bonds(node: NodeConfig, by_name: Interfaces) -> Iterator[Fault]:
    bond_of: dict[str, str] = {}
    for number, interface in enumerate(node.interfaces):
        name, bond = interface.name, interface.bond
        if bond is None:
            continue
        if interface.vlan is not None:
            both = f"interface {name} is both a bond and a VLAN; make the VLAN an interface on the bond"
            yield Fault(f"interfaces.{number}.vlan", None, both)
        for index, member in enumerate(bond.members):
            reason = _not_a_member(member, by_name)
            if reason is None and member in bond_of:
                whose = "twice in it" if bond_of[member] == name else f"in {bond_of[member]} already"
                reason = f"is {whose}; put each interface into one bond once"
            if reason is None:
                bond_of[member] = name
            else:
                field = f"interfaces.{number}.bond.members.{index}"
                yield Fault(field, member, f"interface {member} of {name} {reason}")
    yield from _members(node, bond_of)


def _not_a_member(member: str, by_name: Interfaces) -> str | None:
    if member not in by_name:
        return "is not an interface of this node; add it to the interfaces, or name another"
    if by_name[member].bond is not None or by_name[member].vlan is not None:
        return "is no card but a bond or a VLAN; name network cards"
    return None


def _members(node: NodeConfig, bond_of: Mapping[str, str]) -> Iterator[Fault]:
    """Yield what an interface in a bond has and must not have."""
    for number, interface in enumerate(node.interfaces):
        name, bond = interface.name, bond_of.get(interface.name)
        if bond is not None and interface.addresses:
            sentence = f"interface {name} is in {bond} and has addresses; move them to {bond}"
            yield Fault(f"interfaces.{number}.addresses", None, sentence)
        if bond is not None and interface.mtu is not None:
            sentence = f"interface {name} is in {bond} and has an MTU; set that of {bond}"
            yield Fault(f"interfaces.{number}.mtu", interface.mtu, sentence)
        parent = "" if interface.vlan is None else interface.vlan.parent
        if parent in bond_of:
            sentence = f"parent {parent} of {name} is in {bond_of[parent]}; name {bond_of[parent]}"
            yield Fault(f"interfaces.{number}.vlan.parent", parent, sentence)


def _vlans(node: NodeConfig, by_name: Interfaces) -> Iterator[Fault]:
    seen: dict[tuple[str, int], str] = {}
    for number, interface in enumerate(node.interfaces):
        vlan = interface.vlan
        if vlan is None:
            continue
        name, field = interface.name, f"interfaces.{number}.vlan"
        if vlan.parent not in by_name:
            sentence = (
                f"parent {vlan.parent} of {name} is not an interface of this node; add it, or name another"
            )
            yield Fault(f"{field}.parent", vlan.parent, sentence)
        elif interface in ancestors_of(interface, by_name):
            sentence = f"parent {vlan.parent} of {name} is on {name} itself; name a network card or a bond"
            yield Fault(f"{field}.parent", vlan.parent, sentence)
        other = seen.setdefault((vlan.parent, vlan.id), name)
        if other != name:
            sentence = (
                f"VLAN {vlan.id} of {vlan.parent} is {other} already; choose another id than {other} has"
            )
            yield Fault(f"{field}.id", vlan.id, sentence)


def _sizes(interface: Interface, where: str, by_name: Interfaces) -> Iterator[Fault]:
    name, mtu = interface.name, mtu_of(interface, by_name)
    parents = ancestors_of(interface, by_name)
    below = mtu_of(parents[0], by_name) if parents else mtu
    if mtu > below:
        yield Fault(
            f"{where}.mtu",
            mtu,
            f"mtu {mtu} of {name} is above the {below} of {parents[0].name}, which carries it; "
            f"raise that of {parents[0].name}, or lower this one",
        )
    if mtu < IPV6_MIN_MTU and any(address.version == IPV6 for address in interface.addresses):
        yield Fault(
            f"{where}.mtu",
            mtu,
            f"mtu {mtu} of {name} is below {IPV6_MIN_MTU}, the least for its IPv6 addresses; raise it",
        )


def _gateways(node: NodeConfig) -> Iterator[Fault]:
    first, second = node.gateway, node.gateway6
    for field, gateway in (("gateway", first), ("gateway6", second)):
        reason = None if gateway is None else _not_a_router(gateway, node)
        if reason is None and field == "gateway6" and gateway is not None:
            if gateway.version != IPV6:
                reason = "is not an IPv6 address; set it as gateway"
            elif first is not None and first.version == IPV6:
                reason = f"is a second one for IPv6 beside {first}; keep one of them"
        if reason is not None:
            yield Fault(field, str(gateway), f"{field} {gateway} {reason}")


def _not_a_router(gateway: Address, node: NodeConfig) -> str | None:
    addresses = [address for interface in node.interfaces for address in interface.addresses]
    if any(gateway == address.ip for address in addresses):
        return "is this node itself; name the next router"
    if not any(gateway in address.network for address in addresses):
        networks = ", ".join(str(address.network) for address in addresses)
        return f"is in no subnet of this node; choose one within {networks or 'that of an interface'}"
    return None


def _routes(node: NodeConfig) -> Iterator[Fault]:
    seen: set[tuple[object, object]] = set()
    for number, route in enumerate(node.routes):
        reason = _no_route(route, node)
        if reason is None and (route.destination, route.source) in seen:
            reason = "is there twice; give each network one router"
        seen.add((route.destination, route.source))
        if reason is not None:
            yield Fault(f"routes.{number}", str(route.destination), f"route to {_told(route)} {reason}")


def _told(route: Route) -> str:
    source = f" from {route.source}" if route.source else ""
    return f"{route.destination}{source} via {route.gateway}"


def _no_route(route: Route, node: NodeConfig) -> str | None:
    version = route.destination.version
    if route.gateway.version != version or (route.source and route.source.version != version):
        return "is of IPv4 and IPv6 at once; use one of them"
    if route.source is None and route.destination.prefixlen == 0:
        return f"is the default route; set it as {'gateway6' if version == IPV6 else 'gateway'}"
    if route.source is not None and route.source.prefixlen == 0:
        return "is for packets from everywhere; leave out the source"
    reason = _not_a_router(route.gateway, node)
    if reason is not None:
        return f"is not possible: the router {reason}"
    for interface in node.interfaces:
        if any(route.destination == address.network for address in interface.addresses):
            return f"is to the subnet of {interface.name} itself; leave it out"
    return None
