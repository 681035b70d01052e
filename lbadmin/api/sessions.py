"""/session: logging in and out, and as whom one is."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from lbadmin.access import PASSWORD_MAX
from lbadmin.api.auth import Bearer, Caller, IdentityDep, SenderDep
from lbadmin.api.context import ContextDep
from lbadmin.api.problems import RESPONSES
from lbadmin.client import PREFIX
from lbadmin.roles import Role

router = APIRouter(prefix=PREFIX, responses=RESPONSES, tags=["access"])


class _Body(BaseModel):
    # What a client sends here is never repeated to it, so that no secret ends up in a log.
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Login(_Body):
    """Who wants in."""

    user: Annotated[str, Field(max_length=256)]
    password: Annotated[str, Field(max_length=PASSWORD_MAX)]


class NewSession(BaseModel):
    """A session: send the token as `Authorization: Bearer TOKEN` until it expires."""

    token: str
    expires: datetime


class Whose(BaseModel):
    """As whom the request was made; an API key is `key:` and its name."""

    user: str
    role: Role


@router.post("/session", operation_id="openSession", summary="Log in", status_code=201)
def open_session(context: ContextDep, sender: SenderDep, login: Login) -> NewSession:
    """Returns a token that is good for eight hours, as long as no half hour passes without a request."""
    token, session = context.access.open_session(login.user, login.password, sender.client or "console")
    return NewSession(token=token, expires=session.expires)


@router.get("/session", operation_id="getSession", summary="Read who is asking")
def get_session(identity: IdentityDep) -> Whose:
    """With any credentials: those of a session, a password or an API key."""
    return Whose(user=identity.who, role=identity.role)


@router.delete("/session", operation_id="closeSession", summary="Log out", status_code=204)
def close_session(context: ContextDep, _: Caller, bearer: Bearer) -> None:
    """Ends the session whose token the request carries."""
    if bearer is not None:
        context.access.close_session(bearer.credentials)
