"""What stands on the lab's networks: names and addresses (docs/architecture.md, "The lab"). Pure."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface, IPv4Network


@dataclass(frozen=True)
class Network:
    """A bridge in the lab's own namespace, which has an address on it."""

    name: str
    bridge: str
    lab_address: IPv4Interface

    def interface(self, last_octet: int) -> IPv4Interface:
        """The address on this network that ends in `last_octet`, with the prefix."""
        base = int(self.lab_address.network.network_address)
        return IPv4Interface((base + last_octet, self.lab_address.network.prefixlen))


@dataclass(frozen=True)
class Link:
    """One network card of a host: the first address is the one it uses unless told otherwise."""

    network: Network
    addresses: tuple[IPv4Interface, ...]


@dataclass(frozen=True)
class Host:
    """A network namespace joined to the lab's bridges; its cards are eth0, eth1 … in order.

    Beside the addresses of its cards, all those of `crowd` are its own, without one being listed. A host that
    `routes` knows the way to the crowds of others, and forwards to them.
    """

    name: str
    links: tuple[Link, ...]
    crowd: IPv4Network | None = None
    routes: tuple[tuple[IPv4Network, IPv4Address], ...] = ()


MANAGEMENT = Network("management", "br-mgmt", IPv4Interface("192.168.2.1/24"))
SERVICE = Network("service", "br-svc", IPv4Interface("192.168.10.1/24"))
NETWORKS = (MANAGEMENT, SERVICE)

# The lab's own namespace, which holds the bridges and the machines, is a host by this name.
LAB = "lab"
# eth0, eth1 of every machine.
MACHINE_NETWORKS = (MANAGEMENT, SERVICE)
MACHINE_ADDRESSES = {"lb1": IPv4Address("192.168.2.21"), "lb2": IPv4Address("192.168.2.22")}
VIP = IPv4Address("192.168.10.30")
MAX_FRONT_ENDS = 8  # OCS 2007 R2: eight front ends a pool

CLIENT = Host(
    "client",
    (
        Link(SERVICE, tuple(SERVICE.interface(octet) for octet in range(100, 251))),
        Link(MANAGEMENT, (MANAGEMENT.interface(100),)),
    ),
)

MAX_LOAD_HOSTS = 15
"""Load hosts are 192.168.10.81 to .95."""


def crowd_of(number: int) -> IPv4Network:
    """The addresses of the users of load host `number`, counted from 1: 10.1.0.0/16 are load1's."""
    return IPv4Network(f"10.{number}.0.0/16")


def load_host(number: int, load_hosts: int = 1) -> Host:
    """A host for so many users that each has an address of its own.

    The first one is the router to the users of all: the appliance's gateway, where they are in use.
    """
    others = range(2, load_hosts + 1) if number == 1 else ()
    return Host(
        f"load{number}",
        (Link(SERVICE, (SERVICE.interface(80 + number),)),),
        crowd=crowd_of(number),
        routes=tuple((crowd_of(other), SERVICE.interface(80 + other).ip) for other in others),
    )


LOAD_GATEWAY = load_host(1).links[0].addresses[0].ip


def front_end_host(number: int) -> Host:
    """The host of front end `number`, counted from 1: fe1 is 192.168.10.31."""
    return Host(f"fe{number}", (Link(SERVICE, (SERVICE.interface(30 + number),)),))


def hosts(front_ends: int, load_hosts: int = 1) -> tuple[Host, ...]:
    """All hosts of a lab with so many front ends and hosts for load, beside the lab itself."""
    return (
        CLIENT,
        *(load_host(number, load_hosts) for number in range(1, load_hosts + 1)),
        *(front_end_host(number) for number in range(1, front_ends + 1)),
    )


def port_of(name: str, nic: int) -> str:
    """The bridge's port that a card of a host or a machine is plugged into."""
    return f"{name}-{nic}"


def service_address(machine: str) -> IPv4Interface:
    """The address of a machine on the service network: it ends as the one on the management network does."""
    return SERVICE.interface(int(MACHINE_ADDRESSES[machine]) & 0xFF)


def bridge_commands(networks: Sequence[Network] = NETWORKS) -> list[str]:
    """Lines for `ip -batch` that make the bridges; spanning tree off, so ports forward at once."""
    lines = ["link set lo up"]
    for number, network in enumerate(networks):
        card = f"link add {network.bridge} address {mac_address(LAB, number)}"
        lines += [
            f"{card} type bridge stp_state 0 forward_delay 0 mcast_snooping 0",
            f"address add {network.lab_address} dev {network.bridge}",
            f"link set {network.bridge} up",
        ]
    return lines


def cable_commands(host: Host) -> list[str]:
    """Lines for `ip -batch` in the lab's namespace that join a host's namespace to the bridges."""
    lines = []
    for number, link in enumerate(host.links):
        cable = port_of(host.name, number)
        peer = f"eth{number} address {mac_address(host.name, number)}"
        lines += [
            f"link add {cable} type veth peer name {peer} netns {host.name}",
            f"link set {cable} master {link.network.bridge} up",
        ]
    return lines


def address_commands(host: Host) -> list[str]:
    """Lines for `ip -batch` in the host's own namespace that give its cards their addresses."""
    lines = ["link set lo up"]
    for number, link in enumerate(host.links):
        lines += [f"address add {address} dev eth{number}" for address in link.addresses]
        lines.append(f"link set eth{number} up")
    if host.crowd is not None:
        lines.append(f"route add local {host.crowd} dev lo")
    lines += [f"route add {network} via {router}" for network, router in host.routes]
    return lines


def mac_address(name: str, nic: int) -> str:
    """The MAC address of a machine's or a host's card: QEMU's own prefix, then a hash of name and card.

    They are the same in every lab: a machine that comes back from another lab's snapshot still knows them.
    """
    tail = hashlib.sha256(f"{name}/{nic}".encode()).digest()[:3]
    return ":".join(["52:54:00", *(f"{byte:02x}" for byte in tail)])
