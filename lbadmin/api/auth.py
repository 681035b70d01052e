"""Who is asking, and may they? All authorisation is here, in lbadmind; the web process only passes on.

The socket tells the peer's uid (unix(7), SO_PEERCRED). Root without the web's header is the console, and
trusted. The web process names its remote client in that header: such requests need a password, a session or
an API key. What a caller's role may do is decided in `roles`.
"""

import logging
from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBasic, HTTPBasicCredentials, HTTPBearer

from lbadmin.access import ROOT
from lbadmin.api.context import Context, ContextDep
from lbadmin.apikeys import PREFIX as KEY_PREFIX
from lbadmin.apikeys import ApiKey
from lbadmin.client import PREFIX
from lbadmin.errors import ForbiddenError, LoginError
from lbadmin.roles import OPEN, Role, may

CLIENT_HEADER = "x-lbadmin-client"
"""Address of the remote client: set by the web process on every request it passes on, and by nobody else."""

log = logging.getLogger(__name__)

_basic = HTTPBasic(auto_error=False, description="A user and the password.")
_bearer = HTTPBearer(auto_error=False, description="The token of a session, or an API key.")
Basic = Annotated[HTTPBasicCredentials | None, Depends(_basic)]
Bearer = Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]


@dataclass(frozen=True)
class Sender:
    """The other end of the socket: `client` is the remote client's address, None for local root."""

    client: str | None


def sender_of(request: Request, context: ContextDep) -> Sender:
    """Return who is at the other end. Raises ForbiddenError for anybody but root and the web process."""
    uid = int(request.client.host) if request.client else -1
    client = request.headers.get(CLIENT_HEADER)
    if client is None and uid == 0:
        return Sender(None)
    if client is not None and uid in context.web_uids:
        return Sender(client)
    raise ForbiddenError("this user may not use the management socket; use the REST API over HTTPS")


SenderDep = Annotated[Sender, Depends(sender_of)]


@dataclass(frozen=True)
class Identity:
    """On whose behalf the request is made, as the history names it, the role, and the API key if any."""

    who: str
    role: Role
    key: ApiKey | None = None


def _identify(sender: Sender, context: Context, basic: Basic, bearer: Bearer) -> Identity:
    if sender.client is None:
        return Identity(ROOT, "administrator")
    access = context.access
    if bearer is not None and bearer.credentials.startswith(KEY_PREFIX):
        key = access.api_key(bearer.credentials, sender.client)
        return Identity(key.who, key.role, key)
    if bearer is not None:
        user = access.session(bearer.credentials).user
    elif basic is not None:
        user = access.authenticate(basic.username, basic.password, sender.client)
    else:
        raise LoginError(
            "this needs a login; send HTTP Basic authentication, the token of a session or an API key"
        )
    return Identity(user, access.role_of(user))


def authorise(request: Request, context: ContextDep, basic: Basic, bearer: Bearer) -> None:
    """Let a request pass or not; every route has this before anything of its own, so none can forget it.

    Raises ForbiddenError, LoginError or ThrottledError.
    """
    if request.url.path.startswith(f"{PREFIX}/peer/"):
        from_peer(request, context)
        return
    sender = sender_of(request, context)
    operation = getattr(request.scope["route"], "operation_id", None)
    if operation in OPEN:
        return
    identity = _identify(sender, context, basic, bearer)
    request.state.identity = identity
    if not may(identity.role, request.method, operation):
        raise _not_for(identity)


def identity_of(request: Request) -> Identity:
    """Return as whom the request was let pass."""
    return cast("Identity", request.state.identity)


IdentityDep = Annotated[Identity, Depends(identity_of)]


def caller_of(identity: IdentityDep) -> str:
    """Return who asks."""
    return identity.who


def trusted_of(request: Request, identity: IdentityDep) -> str:
    """Return who asks, for what only administrators may even read. Raises ForbiddenError."""
    request.state.trusted = True
    if identity.role != "administrator":
        raise _not_for(identity)
    return identity.who


def person_of(identity: IdentityDep) -> str:
    """Return who asks, for what no API key may do: a leaked one must not outlive its revocation.

    Raises ForbiddenError.
    """
    if identity.key is not None:
        raise ForbiddenError(
            "an API key may neither make or revoke API keys, change or reset passwords, nor make a pair; "
            "log in with the password"
        )
    return identity.who


def _not_for(identity: Identity) -> ForbiddenError:
    name = f"API key {identity.key.name}" if identity.key else f"user {identity.who}"
    if identity.role == "operator":
        return ForbiddenError(
            f"{name} is an operator, who may read, drain, halt and set online; this is for administrators"
        )
    return ForbiddenError(f"{name} is read-only; this is for administrators")


Caller = Annotated[str, Depends(caller_of)]
Trusted = Annotated[str, Depends(trusted_of)]
Person = Annotated[str, Depends(person_of)]


def from_peer(request: Request, context: ContextDep) -> None:
    """Let nobody pass but the other node of the pair, and root. Raises ForbiddenError."""
    uid = int(request.client.host) if request.client else -1
    if uid not in context.peer_uids or CLIENT_HEADER in request.headers:
        log.warning("%s %s by user %d was refused", request.method, request.url.path, uid)
        raise ForbiddenError("this is for the other node of the pair alone")


FromPeer = Depends(from_peer)

Authorised = Depends(authorise)
