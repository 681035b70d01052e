"""What a person typed as the body of a request, and a document as a person would type it: by the catalogue.

Pages and lbcli share it, so that the same words mean the same to both. Nothing is validated here, but by
lbadmind.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from lbadmin.catalogue import Field

Json: TypeAlias = Any
Texts: TypeAlias = dict[str, str]
"""Each field's text by its path; a flag is "true" or "false"."""

MAX_DIGITS = 18
"""No number of ours has more; of thousands of digits Python makes none (int_max_str_digits)."""

KEPT = "is set"
"""What is shown of a secret that is kept."""

_SEPARATORS = re.compile(r"[\s,;]+")


def texts_of(document: Json, fields: Sequence[Field]) -> Texts:
    """Return the values of a document as a person would type them."""
    return {field.path: _text(_value_at(document, field.path), field) for field in fields}


def body_of(texts: Mapping[str, str], fields: Sequence[Field]) -> dict[str, Any]:
    """Return the request's body for texts, nested by the fields' paths; only what has a text."""
    body: dict[str, Any] = {}
    for field in fields:
        # A secret is never shown, so a blank one is one that stays.
        if field.path not in texts or (field.kind == "secret" and field.optional and not texts[field.path]):
            continue
        here = body
        *parents, name = field.path.split(".")
        for parent in parents:
            here = here.setdefault(parent, {})
        here[name] = _to_json(texts[field.path], field)
    return body


def _value_at(document: Json, path: str) -> object:
    here = document
    for part in path.split("."):
        here = here.get(part) if isinstance(here, dict) else None
    return here


def _text(value: object, field: Field) -> str:
    if value is None:
        return ""
    if field.kind == "secret":
        return KEPT
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ("\n" if field.kind in {"list", "lines"} else ",").join(map(str, value))
    return str(value)


def _to_json(text: str, field: Field) -> Json:
    if field.kind == "flag":
        return text == "true"
    if field.kind == "list":
        return [part for part in _SEPARATORS.split(text) if part]
    if field.kind == "lines":
        return [line.strip() for line in text.splitlines() if line.strip()]
    if text.strip() == "" and (field.optional or field.kind == "number"):
        return None
    if field.kind == "number" and text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS:
        return int(text)
    return text
