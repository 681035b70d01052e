"""A SIP client over a socket that is already connected: register, options, ping."""

import itertools
import re
import socket
import ssl
import uuid
from dataclasses import dataclass
from pathlib import Path

from harness.ocs import POOL
from harness.ocs.sip import CRLF, Framer, KeepAlive, Message, Request, Response

_PIECE = 16 * 1024


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


def secure(connection: socket.socket, authority: Path, name: str = POOL) -> ssl.SSLSocket:
    """TLS over a connected socket, to a server that `authority` (ca.pem) vouches to be `name`."""
    context = ssl.create_default_context(cafile=str(authority))
    return context.wrap_socket(connection, server_hostname=name)


class SipClient:
    """One user's connection; time-outs are the socket's. Closes the socket as a context manager."""

    def __init__(self, connection: socket.socket, user: str = "alice", domain: str = "ocs.lab") -> None:
        self.connection = connection
        self._address_of_record = f"sip:{user}@{domain}"
        self._domain = domain
        self._call = uuid.uuid4().hex
        self._sequence = itertools.count(1)
        self._framer = Framer()
        self._received: list[Message | KeepAlive] = []

    def __enter__(self) -> "SipClient":
        return self

    def __exit__(self, *_exception: object) -> None:
        self.connection.close()

    def register(self) -> Answer:
        """Register the user's address of record at this connection (RFC 3261 section 10)."""
        return self._ask("REGISTER", f"sip:{self._domain}")

    def options(self) -> Answer:
        """Ask what the front end can do (RFC 3261 section 11)."""
        return self._ask("OPTIONS", f"sip:{self._domain}")

    def ping(self) -> None:
        """Send a keep-alive and wait for its pong (RFC 5626 section 4.4.1).

        Raises ConnectionError when the connection is gone, TimeoutError when nothing comes.
        """
        self.connection.sendall(CRLF * 2)
        if not isinstance(item := self._receive(), KeepAlive):
            raise ConnectionError(f"instead of a pong came {item}")

    def _ask(self, method: str, uri: str) -> Answer:
        host, port = self.connection.getsockname()[:2]
        transport = "TLS" if isinstance(self.connection, ssl.SSLSocket) else "TCP"
        number = next(self._sequence)
        headers = (
            ("via", f"SIP/2.0/{transport} {host}:{port};branch=z9hG4bK{uuid.uuid4().hex}"),
            ("max-forwards", "70"),
            ("from", f"<{self._address_of_record}>;tag={self._call[:8]}"),
            ("to", f"<{self._address_of_record}>"),
            ("call-id", self._call),
            ("cseq", f"{number} {method}"),
            ("contact", f"<sip:{host}:{port};transport={transport.lower()}>"),
        )
        self.connection.sendall(Request(headers, method=method, uri=uri).encode())
        while True:
            item = self._receive()
            if isinstance(item, Response) and item.get("cseq") in {f"{number} {method}", ""}:
                return Answer.of(item)

    def _receive(self) -> Message | KeepAlive:
        while not self._received:
            data = self.connection.recv(_PIECE)
            if not data:
                raise ConnectionError("the front end or the load balancer closed the connection")
            self._received += self._framer.feed(data)
        return self._received.pop(0)
