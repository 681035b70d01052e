"""PATCH: a model of the same fields, none required; what is given replaces, nested objects are merged."""

from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, TypeVar, cast

from pydantic import BaseModel, ConfigDict, create_model

from lbadmin.document import Document

M = TypeVar("M", bound=Document)


@cache
def patch_of(model: type[Document]) -> type[BaseModel]:
    """Return the patch model of a document part, the same each time: its name is one of the description's."""
    fields: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        kind: Any = field.annotation
        if isinstance(kind, type) and issubclass(kind, Document):
            kind = patch_of(kind)
        elif field.metadata:
            kind = Annotated[(kind, *field.metadata)]
        fields[name] = (kind, None)
    return cast(
        "type[BaseModel]",
        create_model(f"{model.__name__}Patch", __config__=ConfigDict(extra="forbid"), **fields),
    )


def patched(document: M, patch: BaseModel) -> M:
    """Return the document with what the patch gives."""
    fields = _merged(document.model_dump(), patch.model_dump(exclude_unset=True))
    return type(document).model_validate(fields)


def _merged(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    nested = {
        name: _merged(old[name], value)
        for name, value in new.items()
        if isinstance(value, dict) and isinstance(old[name], dict)
    }
    return {**old, **new, **nested}
