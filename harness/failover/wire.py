"""One SIP connection of the probe: cheap, because the machines need the same processors."""

import asyncio
import errno
import itertools
import socket
import struct
from dataclasses import dataclass, field

from harness.ocs import DOMAIN, PASSWORD, digest
from harness.ocs.sip import CRLF, Framer, KeepAlive, Request, Response

PORT = 5060
_URI = f"sip:{DOMAIN}"
_PIECE = 4096
_IP_BIND_ADDRESS_NO_PORT = 24  # linux/in.h: the port is chosen when both ends are known, so it may be shared
_UNREACHABLE = {errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ENETDOWN}
_LINGER_NOT = struct.pack("ii", 1, 0)
_numbers = itertools.count(1)


class UnansweredError(ConnectionError):
    """A connection that was made but not served: closed, or silent for too long."""


class ClosedError(UnansweredError):
    """The other end closed it in order."""


def outcome_of(error: OSError) -> str:
    """Name what went wrong with a connection (harness.failover.events.Event)."""
    match error:
        case UnansweredError():
            return "no-answer"
        case ConnectionRefusedError():
            return "refused"
        case ConnectionResetError() | BrokenPipeError():
            return "reset"
        case TimeoutError():
            return "timeout"
    return "unreachable" if error.errno in _UNREACHABLE else "reset"


@dataclass
class Wire:
    """A connection from `source`, whose address it is bound to, for `user`."""

    source: str
    user: str
    port: int = field(default_factory=lambda: PORT)
    _socket: socket.socket = field(init=False)
    _framer: Framer = field(default_factory=Framer, init=False)

    def __post_init__(self) -> None:
        self._socket = socket.socket()
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.IPPROTO_IP, _IP_BIND_ADDRESS_NO_PORT, 1)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.bind((self.source, 0))

    async def connect(self, host: str, timeout_s: float) -> None:
        """Connect. Raises OSError, TimeoutError among them."""
        async with asyncio.timeout(timeout_s):
            await asyncio.get_running_loop().sock_connect(self._socket, (host, self.port))

    def close(self) -> None:
        """Close it, whatever state it is in."""
        self._socket.close()

    def reset(self) -> None:
        """Close it at once by a reset: half the packets, and no port that waits for a minute."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
        self._socket.close()

    async def ask(self, method: str, timeout_s: float) -> str:
        """Send OPTIONS or REGISTER and return the name of the front end that answered 200.

        Raises UnansweredError, or OSError when the connection breaks.
        """
        answer = await self._ask(method, timeout_s)
        if challenged := answer.get("www-authenticate"):
            proof = digest.authorization(self.user, PASSWORD, method, _URI, challenged)
            answer = await self._ask(method, timeout_s, ("authorization", proof))
        if answer.status != 200:  # noqa: PLR2004 - RFC 3261, 21.2.1
            raise UnansweredError(f"{method} was answered {answer.status}")
        return answer.get("server")

    async def _ask(self, method: str, timeout_s: float, *more: tuple[str, str]) -> Response:
        number = next(_numbers)
        record, call = f"<sip:{self.user}@{DOMAIN}>", f"{self.user}-{number}"
        headers = (
            ("via", f"SIP/2.0/TCP {self.source};branch=z9hG4bK{number}"),
            ("max-forwards", "70"),
            ("from", f"{record};tag={number}"),
            ("to", record),
            ("call-id", call),
            ("cseq", f"1 {method}"),
            ("contact", f"<sip:{self.source};transport=tcp>"),
            *more,
        )
        item = await self._exchange(Request(headers, method=method, uri=_URI).encode(), timeout_s)
        if not isinstance(item, Response) or item.get("call-id") != call:
            raise UnansweredError(f"{method} was answered by something else")
        return item

    async def ping(self, timeout_s: float) -> None:
        """Send a keep-alive and wait for its pong (RFC 5626 section 4.4.1). Raises as `ask` does."""
        if not isinstance(await self._exchange(CRLF * 2, timeout_s), KeepAlive):
            raise UnansweredError("a keep-alive was answered by something else")

    async def _exchange(self, data: bytes, timeout_s: float) -> object:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(timeout_s):
                await loop.sock_sendall(self._socket, data)
                while True:
                    piece = await loop.sock_recv(self._socket, _PIECE)
                    if not piece:
                        raise ClosedError("the connection was closed")
                    for item in self._framer.feed(piece):
                        return item
        except TimeoutError as error:
            # The kernel's ETIMEDOUT ends up here as well: either way nobody answers.
            raise UnansweredError(f"no answer within {timeout_s:g} s") from error
