"""The users of the WebUI and the REST API, and the form in which they are stored beside the API keys."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from lbadmin.apikeys import ApiKey
from lbadmin.roles import ROLES, Role

USER = "loadbalancer"
"""The user of the deployment guide: always there, and always an administrator."""
USERS_MAX = 64

_NAME = re.compile(r"[a-z][a-z0-9._-]{0,31}", re.ASCII)
_TAKEN = frozenset({"root", "lbadmind", "unattended", "peer"})
"""What the histories call others by."""


@dataclass(frozen=True)
class User:
    """A user as it is stored; without a `hash`, which only USER can be, the factory password holds."""

    name: str
    role: Role
    hash: str | None


@dataclass(frozen=True)
class Accounts:
    """The whole document: users by name, API keys, and the console user's password as in shadow(5)."""

    users: Mapping[str, User]
    keys: tuple[ApiKey, ...]
    console: str | None


def is_name(text: object) -> bool:
    """Tell whether a user can be called this."""
    return isinstance(text, str) and _NAME.fullmatch(text) is not None and text not in _TAKEN


def read_accounts(document: Mapping[str, Any]) -> Accounts:
    """Return what a stored document of any known form says.

    The first form had no roles: its one user was an administrator, and its keys could read or do everything.
    """
    users = {name: _user(name, stored) for name, stored in document.get("users", {}).items()}
    users = {USER: User(USER, "administrator", None), **users}
    keys = tuple(_key(stored) for stored in document.get("api_keys", ()))
    return Accounts(users, keys, document.get("console", {}).get("hash"))


def stored_accounts(accounts: Accounts) -> dict[str, Any]:
    """Return the document to store."""
    users = {user.name: {"hash": user.hash, "role": user.role} for user in _stored(accounts.users.values())}
    document: dict[str, Any] = {"users": users, "api_keys": [vars(key) for key in accounts.keys]}
    return document if accounts.console is None else {**document, "console": {"hash": accounts.console}}


def _stored(users: Iterable[User]) -> list[User]:
    return [user for user in users if user.hash is not None]


def _user(name: str, stored: Mapping[str, Any]) -> User:
    role = "administrator" if name == USER else stored.get("role")
    # A role of a newer version: the least is the safe one.
    return User(name, role if role in ROLES else "read-only", stored["hash"])


def _key(stored: Mapping[str, Any]) -> ApiKey:
    kept = dict(stored)
    if "read_only" in kept:
        kept["role"] = "read-only" if kept.pop("read_only") else "administrator"
    return ApiKey(**kept)
