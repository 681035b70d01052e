"""The validated field types that documents are made of: addresses, labels, ports, durations.

Everything that reaches a rendered file passes through one of these types, so no value can break out of its
line. The messages are predicates ("is not …; remedy"): `sentences` puts field, value and owner in front.
"""

import re
from ipaddress import IPv4Address, IPv4Interface, IPv6Address, IPv6Interface, ip_address, ip_interface
from typing import Annotated

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema

from lbadmin.durations import MAX_MS, parse_ms

MAX_PORT = 65535
MAX_PORTS = 1024
"""Ports of one virtual service: every one is a listening socket of its own in HAProxy."""

MAX_CHECK_PORTS = 16
"""Ports of one health check: each is a connection more per check and real server."""

MAX_TEXT = 256
MAX_BLOCK = 65536
"""Characters of a line that is looked for, and of a text of several lines."""

# fmt: off
SECTIONS = frozenset({
    "acme", "backend", "cache", "crt-store", "defaults", "fcgi-app", "frontend", "global", "http-errors",
    "listen", "log-forward", "log-profile", "mailers", "namespace_list", "peers", "program", "resolvers",
    "ring", "traces", "userlist",
})
# fmt: on
"""Words that begin a section of haproxy.cfg (configuration manual, chapters 3 and 4)."""

MAX_HOSTNAME = 64
"""Linux's limit (HOST_NAME_MAX); the form of a host name is RFC 1123, section 2.1."""

_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", re.ASCII)
_HOST_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?", re.ASCII)
_INTERFACE = re.compile(r"[a-z][a-z0-9_.-]{0,14}", re.ASCII)
_COOKIE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", re.ASCII)
_HTTP_PATH = re.compile(r"/[A-Za-z0-9._~!$&()*+,;=:@%/?-]{0,1023}", re.ASCII)
_STATUS_ITEM = re.compile(r"([1-6][0-9]{2})(?:-([1-6][0-9]{2}))?", re.ASCII)
_KEY_ID = re.compile(r"[0-9a-f]{64}", re.ASCII)
_PORT_ITEM = re.compile(r"([0-9]{1,6})(?:\s*-\s*([0-9]{1,6}))?", re.ASCII)


def _label(value: object) -> str:
    if not isinstance(value, str) or _LABEL.fullmatch(value) is None:
        raise ValueError(
            "is not a label; use 1 to 63 letters, digits, dots, dashes and underscores, "
            "beginning with a letter or digit"
        )
    return value


def _hostname(value: object) -> str:
    if (
        not isinstance(value, str)
        or len(value) > MAX_HOSTNAME
        or not all(_HOST_LABEL.fullmatch(name) for name in value.split("."))
    ):
        raise ValueError("is not a host name; use up to 64 letters, digits, dashes and dots, such as lbva")
    return value


def _interface_name(value: object) -> str:
    # 15 characters: IFNAMSIZ of Linux without its final zero.
    if not isinstance(value, str) or _INTERFACE.fullmatch(value) is None:
        raise ValueError("is not the name of a network interface; use its name in the kernel, such as eth0")
    return value


def plain(value: object) -> str:
    """Return an address's text: numbers would pass for one, and a scope (%eth0) may hold anything."""
    if not isinstance(value, str) or "%" in value:
        raise ValueError("not a plain address")
    return value.strip()


def _address(value: object) -> IPv4Address | IPv6Address:
    if isinstance(value, IPv4Address | IPv6Address):
        return value
    try:
        address = ip_address(plain(value))
    except ValueError:
        raise ValueError("is not an IP address; write it such as 192.168.10.30 or 2001:db8::30") from None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        raise ValueError(f"is an IPv4 address in IPv6 form; write {address.ipv4_mapped}")
    return address


def _interface_address(value: object) -> IPv4Interface | IPv6Interface:
    if isinstance(value, IPv4Interface | IPv6Interface):
        return value
    try:
        text = plain(value)
        # Without a prefix the host alone would be the subnet.
        return ip_interface(text if "/" in text else "")
    except ValueError:
        raise ValueError("is not an IP address with its prefix; write it such as 192.168.2.21/24") from None


def port_span(item: object) -> tuple[int, int]:
    """First and last port of one item of a port list: 5060 or "5071-5074".

    Raises ValueError with the predicate that says what is wrong.
    """
    text = str(item) if type(item) is int else item
    match = _PORT_ITEM.fullmatch(text.strip()) if isinstance(text, str) else None
    if match is None:
        raise ValueError(
            f"port {str(item)[:20]!r} is not a number or a range; write it such as 5060 or 5071-5074"
        )
    first, last = int(match[1]), int(match[2] or match[1])
    for port in (first, last):
        if not 1 <= port <= MAX_PORT:
            raise ValueError(f"port {port} is not between 1 and 65535")
    if first > last:
        raise ValueError(f"range {first}-{last} runs backwards; write {last}-{first}")
    return first, last


def _ports(value: object) -> tuple[int | str, ...]:
    """Normalise a list, or the guide's one string, in the order given: the first port is the one checked."""
    if isinstance(value, str):
        value = value.split(",")
    if not isinstance(value, list | tuple) or not value or value == [""]:
        raise ValueError('is not a list of ports; write it such as [5060, 5061, "5071-5074"]')
    seen: set[int] = set()
    normal: list[int | str] = []
    for item in value[: MAX_PORTS + 1]:
        first, last = port_span(item)
        twice = seen.intersection(range(first, last + 1))
        if twice:
            raise ValueError(f"port {min(twice)} is there twice; name each port once")
        seen.update(range(first, last + 1))
        normal.append(first if first == last else f"{first}-{last}")
    if len(seen) > MAX_PORTS:
        raise ValueError(f"has more than {MAX_PORTS} ports; split them over several virtual services")
    return tuple(normal)


def _check_ports(value: object) -> tuple[int, ...]:
    """Normalise one port, a list, or one string of several."""
    if value in (None, "", [], ()):
        return ()
    spans = [port_span(item) for item in _ports([value] if type(value) is int else value)]
    ports = tuple(port for first, last in spans for port in range(first, last + 1))
    if len(ports) > MAX_CHECK_PORTS:
        raise ValueError(f"has more than {MAX_CHECK_PORTS} ports; check those that matter")
    return ports


def _cookie_name(value: object) -> str:
    if not isinstance(value, str) or _COOKIE.fullmatch(value) is None:
        raise ValueError("is not a cookie's name; use up to 63 letters, digits, dots, dashes and underscores")
    return value


def _http_path(value: object) -> str:
    if not isinstance(value, str) or _HTTP_PATH.fullmatch(value) is None:
        raise ValueError("is not the path of a web page; write it such as /health?full=1, without spaces")
    return value


def _status_codes(value: object) -> str:
    items = value.replace(" ", "").split(",") if isinstance(value, str) and len(value) <= MAX_TEXT else [""]
    for item in items:
        match = _STATUS_ITEM.fullmatch(item)
        if match is None or int(match[1]) > int(match[2] or match[1]):
            raise ValueError("is not a list of status codes; write it such as 200 or 200-399,401")
    return ",".join(items)


def _wire_text(value: object) -> str:
    if not isinstance(value, str) or not value.isprintable() or not 1 <= len(value) <= MAX_TEXT:
        raise ValueError(f"is not a text of 1 to {MAX_TEXT} characters on one line")
    return value


def text_block(value: object, kind: str) -> str:
    """Return a text of several lines, with one kind of line end."""
    text = value.replace("\r\n", "\n").strip("\n") + "\n" if isinstance(value, str) else "\0"
    if len(text) > MAX_BLOCK or not all(char.isprintable() or char in "\n\t" for char in text):
        raise ValueError(
            f"is not {kind}; give a text without control characters, up to {MAX_BLOCK} characters"
        )
    return text


def _section_text(value: object) -> str:
    text = text_block(value, "a section of haproxy.cfg")
    for line in text.splitlines():
        # What HAProxy takes for the first word: up to a comment, and behind "no" (its manual, 2.1 and 2.2).
        words = [word for word in line.partition("#")[0].split() if word not in {"no", "default"}]
        word = words[0][:MAX_HOSTNAME] if words else ""
        # It reads quotes and escapes there, too: "gl\x6fbal" begins a section.
        if set(word) & set("\"'\\"):
            raise ValueError(f"has a line that begins with {word}; write its keyword without quotes")
        if word in SECTIONS or word.startswith("."):
            raise ValueError(f"has a line that begins with {word}, which would leave the section; remove it")
        # As root, HAProxy would put its socket in the place of any file, lbadmind's own socket included.
        if word == "bind" and set(words[1] if len(words) > 1 else "") & set("/@$\"'\\"):
            raise ValueError(
                f"has a line that binds {words[1][:MAX_HOSTNAME]}; "
                "write an address and port, such as 192.168.10.30:5060"
            )
    return text


def _script_text(value: object) -> str:
    text = text_block(value, "a script")
    if not text.startswith("#!/"):
        raise ValueError("is not a script; its first line names the interpreter, such as #!/bin/sh")
    return text


def _pem_text(value: object) -> str:
    text = text_block(value, "a certificate in PEM form")
    if "-----BEGIN CERTIFICATE-----" not in text or "PRIVATE KEY" in text:
        raise ValueError("is not a certificate in PEM form; it begins with -----BEGIN CERTIFICATE-----")
    return text


def _key_id(value: object) -> str:
    if not isinstance(value, str) or _KEY_ID.fullmatch(value) is None:
        raise ValueError("is not the name of a stored key; import the key with its certificate")
    return value


Label = Annotated[
    str,
    BeforeValidator(_label),
    WithJsonSchema({"type": "string", "pattern": r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$"}),
]
Hostname = Annotated[
    str,
    BeforeValidator(_hostname),
    WithJsonSchema({"type": "string", "maxLength": 64, "format": "hostname"}),
]
InterfaceName = Annotated[
    str,
    BeforeValidator(_interface_name),
    WithJsonSchema({"type": "string", "pattern": r"^[a-z][a-z0-9_.-]{0,14}$"}),
]
_IP_SCHEMA = {"type": "string", "anyOf": [{"format": "ipv4"}, {"format": "ipv6"}]}
Address = Annotated[
    IPv4Address | IPv6Address, BeforeValidator(_address), PlainSerializer(str), WithJsonSchema(_IP_SCHEMA)
]
InterfaceAddress = Annotated[
    IPv4Interface | IPv6Interface,
    BeforeValidator(_interface_address),
    PlainSerializer(str),
    WithJsonSchema(
        {"type": "string", "examples": ["192.168.2.21/24"], "pattern": r"^[0-9A-Fa-f:.]+/[0-9]{1,3}$"}
    ),
]
CookieName = Annotated[
    str,
    BeforeValidator(_cookie_name),
    WithJsonSchema({"type": "string", "pattern": r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$"}),
]
HttpPath = Annotated[
    str,
    BeforeValidator(_http_path),
    WithJsonSchema({"type": "string", "pattern": r"^/[A-Za-z0-9._~!$&()*+,;=:@%/?-]{0,1023}$"}),
]
StatusCodes = Annotated[
    str,
    BeforeValidator(_status_codes),
    WithJsonSchema({"type": "string", "maxLength": MAX_TEXT, "examples": ["200-399,401"]}),
]
WireText = Annotated[
    str,
    BeforeValidator(_wire_text),
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": MAX_TEXT}),
]
_BLOCK_SCHEMA = {"type": "string", "maxLength": MAX_BLOCK}
SectionText = Annotated[str, BeforeValidator(_section_text), WithJsonSchema(_BLOCK_SCHEMA)]
ScriptText = Annotated[
    str, BeforeValidator(_script_text), WithJsonSchema({**_BLOCK_SCHEMA, "pattern": "^#!/"})
]
PemText = Annotated[str, BeforeValidator(_pem_text), WithJsonSchema(_BLOCK_SCHEMA)]
KeyId = Annotated[
    str, BeforeValidator(_key_id), WithJsonSchema({"type": "string", "pattern": "^[0-9a-f]{64}$"})
]
Port = Annotated[int, Field(ge=1, le=65535, strict=True)]
Ports = Annotated[
    tuple[int | str, ...],
    BeforeValidator(_ports),
    WithJsonSchema(
        {
            "anyOf": [
                {
                    "type": "array",
                    "minItems": 1,
                    "maxItems": MAX_PORTS,
                    "items": {
                        "anyOf": [
                            {"type": "integer", "minimum": 1, "maximum": 65535},
                            {"type": "string", "pattern": "^[0-9]{1,5}(-[0-9]{1,5})?$"},
                        ]
                    },
                },
                {"type": "string", "pattern": "^[0-9]{1,5}(-[0-9]{1,5})?(,[0-9]{1,5}(-[0-9]{1,5})?)*$"},
            ],
            "examples": [[5060, 5061, "5071-5074"], "5060,5061,5071-5074"],
        }
    ),
]
CheckPorts = Annotated[
    tuple[int, ...],
    BeforeValidator(_check_ports),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "array", "maxItems": MAX_CHECK_PORTS, "items": {"type": "integer"}},
                {"type": "integer", "minimum": 1, "maximum": 65535},
                {"type": "string"},
            ],
            "examples": [[5061, 443], 5061, "5061,443"],
        },
        mode="validation",
    ),
    WithJsonSchema({"type": "array", "items": {"type": "integer"}}, mode="serialization"),
]
DurationMs = Annotated[
    int,
    BeforeValidator(parse_ms),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 1, "maximum": MAX_MS},
                {"type": "string", "pattern": "^[0-9]{1,10}(ms|s|m|h|d)?$"},
            ],
            "examples": [1800000, "30m"],
        },
        mode="validation",
    ),
    WithJsonSchema({"type": "integer", "minimum": 1, "maximum": MAX_MS}, mode="serialization"),
]
