"""Secrets of NodeConfig, such as a mail relay's password: the document names them, a file each holds them.

So neither documents, history, diffs nor rendered files ever hold one. A rendered file has the name; `files`
puts the secret in its place when the file is written, in the few files that may have one.
"""

import re
import secrets
from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, WithJsonSchema

from lbadmin.document import Document
from lbadmin.errors import Fault, RefusedError

PREFIX = "secret:"
MAX_SECRET = 128

_NAME = re.compile(rf"{PREFIX}([0-9a-f]{{64}})", re.ASCII)
_TEXT = re.compile(rf"[ !#-\[\]-~]{{1,{MAX_SECRET}}}", re.ASCII)


class SecretText(str):
    """A secret as it was given, or the name of one that is kept."""

    __slots__ = ()


def _secret(value: object) -> str:
    if not isinstance(value, str) or not is_secret(value):
        raise ValueError(
            f"is not a secret of 1 to {MAX_SECRET} ASCII characters without quotes and backslashes"
        )
    return value


Secret = Annotated[
    str,
    BeforeValidator(_secret),
    AfterValidator(SecretText),
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": MAX_SECRET}),
]
"""The type of a secret in a document: given as it is, kept and answered as its name ("secret:" and hex)."""


def is_secret(text: str) -> bool:
    """Tell whether a text can be a secret."""
    return _TEXT.fullmatch(text) is not None


def id_of(text: str) -> str | None:
    """Return the file's name of a secret's name, None for the secret itself."""
    found = _NAME.fullmatch(text)
    return found[1] if found else None


def ids_in(part: object) -> Iterator[str]:
    """Yield the file names of all secrets that a document names."""
    for _, text in _secrets_in(part, ()):
        kept = id_of(text)
        if kept is not None:
            yield kept


def _secrets_in(part: object, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], SecretText]]:
    if isinstance(part, SecretText):
        yield path, part
    elif isinstance(part, Document):
        for name in type(part).model_fields:
            yield from _secrets_in(getattr(part, name), (*path, name))
    elif isinstance(part, tuple):
        for index, each in enumerate(part):
            yield from _secrets_in(each, (*path, str(index)))


def hide(document: Any, kept: set[str]) -> tuple[Any, dict[str, str]]:  # noqa: ANN401 - any document, and the same
    """Return the document with names in the place of new secrets, and these by the names of their files.

    `kept` are the file names of those that there are. Raises RefusedError for another's name.
    """
    new: dict[str, str] = {}
    for path, text in _secrets_in(document, ()):
        name = id_of(text)
        if name is not None and name not in kept:
            message = f"{path[-1]} names a secret that is not kept here; write it anew"
            raise RefusedError([Fault(".".join(path), None, message)])
    return _hidden(document, new), new


def _hidden(part: Any, new: dict[str, str]) -> Any:  # noqa: ANN401 - any part of a document, and the same
    if isinstance(part, SecretText):
        if id_of(part) is not None:
            return part
        name = secrets.token_hex(32)
        new[name] = str(part)
        return SecretText(f"{PREFIX}{name}")
    if isinstance(part, Document):
        fields = {name: getattr(part, name) for name in type(part).model_fields}
        hidden = {name: _hidden(value, new) for name, value in fields.items()}
        changed = {name: value for name, value in hidden.items() if value is not fields[name]}
        return part.model_copy(update=changed) if changed else part
    if isinstance(part, tuple):
        hidden_items = tuple(_hidden(each, new) for each in part)
        same = all(one is other for one, other in zip(part, hidden_items, strict=True))
        return part if same else hidden_items
    return part
