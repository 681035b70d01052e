"""/console: the password reset of whoever stands before the machine."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from lbadmin.access import PASSWORD_MAX
from lbadmin.api.auth import Caller, SenderDep
from lbadmin.api.context import ContextDep
from lbadmin.api.problems import RESPONSES
from lbadmin.client import PREFIX
from lbadmin.console.reset import DELAY_S
from lbadmin.errors import ForbiddenError

router = APIRouter(prefix=f"{PREFIX}/console", responses=RESPONSES, tags=["access"])


class Begun(BaseModel):
    """The code that the screen shows, and how long to wait before it is typed."""

    code: str
    wait_s: int


class NewPassword(BaseModel):
    """The code as it was typed, and the password of the user loadbalancer from then on."""

    # What a client sends here is never repeated to it, so that no secret ends up in a log.
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    code: Annotated[str, Field(max_length=16)]
    new: Annotated[str, Field(max_length=PASSWORD_MAX)]


@router.post("/password-reset", include_in_schema=False)
def begin_reset(context: ContextDep, sender: SenderDep) -> Begun:
    """Return a code; nobody but root, on the machine itself, is given one."""
    _at_the_console(sender.client)
    return Begun(code=context.password_reset.begin(), wait_s=DELAY_S)


@router.put("/password-reset", include_in_schema=False, status_code=204)
def finish_reset(context: ContextDep, sender: SenderDep, body: NewPassword) -> None:
    """Set the password of the user loadbalancer, and end all sessions."""
    _at_the_console(sender.client)
    context.password_reset.finish(body.code, body.new)


@router.delete(
    "/password-reset",
    operation_id="takeNoteOfReset",
    summary="Take note of a password reset",
    status_code=204,
)
def take_note(context: ContextDep, who: Caller) -> None:
    """The messages tell no more that the password was reset at the console; 404 when they did not."""
    context.password_reset.take_note(who)


def _at_the_console(client: str | None) -> None:
    if client is not None:
        raise ForbiddenError("the password is reset at the appliance's console alone")
