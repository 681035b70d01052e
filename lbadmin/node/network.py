"""Interfaces, their addresses, and routes."""

from ipaddress import IPv4Network, IPv6Network, ip_interface
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema, model_validator

from lbadmin.document import Document
from lbadmin.fields import Address, InterfaceAddress, InterfaceName
from lbadmin.node.routelines import route_of

MIN_MTU, MAX_MTU = 576, 9216
"""What every host has to take (RFC 791, section 3.1), and the most that most cards and switches do."""

IPV6_MIN_MTU = 1280
"""RFC 8200, section 5."""

STANDARD_MTU = 1500
"""What an Ethernet interface begins with (RFC 894)."""

BondMode = Literal[
    "active-backup", "802.3ad", "balance-rr", "balance-xor", "broadcast", "balance-tlb", "balance-alb"
]
"""The kernel's names of its seven (its Documentation/networking/bonding.rst, "mode")."""


def _network(value: object) -> IPv4Network | IPv6Network:
    if isinstance(value, IPv4Network | IPv6Network):
        return value
    text = value.strip() if isinstance(value, str) and "%" not in value else ""
    try:
        inside = ip_interface(text if "/" in text else "")
    except ValueError:
        raise ValueError("is not a network; write it such as 10.0.0.0/8 or 2001:db8::/32") from None
    if inside.ip != inside.network.network_address:
        raise ValueError(f"is not a network but an address in one; write {inside.network}")
    return inside.network


Network = Annotated[
    IPv4Network | IPv6Network,
    BeforeValidator(_network),
    PlainSerializer(str),
    WithJsonSchema({"type": "string", "examples": ["10.0.0.0/8"], "pattern": r"^[0-9A-Fa-f:.]+/[0-9]{1,3}$"}),
]


class Bond(Document):
    """Interfaces that are used as one; their links are looked at every `miimon_ms`.

    100 ms is what the kernel's manual starts with; a lost link is noticed before VRRP's advertisements are.
    """

    members: Annotated[tuple[InterfaceName, ...], Field(min_length=1, max_length=16)]
    mode: BondMode = "active-backup"
    miimon_ms: Annotated[int, Field(ge=10, le=10_000, strict=True)] = 100


class Vlan(Document):
    """A network of its own on the cable of `parent`; its packets carry `id` (IEEE 802.1Q, 9.6)."""

    parent: InterfaceName
    id: Annotated[int, Field(ge=1, le=4094, strict=True)]


class Interface(Document):
    """A network interface and the addresses that are the node's own.

    It is a card unless it has `bond` or `vlan`. Without `mtu` (bytes) it keeps the one that it begins with.
    """

    name: InterfaceName
    addresses: Annotated[tuple[InterfaceAddress, ...], Field(max_length=64)] = ()
    mtu: Annotated[int, Field(ge=MIN_MTU, le=MAX_MTU, strict=True)] | None = None
    bond: Bond | None = None
    vlan: Vlan | None = None


class Route(Document):
    """The router to a network; with `source`, for the packets alone that come from that network.

    A line of text such as `10.0.0.0/8 via 192.168.2.254 from 192.168.20.0/24` is taken, too.
    """

    destination: Network
    gateway: Address
    source: Network | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_line(cls, value: Any) -> Any:  # noqa: ANN401 - whatever was sent
        return route_of(value) if isinstance(value, str) else value
