"""/users: who may log in to the WebUI and the REST API; /console: the password of console and SSH."""

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Request, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from lbadmin.access import PASSWORD_MAX, PASSWORD_MIN
from lbadmin.accounts import User, is_name
from lbadmin.api.audited import describe
from lbadmin.api.auth import Caller, IdentityDep, Person, SenderDep, person_of
from lbadmin.api.context import ContextDep
from lbadmin.api.problems import CREATED, RESPONSES
from lbadmin.client import PREFIX
from lbadmin.errors import ForbiddenError
from lbadmin.roles import Role
from lbadmin.unixlogin import CONSOLE_USER, PASSPHRASE_MAX, put

router = APIRouter(prefix=PREFIX, responses=RESPONSES, tags=["access"])


def _name(text: str) -> str:
    if not is_name(text):
        raise ValueError(
            "is not a user's name; use 1 to 32 small letters, digits, dots, dashes and underscores, "
            "beginning with a letter, and none that the appliance uses itself"
        )
    return text


class _Body(BaseModel):
    # What a client sends here is never repeated to it, so that no secret ends up in a log.
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


Name = Annotated[str, Field(min_length=1, max_length=32), AfterValidator(_name)]
Password = Annotated[str, Field(min_length=PASSWORD_MIN, max_length=PASSWORD_MAX)]
UserRole = Annotated[
    Role,
    Field(
        description="administrator: everything; operator: reads all but backups, and takes real servers "
        "online, drains and halts them; read-only: reads all but backups"
    ),
]


class NewUser(_Body):
    """A user to add."""

    name: Name
    role: UserRole = "read-only"
    password: Password


class RoleChange(_Body):
    """The role that a user should have."""

    role: UserRole


class PasswordChange(_Body):
    """The new password; to change one's own, remotely, the current one, too."""

    current: Annotated[str | None, Field(max_length=PASSWORD_MAX)] = None
    new: Password


class ConsolePassword(_Body):
    """The new password of the user of console and SSH."""

    new: Annotated[str, Field(min_length=PASSWORD_MIN, max_length=PASSPHRASE_MAX)]


class UserInfo(BaseModel):
    """What may be told of a user."""

    name: str
    role: Role


class Users(BaseModel):
    """The users of this node, in the order in which they were added."""

    users: list[UserInfo]


class Console(BaseModel):
    """The user of console and SSH; without a password nobody can log in with one."""

    user: str
    password: bool


@router.get("/users", operation_id="listUsers", summary="List the users")
def list_users(context: ContextDep, _: Caller) -> Users:
    """The users of this node: in a pair each node has its own."""
    return Users(users=[_told(user) for user in context.access.users])


@router.post("/users", operation_id="addUser", summary="Add a user", **CREATED)
def add_user(
    request: Request, context: ContextDep, who: Person, response: Response, body: NewUser
) -> UserInfo:
    """Not to be done with an API key."""
    describe(request, f"add user {body.name}, {body.role}")
    added = context.access.add_user(body.name, body.role, body.password, who)
    response.headers["Location"] = f"{PREFIX}/users/{quote(added.name)}"
    return _told(added)


@router.get("/users/{user}", operation_id="getUser", summary="Read a user")
def get_user(context: ContextDep, _: Caller, user: str) -> UserInfo:
    """The name and the role."""
    return _told(context.access.user(user))


@router.patch("/users/{user}", operation_id="patchUser", summary="Change a user's role")
def patch_user(request: Request, context: ContextDep, who: Person, user: str, body: RoleChange) -> UserInfo:
    """Ends all sessions of the user. The user loadbalancer stays an administrator."""
    describe(request, f"make user {user} {body.role}")
    return _told(context.access.change_role(user, body.role, who))


@router.delete("/users/{user}", operation_id="deleteUser", summary="Remove a user", status_code=204)
def delete_user(request: Request, context: ContextDep, who: Person, user: str) -> None:
    """Ends all sessions of the user. The user loadbalancer can't be removed."""
    describe(request, f"remove user {user}")
    context.access.remove_user(user, who)


@router.put(
    "/users/{user}/password", operation_id="putPassword", summary="Change a password", status_code=204
)
def put_password(
    request: Request,
    context: ContextDep,
    sender: SenderDep,
    identity: IdentityDep,
    *,
    user: str,
    body: PasswordChange,
) -> None:
    """Ends all sessions of the user, one's own included; another's password is for administrators to set."""
    describe(request, f"change the password of {user}")
    who = person_of(identity)
    own = sender.client is not None and user == who
    if not own and identity.role != "administrator":
        raise ForbiddenError(f"user {who} may change no password but the own; this is for administrators")
    current = body.current or "" if own else None
    context.access.change_password(user, current, body.new, client=sender.client or "console", who=who)


@router.get("/console", operation_id="getConsole", summary="Read whether console and SSH have a password")
def get_console(context: ContextDep, _: Caller) -> Console:
    """The password itself can't be read."""
    return Console(user=CONSOLE_USER, password=context.access.console_password)


@router.put(
    "/console/password",
    operation_id="putConsolePassword",
    summary="Change the password of console and SSH",
    status_code=204,
)
def put_console_password(context: ContextDep, who: Person, body: ConsolePassword) -> None:
    """Holds from the next login on; whether SSH takes passwords at all is a setting of its own."""
    put(context.system, context.access.set_console(body.new, who))


@router.delete(
    "/console/password",
    operation_id="deleteConsolePassword",
    summary="Take the password of console and SSH away",
    status_code=204,
)
def delete_console_password(context: ContextDep, who: Person) -> None:
    """Nobody can log in with a password there until one is set again."""
    put(context.system, context.access.set_console(None, who))


def _told(user: User) -> UserInfo:
    return UserInfo(name=user.name, role=user.role)
