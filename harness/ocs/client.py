"""A SIP client over a socket that is already connected: register, options, ping."""

import itertools
import re
import socket
import ssl
import uuid
from dataclasses import dataclass
from pathlib import Path

from harness.ocs import DOMAIN, PASSWORD, POOL, digest
from harness.ocs.answers import EXPIRES_S
from harness.ocs.sip import CRLF, Framer, KeepAlive, Message, Request, Response

_PIECE = 16 * 1024
_FINAL = 200  # RFC 3261, 7.2: a response below is provisional


@dataclass(frozen=True)
class Answer:
    """A front end's answer: which one gave it, and what it says."""

    status: int
    front_end: str
    expires_s: int | None
    keep_alive_s: int | None
    response: Response

    @classmethod
    def of(cls, response: Response) -> "Answer":
        """Read a response: Server, Expires, and the time-out of ms-keep-alive."""
        expires = response.get("expires")
        keep_alive = re.search(r"timeout=(\d+)", response.get("ms-keep-alive"))
        return cls(
            status=response.status,
            front_end=response.get("server"),
            expires_s=int(expires) if expires else None,
            keep_alive_s=int(keep_alive[1]) if keep_alive else None,
            response=response,
        )


def secure(
    connection: socket.socket, authority: Path, name: str = POOL, *, certificate: Path | None = None
) -> ssl.SSLSocket:
    """TLS over a connected socket, to a server that `authority` (ca.pem) vouches to be `name`.

    `certificate` is the file of the client's own (client.pem), for servers that want one.
    """
    context = ssl.create_default_context(cafile=str(authority))
    if certificate:
        context.load_cert_chain(certificate)
    return context.wrap_socket(connection, server_hostname=name)


class SipClient:
    """One user's connection; time-outs are the socket's. Closes the socket as a context manager."""

    def __init__(self, connection: socket.socket, user: str = "alice", password: str = PASSWORD) -> None:
        self.connection = connection
        self._user = user
        self._password = password
        self._address_of_record = f"sip:{user}@{DOMAIN}"
        self._call = uuid.uuid4().hex
        self._sequence = itertools.count(1)
        self._framer = Framer()
        self._received: list[Message | KeepAlive] = []
        self._requests: list[Request] = []

    def __enter__(self) -> "SipClient":
        return self

    def __exit__(self, *_exception: object) -> None:
        self.connection.close()

    def register(self, *, expires_s: int = EXPIRES_S) -> Answer:
        """Register the user's address of record at this connection (RFC 3261 sections 10 and 22).

        With `expires_s` 0 the user leaves it.
        """
        uri = f"sip:{DOMAIN}"
        expires = ("expires", str(expires_s))
        answer = self.ask("REGISTER", uri, expires)
        if challenged := answer.response.get("www-authenticate"):
            proof = digest.authorization(self._user, self._password, "REGISTER", uri, challenged)
            answer = self.ask("REGISTER", uri, expires, ("authorization", proof))
        return answer

    def options(self) -> Answer:
        """Ask what the front end can do (RFC 3261 section 11)."""
        return self.ask("OPTIONS", f"sip:{DOMAIN}")

    def ping(self) -> None:
        """Send a keep-alive and wait for its pong (RFC 5626 section 4.4.1).

        Raises ConnectionError when the connection is gone, TimeoutError when nothing comes.
        """
        self.connection.sendall(CRLF * 2)
        if not isinstance(item := self._receive(), KeepAlive):
            raise ConnectionError(f"instead of a pong came {item}")

    def ask(self, method: str, uri: str, *more: tuple[str, str], to: str = "", body: bytes = b"") -> Answer:
        """Send a request, to oneself unless another address of record is named, and wait for its answer.

        Provisional responses are passed over, requests that come meanwhile are kept for `request`.
        """
        host, port = self.connection.getsockname()[:2]
        transport = "TLS" if isinstance(self.connection, ssl.SSLSocket) else "TCP"
        number = next(self._sequence)
        headers = (
            ("via", f"SIP/2.0/{transport} {host}:{port};branch=z9hG4bK{uuid.uuid4().hex}"),
            ("max-forwards", "70"),
            ("from", f"<{self._address_of_record}>;tag={self._call[:8]}"),
            ("to", f"<{to or self._address_of_record}>"),
            ("call-id", self._call),
            ("cseq", f"{number} {method}"),
            ("contact", f"<sip:{host}:{port};transport={transport.lower()}>"),
            *more,
        )
        self.connection.sendall(Request(headers, method=method, uri=uri, body=body).encode())
        while True:
            item = self._receive()
            if isinstance(item, Request):
                self._requests.append(item)
            elif (
                isinstance(item, Response)
                and item.status >= _FINAL
                and item.get("cseq") in {f"{number} {method}", ""}
            ):
                return Answer.of(item)

    def request(self) -> Request:
        """The next request that comes, as a user's client gets it; raises as `ping` does."""
        while not self._requests:
            item = self._receive()
            if isinstance(item, Request):
                self._requests.append(item)
        return self._requests.pop(0)

    def answer(self, request: Request, status: int = 200, reason: str = "OK") -> None:
        """Answer a request that came."""
        self.connection.sendall(response_to(request, status, reason).encode())

    def _receive(self) -> Message | KeepAlive:
        while not self._received:
            data = self.connection.recv(_PIECE)
            if not data:
                raise ConnectionError("the front end or the load balancer closed the connection")
            self._received += self._framer.feed(data)
        return self._received.pop(0)


def response_to(request: Request, status: int = 200, reason: str = "OK") -> Response:
    """What a client answers to a request (RFC 3261, 8.2.6). Pure."""
    headers = [
        (name, value) for name, value in request.headers if name in {"via", "from", "to", "call-id", "cseq"}
    ]
    return Response(tuple(headers), status=status, reason=reason)
