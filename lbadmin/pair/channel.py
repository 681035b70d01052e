"""Requests to the peer's lbadmind, through lbva-peer's TLS: a unix socket here is a unix socket there."""

from typing import Any

from lbadmin.client import BAD_REQUEST, Client, RequestError
from lbadmin.errors import PairError, UnavailableError
from lbadmin.render.peer import OUT_SOCKET
from lbadmin.system import System

TIMEOUT_S = 5.0
"""A node that needs longer for what is no change is treated as one that is away."""


class PeerRefusedError(PairError):
    """The peer heard, and said no; the sentence is the peer's."""


class Channel:
    """The way to the peer. Safe to use from several threads."""

    def __init__(self, system: System) -> None:
        self._socket = str(system.path(OUT_SOCKET))

    def call(self, method: str, path: str, body: object = None, *, timeout_s: float = TIMEOUT_S) -> Any:  # noqa: ANN401 - JSON is any shape
        """Send a request to the peer's API and return its decoded answer.

        Raises UnavailableError when the peer can't be reached, PeerRefusedError in its words when it refuses.
        """
        try:
            answer = Client(self._socket, timeout_s).request(method, path, body)
        except RequestError as error:
            raise UnavailableError("the peer does not answer; see that it runs and can be reached") from error
        if answer.status >= BAD_REQUEST:
            detail = answer.body.get("detail") if isinstance(answer.body, dict) else None
            raise PeerRefusedError(str(detail or f"the peer answered {answer.status} without a reason"))
        return answer.body
