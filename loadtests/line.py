"""A user's SIP connection: greenlets wait for its answers, and it answers what the front end asks.

Needs gevent's sockets, which importing Locust sees to.
"""

import contextlib
import errno
import itertools
import socket
import ssl
import struct
import uuid
from collections.abc import Callable

import gevent
from gevent.event import AsyncResult
from gevent.lock import BoundedSemaphore

from harness.ocs import DOMAIN, PASSWORD, POOL, digest
from harness.ocs.client import response_to
from harness.ocs.sip import CRLF, Framer, KeepAlive, Message, Request, Response

ANSWER_S = 30.0
"""A transaction that takes longer has failed (64 times T1, RFC 3261, 17.1.2.2)."""

PONG_S = 10.0
"""RFC 5626, section 4.4.1: the connection is dead when the pong takes longer."""

CONNECT_S = 10.0
_PIECE = 16 * 1024
_FINAL = 200  # RFC 3261, 7.2: a response below is provisional
_LINGER_NOT = struct.pack("ii", 1, 0)
_IP_BIND_ADDRESS_NO_PORT = 24  # linux/in.h: the port is chosen when both ends are known, so it may be shared
_numbers = itertools.count(1)


class AnswerError(Exception):
    """A request that was refused: `status` and the seconds after which to come again, None if not told."""

    def __init__(self, request: str, response: Response) -> None:
        super().__init__(f"{request} was answered {response.status} {response.reason}")
        self.status = response.status
        after = response.get("retry-after").split(";")[0].strip()
        self.retry_after_s = int(after) if after.isascii() and after.isdecimal() else None


def dial(source: str, target: tuple[str, int]) -> socket.socket:
    """A TCP connection from an address of its own. Raises OSError."""
    connection = socket.socket()
    try:
        connection.setsockopt(socket.IPPROTO_IP, _IP_BIND_ADDRESS_NO_PORT, 1)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.settimeout(CONNECT_S)
        connection.bind((source, 0))
        connection.connect(target)
    except OSError:
        connection.close()
        raise
    return connection


def secure(connection: socket.socket, context: ssl.SSLContext) -> ssl.SSLSocket:
    """TLS over it, to the pool. Raises OSError, having closed it."""
    try:
        return context.wrap_socket(connection, server_hostname=POOL)
    except OSError:
        connection.close()
        raise


def words_of(error: Exception) -> str:
    """What went wrong, without what differs from user to user."""
    match error:
        case TimeoutError() | gevent.Timeout():
            return "no answer in time"
        case ConnectionResetError() | BrokenPipeError():
            return "connection reset"
        case ConnectionRefusedError():
            return "connection refused"
        case ssl.SSLError():
            return f"TLS: {error.reason or error}"
        case OSError() if error.errno:
            return errno.errorcode.get(error.errno, str(error))
    return str(error) or type(error).__name__


class Line:
    """The connection of `user`; `answer` says what to do with a request that comes and is answered 200.

    `broken` gets the reason as soon as it has ended.
    """

    def __init__(self, connection: socket.socket, user: str, answer: Callable[[Request], None]) -> None:
        self.user = user
        self.broken: AsyncResult[Exception] = AsyncResult()
        self._connection = connection
        self._answer = answer
        self._call = uuid.uuid4().hex
        self._address, self._port = connection.getsockname()[:2]
        self._waiting: dict[str, AsyncResult[Response]] = {}
        self._pong: AsyncResult[None] | None = None
        self._sending = BoundedSemaphore()
        connection.settimeout(None)
        self._reader = gevent.spawn(self._read)

    def close(self) -> None:
        """End it at once by a reset: no port waits for a minute."""
        self._reader.kill()
        self._end(ConnectionError("closed"))

    def lose(self, error: Exception) -> None:
        """Give it up, because it does not do what it should."""
        self._end(error)

    def _end(self, error: Exception) -> None:
        if not self.broken.ready():
            self.broken.set(error)
            for waiting in (*self._waiting.values(), *([self._pong] if self._pong else [])):
                waiting.set_exception(error)
            with contextlib.suppress(OSError):
                self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
            self._connection.close()

    def _read(self) -> None:
        framer = Framer()
        try:
            while data := self._connection.recv(_PIECE):
                for item in framer.feed(data):
                    self._take(item)
            self._end(ConnectionError("connection closed"))
        except (OSError, ValueError) as error:
            self._end(error)

    def _take(self, item: Message | KeepAlive) -> None:
        match item:
            case KeepAlive():
                if self._pong:
                    self._pong.set(None)
            case Response() if item.status >= _FINAL:
                if waiting := self._waiting.get(item.get("cseq")):
                    waiting.set(item)
            case Request():
                self._answer(item)
                if item.method != "ACK":
                    self._send(response_to(item).encode())

    def _send(self, data: bytes) -> None:
        # Two greenlets that write at once would mix their bytes.
        with self._sending:
            self._connection.sendall(data)

    def ping(self) -> None:
        """Send a keep-alive and wait for its pong (RFC 5626 section 4.4.1). Raises OSError, TimeoutError."""
        self._pong = AsyncResult()
        try:
            self._send(CRLF * 2)
            with gevent.Timeout(PONG_S, TimeoutError("no pong in time")):
                self._pong.get()
        finally:
            self._pong = None

    def ask(
        self, method: str, *more: tuple[str, str], to: str = "", uri: str = "", body: bytes = b""
    ) -> Response:
        """Send a request to a user, or to oneself, and wait for its answer, whatever it is.

        An ACK has none: then this returns what was sent last. Raises OSError, TimeoutError among them.
        """
        number = next(_numbers)
        own, other = (f"sip:{name}@{DOMAIN}" for name in (self.user, to or self.user))
        sequence = f"{number} {method}"
        headers = (
            ("via", f"SIP/2.0/TLS {self._address}:{self._port};branch=z9hG4bK{number}-{self._call[:8]}"),
            ("max-forwards", "70"),
            ("from", f"<{own}>;tag={self._call[:8]}"),
            ("to", f"<{other}>"),
            ("call-id", self._call),
            ("cseq", sequence),
            ("contact", f"<{own}>"),
            *more,
        )
        waiting = self._waiting[sequence] = AsyncResult()
        try:
            self._send(Request(headers, method=method, uri=uri or other, body=body).encode())
            if method == "ACK":
                return Response((), status=_FINAL, reason="OK")
            with gevent.Timeout(ANSWER_S, TimeoutError(f"no answer to {method}")):
                response: Response = waiting.get()
                return response
        finally:
            del self._waiting[sequence]

    def register(self, expires_s: int) -> Response:
        """Sign in, or out with 0 seconds (RFC 3261, 10 and 22). Raises AnswerError, and OSError."""
        uri, expires = f"sip:{DOMAIN}", ("expires", str(expires_s))
        response = self.ask("REGISTER", expires, uri=uri)
        if challenged := response.get("www-authenticate"):
            proof = digest.authorization(self.user, PASSWORD, "REGISTER", uri, challenged)
            response = self.ask("REGISTER", expires, ("authorization", proof), uri=uri)
        return accepted("REGISTER", response)


def accepted(request: str, response: Response) -> Response:
    """The response, if it says 200; raises AnswerError otherwise."""
    if response.status != _FINAL:
        raise AnswerError(request, response)
    return response
