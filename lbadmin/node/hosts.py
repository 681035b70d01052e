"""The host that one of the node's services talks to: a name or an address."""

import re
from ipaddress import ip_address
from typing import Annotated

from pydantic import BeforeValidator, WithJsonSchema

MAX_HOST = 253
"""Characters of a DNS name (RFC 1035, section 2.3.4)."""

_PART = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?", re.ASCII)


def _host(value: object) -> str:
    text = value.strip() if isinstance(value, str) else ""
    if _is_address(text) or _is_name(text):
        return text
    raise ValueError("is neither a host name nor an IP address; write it such as relay.example.com")


def _is_name(text: str) -> bool:
    parts = text.split(".")
    # Digits and dots alone are an address, or a wrong one (RFC 3696, section 2).
    return len(text) <= MAX_HOST and all(map(_PART.fullmatch, parts)) and not parts[-1].isdigit()


def _is_address(text: str) -> bool:
    try:
        address = ip_address(text)
    except ValueError:
        return False
    return not (address.is_unspecified or address.is_multicast or "%" in text)


Host = Annotated[
    str,
    BeforeValidator(_host),
    WithJsonSchema({"type": "string", "maxLength": MAX_HOST, "examples": ["relay.example.com"]}),
]
