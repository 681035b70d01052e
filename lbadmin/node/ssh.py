"""Who may log in by SSH, and how."""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Annotated

from pydantic import BeforeValidator, WithJsonSchema

from lbadmin.document import Document, Flag

MAX_KEYS = 64
MAX_COMMENT = 128
MAX_KEY = 8192
"""Characters of one key's line: one of 16,384 bits, sshd's limit for RSA, has 2,800."""
MIN_RSA_BITS, MAX_RSA_BITS = 2048, 16_384
"""NIST SP 800-131A, table 2; OpenSSH's SSHBUF_MAX_BIGNUM."""

_FORM = "write it as the .pub file has it, such as ssh-ed25519 AAAA… name"

Parts = Sequence[bytes]
_POINTS = {b"nistp256": 65, b"nistp384": 97, b"nistp521": 133}
"""Bytes of an uncompressed point by the curve's name (RFC 5656, section 3.1)."""


def _is_ed25519(parts: Parts) -> bool:
    return len(parts[0]) == 32  # noqa: PLR2004 - RFC 8709, section 4


def _is_on(curve: bytes, parts: Parts) -> bool:
    return parts[0] == curve and len(parts[1]) == _POINTS[curve] and parts[1][:1] == b"\4"


def _is_rsa(parts: Parts) -> bool:
    exponent, modulus = (int.from_bytes(part, "big") for part in parts)
    return (
        exponent % 2 == 1
        and exponent > 1
        and modulus % 2 == 1
        and MIN_RSA_BITS <= modulus.bit_length() <= MAX_RSA_BITS
    )


_KINDS: dict[str, tuple[int, Callable[[Parts], bool]]] = {
    "ssh-ed25519": (1, _is_ed25519),
    "ecdsa-sha2-nistp256": (2, lambda parts: _is_on(b"nistp256", parts)),
    "ecdsa-sha2-nistp384": (2, lambda parts: _is_on(b"nistp384", parts)),
    "ecdsa-sha2-nistp521": (2, lambda parts: _is_on(b"nistp521", parts)),
    "ssh-rsa": (2, _is_rsa),
    "sk-ssh-ed25519@openssh.com": (2, _is_ed25519),
    "sk-ecdsa-sha2-nistp256@openssh.com": (3, lambda parts: _is_on(b"nistp256", parts)),
}
"""For each type of key how many parts follow its name (RFC 4253, section 6.6; OpenSSH's PROTOCOL.u2f), and
whether they can be a key."""


def _strings(blob: bytes) -> list[bytes]:
    """Return the strings that a public key is made of (RFC 4251, section 5). Raises ValueError."""
    found = []
    while blob:
        end = 4 + int.from_bytes(blob[:4], "big")
        if len(blob) < end:
            raise ValueError("it ends too early")
        found.append(blob[4:end])
        blob = blob[end:]
    return found


def _blob(kind: str, text: str) -> bytes:
    """Return the bytes of a key of this type. Raises ValueError when it is none."""
    blob = base64.b64decode(text, validate=True)
    name, *parts = _strings(blob)
    count, fits = _KINDS[kind]
    if name != kind.encode() or len(parts) != count or not fits(parts):
        raise ValueError("not of this type")
    return blob


def _key(number: int, value: object) -> tuple[str, bytes]:
    """Return a key's line in its normal form, and its bytes. Raises ValueError with a sentence."""
    if not isinstance(value, str) or not value.isprintable() or len(value) > MAX_KEY:
        raise ValueError(f"key {number} is not a public key on one line; {_FORM}")
    if "PRIVATE KEY" in value:
        raise ValueError(f"key {number} is a private key, which nobody must see; give the .pub file instead")
    kind, _, rest = value.strip().partition(" ")
    text, _, comment = rest.strip().partition(" ")
    comment = comment.strip()
    if kind not in _KINDS:
        raise ValueError(f"key {number} is of no type that is taken here; use {', '.join(_KINDS)}")
    if len(comment) > MAX_COMMENT:
        raise ValueError(f"key {number} is too long; cut its comment to {MAX_COMMENT} characters")
    try:
        blob = _blob(kind, text)
    except (binascii.Error, ValueError):
        raise ValueError(f"key {number} is not a good key of type {kind}; copy it again, whole") from None
    return " ".join(filter(None, (kind, text, comment))), blob


def _keys(value: object) -> tuple[str, ...]:
    if not isinstance(value, list | tuple):
        raise ValueError("is not a list of public keys; give each as a text")  # noqa: TRY004 - as in fields
    if len(value) > MAX_KEYS:
        raise ValueError(f"has more than {MAX_KEYS} keys; remove some")
    lines: dict[bytes, str] = {}
    for number, each in enumerate(value, 1):
        line, blob = _key(number, each)
        if blob in lines:
            raise ValueError(f"key {number} is there twice; give each key once")
        lines[blob] = line
    return tuple(lines.values())


PublicKeys = Annotated[
    tuple[str, ...],
    BeforeValidator(_keys),
    WithJsonSchema(
        {"type": "array", "maxItems": MAX_KEYS, "items": {"type": "string", "maxLength": MAX_KEY}}
    ),
]


class Ssh(Document):
    """Who may log in by SSH, and how: `keys` are lines of OpenSSH's authorized_keys, without options."""

    password_login: Flag = False
    keys: PublicKeys = ()
