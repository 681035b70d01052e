"""Who is asking, and may they? All authorisation is here, in lbadmind; the web process only passes on.

The socket tells the peer's uid (unix(7), SO_PEERCRED). Root without the web's header is the console, and
trusted. The web process names its remote client in that header: such requests need a password, a session or
an API key.
"""

import logging
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBasic, HTTPBasicCredentials, HTTPBearer

from lbadmin.api.context import ContextDep
from lbadmin.apikeys import PREFIX as KEY_PREFIX
from lbadmin.apikeys import ApiKey
from lbadmin.errors import ForbiddenError, LoginError

CLIENT_HEADER = "x-lbadmin-client"
"""Address of the remote client: set by the web process on every request it passes on, and by nobody else."""

SAFE_METHODS = frozenset({"GET", "HEAD"})
"""Methods that change nothing (RFC 9110, 9.2.1), of those that there are routes for."""

log = logging.getLogger(__name__)

_basic = HTTPBasic(auto_error=False, description="The user loadbalancer and its password.")
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
    """On whose behalf the request is made, as the history names it, and the API key if it carries one."""

    who: str
    key: ApiKey | None = None


def identity_of(sender: SenderDep, context: ContextDep, basic: Basic, bearer: Bearer) -> Identity:
    """Return whom the credentials belong to. Raises LoginError or ThrottledError."""
    if sender.client is None:
        return Identity("root")
    if bearer is not None and bearer.credentials.startswith(KEY_PREFIX):
        key = context.access.api_key(bearer.credentials, sender.client)
        return Identity(key.who, key)
    if bearer is not None:
        return Identity(context.access.session(bearer.credentials).user)
    if basic is not None:
        return Identity(context.access.authenticate(basic.username, basic.password, sender.client))
    raise LoginError(
        "this needs a login; send HTTP Basic authentication, the token of a session or an API key"
    )


IdentityDep = Annotated[Identity, Depends(identity_of)]


def caller_of(request: Request, identity: IdentityDep) -> str:
    """Return who asks. Raises ForbiddenError when a read-only API key asks for more than reading."""
    if request.method not in SAFE_METHODS:
        _full_access(identity)
    return identity.who


def trusted_of(identity: IdentityDep) -> str:
    """Return who asks, for what a read-only API key may not even read. Raises ForbiddenError."""
    _full_access(identity)
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


def _full_access(identity: Identity) -> None:
    if identity.key is not None and identity.key.read_only:
        raise ForbiddenError(f"API key {identity.key.name} is read-only; use one that is not")


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
