"""Requests to the other node's website, for as long as there is no channel to it.

Whoever answers is known by the SHA-256 of its certificate alone: the one that was shown first, that the
administrator gave, or that is stored. Nothing is sent to anybody who shows another.
"""

import base64
import hashlib
import json
import socket
import ssl
import time
from ipaddress import IPv4Address, IPv6Address
from typing import Any

from lbadmin.client import BAD_REQUEST, answer_of, request_for
from lbadmin.errors import Fault, LbadminError, PairError, RefusedError, UnavailableError

PORT = 9443
USER = "loadbalancer"

CONNECT_S = 10.0
"""For TCP and TLS: under software emulation a handshake alone takes a second."""

MAX_ANSWER = 64 * 1024
"""Bytes: all answers that are asked for are short."""

# A dead machine says nothing: its connection ends when it has left four probes, 3 s apart, without an answer.
_KEEPALIVE = {socket.TCP_KEEPIDLE: 5, socket.TCP_KEEPINTVL: 3, socket.TCP_KEEPCNT: 4}


class AnsweredNoError(PairError):
    """The other node heard, and refused; the sentence is its own, `code` the HTTP status."""

    def __init__(self, sentence: str, code: int) -> None:
        super().__init__(sentence)
        self.code = code


class Website:
    """The website at an address; `fingerprint` is its certificate's, None until it has been met."""

    def __init__(self, ip: IPv4Address | IPv6Address, fingerprint: str | None = None) -> None:
        self.ip = ip
        self.fingerprint = fingerprint

    def meet(self) -> str:
        """Look at the certificate, send nothing, and return its fingerprint. Raises as `call` does."""
        with self._connected(CONNECT_S):
            return self.fingerprint or ""

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        password: str | None = None,
        timeout_s: float = 30.0,
        connect_s: float = CONNECT_S,
    ) -> Any:  # noqa: ANN401 - JSON is any shape
        """Send a request and return its decoded answer.

        Raises UnavailableError when nothing answers or the connection breaks, RefusedError when another
        certificate is shown or no appliance answers, AnsweredNoError when the appliance refuses.
        """
        headers = {} if password is None else {"Authorization": _basic(password)}
        deadline = time.monotonic() + timeout_s
        with self._connected(connect_s) as connection:
            try:
                connection.sendall(request_for(method, path, body, headers))
                raw = _received(connection, deadline)
            except OSError as error:
                raise UnavailableError(f"the connection to {self.ip} broke; see that it runs") from error
        try:
            answer = answer_of(raw)
        except json.JSONDecodeError:
            raise self._stranger() from None
        except ValueError as error:
            if raw and not raw.startswith(b"HTTP/1."):
                raise self._stranger() from None
            raise UnavailableError(f"the answer of {self.ip} broke off; see that it runs") from error
        if not isinstance(answer.body, dict):
            raise self._stranger()
        if answer.status >= BAD_REQUEST:
            raise AnsweredNoError(str(answer.body.get("detail", "no reason was given")), answer.status)
        return answer.body

    def _connected(self, connect_s: float) -> ssl.SSLSocket:
        try:
            plain = socket.create_connection((str(self.ip), PORT), connect_s)
        except OSError as error:
            raise SilentError(self.ip) from error
        try:
            for option, value in _KEEPALIVE.items():
                plain.setsockopt(socket.IPPROTO_TCP, option, value)
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            connection = _context().wrap_socket(plain)
        except ssl.SSLError as error:
            plain.close()
            raise self._stranger() from error
        except OSError as error:
            plain.close()
            raise SilentError(self.ip) from error
        try:
            self._check(connection)
        except LbadminError:
            connection.close()
            raise
        return connection

    def _check(self, connection: ssl.SSLSocket) -> None:
        shown = hashlib.sha256(connection.getpeercert(binary_form=True) or b"").hexdigest()
        if self.fingerprint is not None and shown != self.fingerprint:
            raise RefusedError(
                [
                    Fault(
                        "fingerprint",
                        self.fingerprint,
                        f"the certificate of {self.ip} has the fingerprint {shown}, not {self.fingerprint}; "
                        "compare it with the one that the peer shows",
                    )
                ]
            )
        self.fingerprint = shown

    def _stranger(self) -> RefusedError:
        return stranger(self.ip)


class SilentError(UnavailableError):
    """Nothing answers at the address."""

    def __init__(self, ip: IPv4Address | IPv6Address) -> None:
        super().__init__(f"nothing answers at {ip} port {PORT}; see that the peer runs and has that address")


def stranger(ip: IPv4Address | IPv6Address) -> RefusedError:
    """Return the refusal of an address where something else answers."""
    return RefusedError(
        [
            Fault(
                "peer_ip",
                str(ip),
                f"what answers at {ip} port {PORT} is no appliance that knows of pairs; check the address",
            )
        ]
    )


def _context() -> ssl.SSLContext:
    """Return TLS that trusts anybody: the fingerprint is checked before anything is sent."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _received(connection: ssl.SSLSocket, deadline: float) -> bytes:
    """Return all that comes until the other side ends. Raises OSError when it takes too long or too much."""
    data = bytearray()
    while True:
        connection.settimeout(max(0.001, deadline - time.monotonic()))
        chunk = connection.recv(MAX_ANSWER)
        data += chunk
        if not chunk:
            return bytes(data)
        if len(data) > MAX_ANSWER or time.monotonic() > deadline:
            raise TimeoutError("the answer is too long")


def _basic(password: str) -> str:
    return f"Basic {base64.b64encode(f'{USER}:{password}'.encode('utf-8', 'surrogatepass')).decode()}"
