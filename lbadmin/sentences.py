"""pydantic's error lists as sentences that name the field, the value, its owner and the remedy."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from lbadmin.errors import Fault

_MAX_VALUE_LENGTH = 60
_SECRETS = {
    "password", "ca_certificate", "current", "new", "passphrase", "content", "chain", "backup", "keys",
    "community", "auth_password", "privacy_password",
    "webhook_secret", "webhook_authority",
}  # fmt: skip
_ITEM_NAMES = {
    "ports": "port",
    "addresses": "address",
    "snat_addresses": "SNAT address",
    "dns": "name server",
    "routes": "route",
    "members": "interface",
    "lockdown": "network",
    "networks": "network",
    "ntp_servers": "NTP server",
    "recipients": "recipient",
}


def faults_of(errors: Sequence[Mapping[str, Any]], document: object, owner: str = "") -> list[Fault]:
    """Return one Fault per pydantic error.

    `document` is the raw input, from which labels are read; `owner` names what the document is when its own
    label does not say so (a patch of "OCS-Front-End").
    """
    return [_fault(error, document, owner) for error in errors]


def show(value: object) -> str:
    """Return a value as a person may read it in a sentence: short, and never more than one line."""
    text = value if isinstance(value, str) and value.isprintable() and value else _json(value)
    return text if len(text) <= _MAX_VALUE_LENGTH else f"{text[:_MAX_VALUE_LENGTH]}…"


def _json(value: object) -> str:
    try:
        return json.dumps(value)
    except (TypeError, ValueError):
        return type(value).__name__


def _fault(error: Mapping[str, Any], document: object, owner: str) -> Fault:
    loc = tuple(part for part in error["loc"] if not str(part).startswith(("function-", "constrained-")))
    value = error["input"]
    names = [part for part in loc if isinstance(part, str)]
    name = names[-1] if names else "the document"
    if loc and isinstance(loc[-1], int):
        name = _ITEM_NAMES.get(name, f"item of {name}")
    whose = _owner(loc, document) or owner
    of = f" of {whose}" if whose else ""
    field = ".".join(map(str, loc))
    # A whole object may hold a secret, and so may a field whose name is mistyped.
    if not names or isinstance(value, dict) or error["type"] == "extra_forbidden" or _SECRETS & set(names):
        return Fault(field, None, _sentence(error, name, "", of))
    return Fault(field, _safe(value), _sentence(error, name, f" {show(value)}", of))


def _safe(value: object) -> object:
    """Return the value as the answer may repeat it: plain and short."""
    return value if value is None or isinstance(value, bool | int | float) else show(value)


_PREDICATES = {
    "missing": "is missing; give it a value",
    "extra_forbidden": "is not a known field; leave it out",
    "too_long": "has more than {max_length} entries; remove some",
    "string_too_long": "has more than {max_length} characters",
    "string_too_short": "has less than {min_length} characters",
}
"""What is said of a field whose value does not matter, by pydantic's type of error."""

_VALUE_PREDICATES = {
    "literal_error": "is not one of {expected}",
    "greater_than_equal": "is not at least {ge}",
    "less_than_equal": "is not at most {le}",
    "int_type": "is not a whole number",
    "bool_type": "is neither true nor false",
    "string_type": "is not a text",
    "tuple_type": "is not a list",
    "model_type": "is not an object",
    "dict_type": "is not an object",
    "model_attributes_type": "is not an object",
}
"""What is said of a field and its value."""

_RANGES = {
    "weight": "0 and 256",
    "port": "1 and 65535",
    "firewall_mark": "1 and 65535",
    "granularity": "1 and 128",
    "id": "1 and 4094",
    "mtu": "576 and 9216",
    "miimon_ms": "10 and 10000",
}
"""Fields whose both bounds are told, whichever is broken."""


def _sentence(error: Mapping[str, Any], name: str, value: str, of: str) -> str:
    """Return the sentence; the value has a space before it, or is empty when it must not be told."""
    context: Mapping[str, Any] = error.get("ctx") or {}
    kind = error["type"]
    if kind == "value_error":
        return _own_sentence(str(context["error"]), name, value, of)
    if kind in _PREDICATES:
        return f"{name}{of} {_PREDICATES[kind].format_map(context)}"
    if kind in {"greater_than_equal", "less_than_equal"} and name in _RANGES:
        return f"{name}{value}{of} is not between {_RANGES[name]}"
    if kind in _VALUE_PREDICATES:
        return f"{name}{value}{of} {_VALUE_PREDICATES[kind].format_map(context)}"
    return f"{name}{value}{of} is not valid: {error['msg']}"


def _own_sentence(reason: str, name: str, value: str, of: str) -> str:
    """Sentence for a predicate of `fields`; one about an item of a list brings its own subject."""
    if reason.startswith("is "):
        return f"{name}{value}{of} {reason}"
    if reason.startswith("has "):
        return f"{name}{of} {reason}"
    subject, verb, predicate = re.split(r" (is|runs) ", reason, maxsplit=1)
    return f"{subject}{of} {verb} {predicate}"


def _owner(loc: Sequence[int | str], document: object) -> str:
    """Name whose value it is, innermost first: "FE-1 in OCS-Front-End"."""
    owners: list[str] = []
    here: object = document
    for part in loc:
        if isinstance(here, Mapping):
            label = here.get("label") or here.get("name")
            if isinstance(label, str) and part not in {"label", "name"}:
                owners.append(show(label))
            here = here.get(str(part))
        elif isinstance(here, list | tuple) and isinstance(part, int) and part < len(here):
            here = here[part]
    return " in ".join(reversed(owners))
