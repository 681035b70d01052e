"""Forms from the catalogue: what was typed into them, and lbadmind's errors at their fields."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, TypeAlias

from lbadmin.bodies import KEPT, Texts
from lbadmin.catalogue import Field
from lbadmin.web.page import as_sentence

Json: TypeAlias = Any


def default_texts(fields: Sequence[Field]) -> Texts:
    """Return what an empty form shows."""
    return {field.path: field.default for field in fields}


def sent_texts(form: Mapping[str, Any], fields: Sequence[Field]) -> Texts:
    """Return what was typed; a flag that was not sent is not ticked."""
    return {field.path: _sent(form, field) for field in fields}


def shown(text: str, field: Field) -> str:
    """Return a field's text as its form shows it to a person."""
    if field.kind == "flag":
        return "on" if text == "true" else "off"
    if field.kind == "secret":
        return KEPT if text else "blank"
    return dict(field.choices).get(text, text) or "blank"


def errors_of(problem: Json, fields: Sequence[Field], root: str = "") -> Texts:
    """Return lbadmind's sentences by the path of the form's field; those of no field are at "".

    `root` is where the form's object is within the document (`virtual_services`, `real_servers`): paths in
    errors are relative to the body, or to the whole document when a rule between its parts is broken.
    """
    labels = {field.path: field.label for field in fields}
    found: Texts = {}
    for error in problem.get("errors") or [{"field": "", "message": problem["detail"]}]:
        path = _known(error["field"], labels.keys(), root)
        sentence = as_sentence(_labelled(error["message"], path, labels))
        found[path] = f"{found[path]} {sentence}" if path in found else sentence
    return found


def _labelled(message: str, path: str, labels: Mapping[str, str]) -> str:
    """Return the sentence with the form's name of the field, where it begins with the API's."""
    name = path.rpartition(".")[2]
    if not path or not message.startswith(f"{name} "):
        return message
    rest = message[len(name) :]
    for nothing in (" null", ' ""'):
        if rest.startswith(f"{nothing} "):
            rest = f" (blank){rest[len(nothing) :]}"
    return f"{labels[path]}{rest}"


def _known(where: str, paths: Collection[str], root: str) -> str:
    parts = where.split(".")
    if root in parts:
        # virtual_services.3.ports: what follows the number is within the form's object.
        parts = parts[len(parts) - parts[::-1].index(root) + 1 :]
    for length in range(len(parts), 0, -1):
        path = ".".join(parts[:length])
        if path in paths:
            return path
    return ""


def _sent(form: Mapping[str, Any], field: Field) -> str:
    value = form.get(field.path)
    if field.kind == "flag":
        return "true" if value == "true" else "false"
    text = value if isinstance(value, str) else ""
    return text if field.kind in {"block", "secret"} else text.strip()
