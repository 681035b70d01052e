"""/api-keys: credentials of programs."""

from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from lbadmin.api.audited import describe
from lbadmin.api.auth import Caller, Person
from lbadmin.api.context import ContextDep
from lbadmin.api.problems import CREATED, RESPONSES
from lbadmin.apikeys import ApiKey
from lbadmin.client import PREFIX
from lbadmin.document import Document
from lbadmin.fields import Label
from lbadmin.roles import Role

router = APIRouter(prefix=f"{PREFIX}/api-keys", responses=RESPONSES, tags=["access"])


class KeyRequest(Document):
    """The name of a new API key, and what it may do."""

    name: Label
    role: Annotated[Role, Field(description="as a user's; read-only: only GET, and no backups")] = "read-only"


class KeyInfo(BaseModel):
    """What may be told of an API key: `created` is UTC, `created_by` as in the history."""

    name: str
    role: Role
    created: str
    created_by: str


class NewKey(KeyInfo):
    """A new API key: send it as `Authorization: Bearer KEY`. It is told this once."""

    key: str


class Keys(BaseModel):
    """The API keys, in the order in which they were made."""

    api_keys: list[KeyInfo]


@router.get("", operation_id="listApiKeys", summary="List the API keys")
def list_keys(context: ContextDep, _: Caller) -> Keys:
    """Names, rights and origin; the keys themselves are not kept."""
    return Keys(api_keys=[KeyInfo(**_told(key)) for key in context.access.api_keys])


@router.post("", operation_id="addApiKey", summary="Make an API key", **CREATED)
def add_key(
    request: Request, context: ContextDep, who: Person, response: Response, body: KeyRequest
) -> NewKey:
    """The answer is the only place where the key can be read; not to be done with an API key."""
    describe(request, f"make API key {body.name}, {body.role}")
    key, stored = context.access.add_key(body.name, body.role, who=who)
    response.headers["Location"] = f"{router.prefix}/{quote(stored.name)}"
    return NewKey(**_told(stored), key=key)


@router.delete("/{name}", operation_id="deleteApiKey", summary="Revoke an API key", status_code=204)
def delete_key(context: ContextDep, who: Person, name: str) -> None:
    """Holds at once; not to be done with an API key."""
    context.access.remove_key(name, who)


def _told(key: ApiKey) -> dict[str, Any]:
    return {name: getattr(key, name) for name in KeyInfo.model_fields}
