"""The firewall: its script, its lockdown, and how many connections it tracks."""

import re
from ipaddress import IPv4Network, IPv6Network, ip_interface
from typing import Annotated

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema

from lbadmin.document import Document
from lbadmin.fields import MAX_BLOCK, plain, text_block

OWN_TABLE = "lbva"
OWN_TABLES = {OWN_TABLE, "lbva_layer4"}
"""The tables of the appliance's own rules, which no script may touch."""

MAX_NETWORKS = 64

_TOKEN = re.compile(r'#[^\n]*|"[^"]*"|\\\n|[A-Za-z][A-Za-z0-9/_.-]*|\n')
"""What nft's scanner takes for a comment, a string, a line that goes on, a word (nftables, src/scanner.l)."""


def _words(text: str) -> list[tuple[str, int]]:
    """Return the words of a script that are neither in comments nor in strings, each with its line."""
    found = []
    line = 1
    for match in _TOKEN.finditer(text):
        token = match[0]
        if token[0].isalpha():
            found.append((token, line))
        line += token.count("\n")
    return found


def _script(value: object) -> str:
    text = text_block(value, "a script of nftables")
    words = _words(text)
    for index, (word, line) in enumerate(words):
        if word == "include":
            raise ValueError(f"has an include in line {line}; write the rules of that file in its place")
        if word == "flush" and words[index + 1 : index + 2] and words[index + 1][0] == "ruleset":
            raise ValueError(
                f"has flush ruleset in line {line}, which would remove the appliance's own rules; "
                "leave it out, each load begins with no rules"
            )
        if word in OWN_TABLES:
            raise ValueError(
                f"has the table {word} in line {line}, which is the appliance's own; give yours another name"
            )
    return text


def _network(value: object) -> IPv4Network | IPv6Network:
    if isinstance(value, IPv4Network | IPv6Network):
        return value
    try:
        interface = ip_interface(plain(value))
    except ValueError:
        raise ValueError("is not a network; write it such as 192.168.2.0/24 or 2001:db8::/64") from None
    network = interface.network
    if isinstance(network, IPv6Network) and network.network_address.ipv4_mapped is not None:
        raise ValueError("is an IPv4 network in IPv6 form; write it such as 192.168.2.0/24")
    if network.network_address != interface.ip:
        raise ValueError(
            f"is an address within a network; write {network} for the network or {interface.ip} for the "
            "address alone"
        )
    return network


NftScript = Annotated[
    str, BeforeValidator(_script), WithJsonSchema({"type": "string", "maxLength": MAX_BLOCK})
]
Network = Annotated[
    IPv4Network | IPv6Network,
    BeforeValidator(_network),
    PlainSerializer(str),
    WithJsonSchema({"type": "string", "examples": ["192.168.2.0/24", "2001:db8::/64"]}),
]
"""A network, or an address as the network of itself."""


class Firewall(Document):
    """The firewall: its script, its lockdown, and how many connections it tracks.

    `script` is a file of nftables (nft(8)) with tables of its own, loaded after the appliance's own rules.
    `lockdown` are the networks that may reach the management ports; without any, everybody may.
    """

    script: NftScript | None = None
    lockdown: Annotated[tuple[Network, ...], Field(max_length=MAX_NETWORKS)] = ()
