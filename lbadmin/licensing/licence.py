"""Licence key files: JSON that the vendor has signed with Ed25519 (RFC 8032); image/licence.py makes them.

The signature is over the licence in the one form that JSON text can have here: keys sorted, no blanks, UTF-8.
"""

import base64
import binascii
import hashlib
import json
import re
from dataclasses import dataclass
from datetime import date
from typing import Any

from lbadmin.errors import Fault, RefusedError
from lbadmin.openssl import bench
from lbadmin.system import System

PUBLIC_KEY = "/usr/lib/lbva/licence.pem"
"""Whose licences this image takes; the key that it was built with."""

FORMAT = 1
MAX_BYTES = 16 * 1024
_SIGNATURE_BYTES = 64
_TEXTS = ("customer", "serial", "edition")
_NAMES = {*_TEXTS, "issued", "expires", "appliances"}
_APPLIANCE = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True)
class Licence:
    """What a licence says; `expires` is its last day, None when it has none; no appliances mean any."""

    customer: str
    serial: str
    edition: str
    issued: date
    expires: date | None
    appliances: tuple[str, ...]


def appliance_id(system: System) -> str:
    """Return the id by which a licence names this appliance: 16 hexadecimal digits, made of its machine id.

    The machine id itself is not for telling (machine-id(5)).
    """
    try:
        machine = system.path("/etc/machine-id").read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        machine = ""
    return hashlib.sha256(f"LBVA appliance {machine}".encode()).hexdigest()[:16]


def read_licence(system: System, text: str) -> Licence:
    """Return what a licence key file says, whoever and whatever day it is for.

    Raises RefusedError at `licence` when it is no such file, or not signed by the vendor.
    """
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise refused(f"is larger than {MAX_BYTES // 1024} KiB; choose the licence key file")
    document = _document(text)
    said = document["licence"]
    if not _signed(system, canonical(said), document["signature"]):
        raise refused("is not signed by the vendor of this appliance, or was altered; ask for the file again")
    return _licence(said)


def check_holder(licence: Licence, appliance: str, today: date) -> None:
    """Raise RefusedError when a licence is not for this appliance, or not for this day."""
    if licence.appliances and appliance not in licence.appliances:
        others = ", ".join(licence.appliances)
        raise refused(f"is for other appliances ({others}); this one is {appliance}")
    if licence.expires is not None and licence.expires < today:
        raise refused(f"expired on {licence.expires}; ask for a new one")


def canonical(said: dict[str, Any]) -> bytes:
    """Return the bytes that are signed."""
    return json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def refused(sentence: str) -> RefusedError:
    """Return the refusal of a licence key file."""
    return RefusedError([Fault("licence", None, f"the licence key file {sentence}")])


def _document(text: str) -> dict[str, Any]:
    try:
        document = json.loads(text, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        raise refused("is damaged or not whole; download it again, and send it as it is") from None
    if not isinstance(document, dict) or set(document) != {"lbva_licence", "licence", "signature"}:
        raise refused("is none; choose the file that the vendor has sent")
    if document["lbva_licence"] != FORMAT:
        raise refused("has a format that this version does not know; update the appliance")
    said, signature = document["licence"], document["signature"]
    if not isinstance(said, dict) or not isinstance(signature, str):
        raise refused("is damaged; download it again, and send it as it is")
    return document


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a name that stands twice: readers differ in which one counts."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found


def _signed(system: System, data: bytes, signature: str) -> bool:
    try:
        decoded = base64.b64decode(signature, validate=True)
        public = system.path(PUBLIC_KEY).read_text(encoding="ascii")
    except (binascii.Error, ValueError):
        return False
    except OSError:
        raise refused("can't be checked: this image has no vendor's key") from None
    if len(decoded) != _SIGNATURE_BYTES:
        return False
    with bench(system) as work:
        result = work.run(
            "pkeyutl", "-verify", "-pubin", "-inkey", work.put("public.pem", public), "-rawin",
            "-in", work.put("data", data), "-sigfile", work.put("signature", decoded),
        )  # fmt: skip
    return result.status == 0


def _licence(said: dict[str, Any]) -> Licence:
    """Return what the vendor has signed; a vendor of another time may have signed what is no licence here."""
    try:
        if set(said) == _NAMES and all(isinstance(said[name], str) for name in _TEXTS):
            return Licence(
                customer=said["customer"],
                serial=said["serial"],
                edition=said["edition"],
                issued=date.fromisoformat(said["issued"]),
                expires=date.fromisoformat(said["expires"]) if said["expires"] else None,
                appliances=tuple(_APPLIANCE.fullmatch(each)[0] for each in said["appliances"]),  # type: ignore[index]
            )
    except (ValueError, TypeError):
        pass
    raise refused("is signed, but says what this version does not know; update the appliance")
