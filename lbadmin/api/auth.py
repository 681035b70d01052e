"""Who is asking, and may they? All authorisation is here, in lbadmind; the web process only passes on.

The socket tells the peer's uid (unix(7), SO_PEERCRED). Root without the web's header is the console, and
trusted. The web process names its remote client in that header: such requests need a password or a session.
"""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBasic, HTTPBasicCredentials, HTTPBearer

from lbadmin.api.context import ContextDep
from lbadmin.errors import ForbiddenError, LoginError

CLIENT_HEADER = "x-lbadmin-client"
"""Address of the remote client: set by the web process on every request it passes on, and by nobody else."""

_basic = HTTPBasic(auto_error=False, description="The user loadbalancer and its password.")
_bearer = HTTPBearer(auto_error=False, description="The token of a session.")
Basic = Annotated[HTTPBasicCredentials | None, Depends(_basic)]
Bearer = Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]


@dataclass(frozen=True)
class Peer:
    """The other end of the socket: `client` is the remote client's address, None for local root."""

    client: str | None


def peer_of(request: Request, context: ContextDep) -> Peer:
    """Return who is at the other end. Raises ForbiddenError for anybody but root and the web process."""
    uid = int(request.client.host) if request.client else -1
    client = request.headers.get(CLIENT_HEADER)
    if client is None and uid == 0:
        return Peer(None)
    if client is not None and uid in context.web_uids:
        return Peer(client)
    raise ForbiddenError("this user may not use the management socket; use the REST API over HTTPS")


PeerDep = Annotated[Peer, Depends(peer_of)]


def caller_of(peer: PeerDep, context: ContextDep, basic: Basic, bearer: Bearer) -> str:
    """Return the user on whose behalf the request is made. Raises LoginError or ThrottledError."""
    if peer.client is None:
        return "root"
    if bearer is not None:
        return context.access.session(bearer.credentials).user
    if basic is not None:
        return context.access.authenticate(basic.username, basic.password, peer.client)
    raise LoginError("this needs a login; send HTTP Basic authentication or the token of a session")


Caller = Annotated[str, Depends(caller_of)]
