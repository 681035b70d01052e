"""/licence: the trial, and the licence key file that ends it."""

import json
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BeforeValidator, WithJsonSchema

from lbadmin.api.auth import Caller
from lbadmin.api.context import ContextDep
from lbadmin.api.problems import RESPONSES
from lbadmin.client import PREFIX
from lbadmin.document import Document
from lbadmin.licensing.licensing import LicenceStatus

router = APIRouter(prefix=f"{PREFIX}/licence", responses=RESPONSES, tags=["licence"])


def _text(value: object) -> object:
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    if not isinstance(value, str):
        raise ValueError("is neither a JSON object nor a text; send the licence key file as it is")  # noqa: TRY004
    return value


File = Annotated[
    Any, BeforeValidator(_text), WithJsonSchema({"anyOf": [{"type": "object"}, {"type": "string"}]})
]


class NewLicence(Document):
    """A licence key file, as its JSON object or its text."""

    licence: File


@router.get("", operation_id="getLicence", summary="Tell of the trial or the licence")
def get_licence(context: ContextDep, _: Caller) -> LicenceStatus:
    """Whether the configuration may be changed, for how long, and this node's id in a licence."""
    return context.licensing.status()


@router.put("", operation_id="applyLicence", summary="Apply a licence key file")
def apply_licence(context: ContextDep, who: Caller, body: NewLicence) -> LicenceStatus:
    """Holds at once, and replaces the one before; a refused one changes nothing."""
    return context.licensing.apply(body.licence, who)
