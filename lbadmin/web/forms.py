"""Forms from the catalogue: a document's values as texts, and texts as the body of a request.

Nothing is validated here: what a person typed goes to lbadmind, and its errors come back to their fields.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from lbadmin.catalogue import Field
from lbadmin.web.page import as_sentence

Json: TypeAlias = Any
Texts: TypeAlias = dict[str, str]
"""A form's contents: each field's text by its path; a flag is "true" or "false"."""

_SEPARATORS = re.compile(r"[\s,;]+")


def texts_of(document: Json, fields: Sequence[Field]) -> Texts:
    """Return the values of a document as a person would type them."""
    return {field.path: _text(_value_at(document, field.path), field) for field in fields}


def default_texts(fields: Sequence[Field]) -> Texts:
    """Return what an empty form shows."""
    return {field.path: field.default for field in fields}


def sent_texts(form: Mapping[str, Any], fields: Sequence[Field]) -> Texts:
    """Return what was typed; a flag that was not sent is not ticked."""
    return {field.path: _sent(form, field) for field in fields}


def body_of(texts: Texts, fields: Sequence[Field]) -> dict[str, Any]:
    """Return the request's body for texts: nested by the fields' paths."""
    body: dict[str, Any] = {}
    for field in fields:
        here = body
        *parents, name = field.path.split(".")
        for parent in parents:
            here = here.setdefault(parent, {})
        here[name] = _to_json(texts[field.path], field)
    return body


def errors_of(problem: Json, fields: Sequence[Field], root: str = "") -> Texts:
    """Return lbadmind's sentences by the path of the form's field; those of no field are at "".

    `root` is where the form's object is within the document (`virtual_services`, `real_servers`): paths in
    errors are relative to the body, or to the whole document when a rule between its parts is broken.
    """
    paths = {field.path for field in fields}
    found: Texts = {}
    for error in problem.get("errors") or [{"field": "", "message": problem["detail"]}]:
        path = _known(error["field"], paths, root)
        sentence = as_sentence(error["message"])
        found[path] = f"{found[path]} {sentence}" if path in found else sentence
    return found


def _known(where: str, paths: set[str], root: str) -> str:
    parts = where.split(".")
    if root in parts:
        # virtual_services.3.ports: what follows the number is within the form's object.
        parts = parts[len(parts) - parts[::-1].index(root) + 1 :]
    for length in range(len(parts), 0, -1):
        path = ".".join(parts[:length])
        if path in paths:
            return path
    return ""


def _value_at(document: Json, path: str) -> object:
    here = document
    for part in path.split("."):
        here = here.get(part) if isinstance(here, dict) else None
    return here


def _text(value: object, field: Field) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ("\n" if field.kind == "list" else ",").join(map(str, value))
    return str(value)


def _sent(form: Mapping[str, Any], field: Field) -> str:
    value = form.get(field.path)
    if field.kind == "flag":
        return "true" if value == "true" else "false"
    text = value if isinstance(value, str) else ""
    return text if field.kind in {"block", "secret"} else text.strip()


def _to_json(text: str, field: Field) -> Json:
    if field.kind == "flag":
        return text == "true"
    if field.kind == "list":
        return [part for part in _SEPARATORS.split(text) if part]
    if text.strip() == "" and (field.optional or field.kind == "number"):
        return None
    if field.kind == "number" and text.isascii() and text.isdigit():
        return int(text)
    return text
