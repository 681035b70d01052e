"""Which changes of addresses and routes could end the connection of the administrator who makes them."""

from collections.abc import Iterator

from lbadmin.addresses import Address
from lbadmin.model import NodeConfig
from lbadmin.node.network import Interface, Network, Route


def could_lose_reach(old: NodeConfig, new: NodeConfig) -> bool:
    """Tell whether a peer that is reached now may not be reached, or not in the same way, afterwards.

    Where the administrator is, nobody knows; so what took packets has to stay as it was, and what is added
    must not take packets from it. An added subnet of its own does neither, as far as one may guess: behind
    the default gateway it might be the administrator's, but then the answers had gone astray before.
    """
    return (
        any(_differs(each, old, new) for each in old.interfaces if each.addresses)
        or any(gateway not in {None, kept} for gateway, kept in _gateways(old, new))
        or any(route not in new.routes for route in old.routes)
        or any(_takes_packets(route, old) for route in new.routes if route not in old.routes)
        or _overlaps(old, new)
    )


def _gateways(old: NodeConfig, new: NodeConfig) -> Iterator[tuple[Address | None, Address | None]]:
    """Yield the default gateways before and after, by family."""
    for version in (4, 6):
        before, after = (
            next((ip for ip in (node.gateway, node.gateway6) if ip and ip.version == version), None)
            for node in (old, new)
        )
        yield before, after


def _differs(interface: Interface, old: NodeConfig, new: NodeConfig) -> bool:
    """Tell whether an interface, or what it is made of, is other than it was, or lacks an address."""
    after = next((each for each in new.interfaces if each.name == interface.name), None)
    if after is None or not set(interface.addresses) <= set(after.addresses):
        return True
    return _stack(interface, old) != _stack(after, new)


def _stack(interface: Interface, node: NodeConfig) -> list[Interface]:
    """Return the interface and all below it, without their addresses."""
    by_name = {each.name: each for each in node.interfaces}
    found: list[Interface] = []
    waiting = [interface]
    while waiting:
        each = waiting.pop()
        if each in found:
            continue
        found.append(each)
        below = () if each.bond is None else each.bond.members
        below = below if each.vlan is None else (each.vlan.parent, *below)
        waiting += [by_name[name] for name in below if name in by_name]
    return [each.model_copy(update={"addresses": ()}) for each in found]


def _takes_packets(route: Route, old: NodeConfig) -> bool:
    """Tell whether packets to where a new route leads had another way before."""
    return (
        route.source is not None
        or any(
            gateway and gateway.version == route.gateway.version for gateway in (old.gateway, old.gateway6)
        )
        or any(_overlap(route.destination, network) for network in _networks(old))
    )


def _networks(node: NodeConfig) -> Iterator[Network]:
    yield from (address.network for each in node.interfaces for address in each.addresses)
    yield from (route.destination for route in node.routes)


def _overlaps(old: NodeConfig, new: NodeConfig) -> bool:
    """Tell whether a new subnet has addresses of another interface's, or of a route's."""
    before = {(each.name, address.network) for each in old.interfaces for address in each.addresses}
    after = {(each.name, address.network) for each in new.interfaces for address in each.addresses}
    taken = [(name, network) for name, network in before]
    return any(
        (name != other and _overlap(network, theirs))
        for name, network in after - before
        for other, theirs in taken
    ) or any(_overlap(network, route.destination) for _, network in after - before for route in old.routes)


def _overlap(one: Network, other: Network) -> bool:
    return one.version == other.version and one.overlaps(other)
