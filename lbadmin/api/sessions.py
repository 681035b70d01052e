"""/session and /users: logging in, logging out, and the password."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from lbadmin.access import PASSWORD_MAX, PASSWORD_MIN, USER
from lbadmin.api.auth import Bearer, Caller, Person, SenderDep
from lbadmin.api.context import ContextDep
from lbadmin.api.problems import RESPONSES
from lbadmin.client import PREFIX
from lbadmin.errors import NotFoundError
from lbadmin.sentences import show

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


class PasswordChange(_Body):
    """The current password (not needed by root at the console) and the new one."""

    current: Annotated[str | None, Field(max_length=PASSWORD_MAX)] = None
    new: Annotated[str, Field(min_length=PASSWORD_MIN, max_length=PASSWORD_MAX)]


@router.post("/session", operation_id="openSession", summary="Log in", status_code=201)
def open_session(context: ContextDep, sender: SenderDep, login: Login) -> NewSession:
    """Returns a token that is good for eight hours, as long as no half hour passes without a request."""
    token, session = context.access.open_session(login.user, login.password, sender.client or "console")
    return NewSession(token=token, expires=session.expires)


@router.delete("/session", operation_id="closeSession", summary="Log out", status_code=204)
def close_session(context: ContextDep, _: Caller, bearer: Bearer) -> None:
    """Ends the session whose token the request carries."""
    if bearer is not None:
        context.access.close_session(bearer.credentials)


@router.put(
    "/users/{user}/password", operation_id="putPassword", summary="Change the password", status_code=204
)
def put_password(context: ContextDep, sender: SenderDep, _: Person, user: str, body: PasswordChange) -> None:
    """Ends all sessions of the user, the one that asked included."""
    if user != USER:
        raise NotFoundError(f"there is no user {show(user)}; the appliance's user is {USER}")
    current = body.current if sender.client is None else body.current or ""
    context.access.change_password(current, body.new, sender.client or "console")
