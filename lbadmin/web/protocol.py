"""Connections that keep nobody else out: whoever opens many, or sends nothing, loses them."""

from asyncio import TimerHandle, Transport
from typing import ClassVar

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

CONNECTIONS = 200
"""Connections of all clients together; a tab of a browser holds one or two."""


class BoundedProtocol(H11Protocol):
    """HTTP/1.1 with a time for each request to arrive in, and a number of connections for each client.

    uvicorn itself bounds only the time between two requests, so that CONNECTIONS silent ones would lock
    everybody out.
    """

    request_s: ClassVar[float] = 60.0
    """Time for a whole request: 2 MiB at 35 kB/s."""
    per_client: ClassVar[int] = 64

    _deadline: TimerHandle | None = None

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override] # uvicorn narrows asyncio's
        """Take a connection, or end it at once when the client has too many."""
        super().connection_made(transport)
        host = self.client[0] if self.client else ""
        beside = (each for each in self.connections if isinstance(each, H11Protocol) and each.client)
        if sum(each.client[0] == host for each in beside if each.client) > self.per_client:
            transport.abort()
        else:
            self._wait()

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        super().on_response_complete()
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._stop()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._stop()
        self._deadline = self.loop.call_later(self.request_s, self._late)

    def _stop(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()

    def _late(self) -> None:
        # Not while an answer is made: a change takes its time.
        if self.conn.their_state in {h11.IDLE, h11.SEND_BODY}:
            self.transport.abort()
