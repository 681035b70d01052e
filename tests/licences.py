"""Licence key files for tests, and the vendor who signs them."""

import base64
import json
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from lbadmin.licensing.licence import PUBLIC_KEY, canonical
from lbadmin.system import System

SAID: dict[str, Any] = {
    "customer": "Example Bank",
    "serial": "ABCD-1234",
    "edition": "Enterprise",
    "issued": "2026-11-01",
    "expires": "2027-11-01",
    "appliances": [],
}
VENDOR = Ed25519PrivateKey.from_private_bytes(b"vendor's key for the tests only!")
OTHER = Ed25519PrivateKey.from_private_bytes(b"somebody else's key, for tests..")


def signed(said: dict[str, Any], key: Ed25519PrivateKey = VENDOR) -> str:
    signature = base64.b64encode(key.sign(canonical(said))).decode()
    return json.dumps({"lbva_licence": 1, "licence": said, "signature": signature}, indent=1)


def trust_vendor(system: System) -> None:
    """Give an appliance the vendor's public key, as its image has it."""
    key = system.path(PUBLIC_KEY)
    key.parent.mkdir(parents=True, exist_ok=True)
    key.write_bytes(VENDOR.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
