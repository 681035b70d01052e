"""API keys: named, long-lived credentials for programs, of which only a digest is kept."""

import hashlib
import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from lbadmin.roles import Role

PREFIX = "lbva_"
"""What every key begins with: it tells a key from a session's token, for lbadmind and for scanners."""
KEYS_MAX = 64


@dataclass(frozen=True)
class ApiKey:
    """A key as it is stored: `created` is UTC, ISO 8601; `sha256` is the hex digest of the whole key."""

    name: str
    role: Role
    created: str
    created_by: str
    sha256: str

    @property
    def who(self) -> str:
        """How the history names the key; no user's name has a colon."""
        return f"key:{self.name}"


def make_key(name: str, role: Role, created_by: str) -> tuple[str, ApiKey]:
    """Return a new key and what is stored of it.

    With 256 random bits a plain digest can't be reversed, and costs nothing at each request.
    """
    key = f"{PREFIX}{secrets.token_urlsafe(32)}"
    created = datetime.now(UTC).isoformat(timespec="seconds")
    return key, ApiKey(name, role, created, created_by, _digest(key))


def find_key(keys: Iterable[ApiKey], key: str) -> ApiKey | None:
    """Return what is stored of a key; the time that takes tells nothing about the keys there are."""
    digest = _digest(key)
    found = [each for each in keys if hmac.compare_digest(each.sha256, digest)]
    return found[0] if found else None


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
