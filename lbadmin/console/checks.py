"""What the Network Setup Wizard was told, and whether that can be: pure functions.

Address and prefix, which the REST API knows as one value, are checked here; everything else is checked by
lbadmind (POST /node/check), whose sentences come back to their fields.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address, ip_address
from typing import Any

from lbadmin.console.plain import plain

Json = Any
MAX_PREFIX = {4: 32, 6: 128}


@dataclass(frozen=True)
class Typed:
    """The wizard's fields, as they were typed."""

    interface: str
    address: str
    prefix: str
    gateway: str
    dns: str
    hostname: str


def typed_of(node: Json, interface: str) -> Typed:
    """Return what the fields hold before anything was typed: the node's settings, for that interface."""
    address, _, prefix = next(iter(addresses_of(node, interface)), "").partition("/")
    return Typed(
        interface=interface,
        address=address,
        prefix=prefix,
        gateway=node["gateway"] or "",
        dns=" ".join(node["dns"]),
        hostname=node["hostname"],
    )


def addresses_of(node: Json, interface: str) -> list[str]:
    """Return an interface's addresses in the node's document."""
    return next((list(each["addresses"]) for each in node["interfaces"] if each["name"] == interface), [])


def address_fault(text: str) -> str | None:
    """Return what is wrong with an address, as a sentence."""
    if not text:
        return "the address is missing; type one such as 192.168.2.21"
    return (
        None
        if _parsed(text)
        else f"address {plain(text)} is not an IP address; type one such as 192.168.2.21"
    )


def prefix_fault(text: str, address: str) -> str | None:
    """Return what is wrong with a prefix length, as a sentence; that of a netmask is told."""
    ip = _parsed(address)
    most = MAX_PREFIX[ip.version if ip else 4]
    if text.isdecimal() and text.isascii() and 1 <= int(text[:4]) <= most:
        return None
    if (bits := _bits_of(text)) is not None:
        return f"prefix {plain(text)} is a netmask; type {bits} for it"
    return f"prefix {plain(text) or '(none)'} is not between 1 and {most}; type a number such as 24"


def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return None if "%" in text else ip_address(text)
    except ValueError:
        return None


def _bits_of(netmask: str) -> int | None:
    try:
        bits = f"{int(IPv4Address(netmask)):032b}"
    except AddressValueError:
        return None
    return bits.count("1") if "01" not in bits and "1" in bits else None


def patch_of(node: Json, typed: Typed) -> dict[str, Json]:
    """Return the body of PATCH /node that makes the node what was typed.

    The address replaces the first one of its interface; what else the interface has stays.
    """
    interfaces = [dict(each) for each in node["interfaces"]]
    chosen = next((each for each in interfaces if each["name"] == typed.interface), None)
    if chosen is None:
        chosen = {"name": typed.interface, "addresses": []}
        interfaces.append(chosen)
    chosen["addresses"] = [f"{typed.address}/{typed.prefix}", *chosen["addresses"][1:]]
    return {
        "interfaces": interfaces,
        "gateway": typed.gateway or None,
        "dns": typed.dns.replace(",", " ").split(),
        "hostname": typed.hostname,
    }


def faults_by_field(errors: Sequence[Mapping[str, Json]]) -> dict[str, str]:
    """Return lbadmind's sentences by the wizard's fields, the first for each; "" is what has no field."""
    faults: dict[str, str] = {}
    for error in errors:
        first = str(error["field"]).partition(".")[0]
        field = {"interfaces": "address"}.get(first, first)
        faults.setdefault(
            field if field in {"address", "gateway", "dns", "hostname"} else "", error["message"]
        )
    return faults
