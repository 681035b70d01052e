"""HTTPS as a front end speaks it: the address book of the web components, and the focus of conferences."""

import asyncio
import re
from typing import Protocol
from xml.sax.saxutils import quoteattr

import h11

from harness.ocs import Service
from harness.ocs.behaviour import Behaviour

ADDRESS_BOOK = "/abs/handler/F-0d2c.lsabs"
"""The address book server's full file; clients fetch one a day."""

ADDRESS_BOOK_SIZE = 64 * 1024
FOCUS_PATH = "/focus"
FOCUS_TYPE = "application/cccp+xml"
MAX_REQUEST = 64 * 1024
IDLE_S = 120.0
"""A client that asks nothing for so long is let go (IIS 6, ConnectionTimeout)."""

_NOT_FOUND = (404, "text/plain", b"there is no such file\n")


def page(service: Service, name: str, method: str, path: str, body: bytes) -> tuple[int, str, bytes]:
    """The status, content type and body that front end `name` answers. Pure."""
    if method == "CONNECT":
        return 405, "text/plain", b"no proxy\n"
    if service is Service.WEB and method == "GET" and path.startswith("/abs/"):
        if path != ADDRESS_BOOK:
            return _NOT_FOUND
        line = f"{name} address book\n".encode()
        return (
            200,
            "application/octet-stream",
            (line * (ADDRESS_BOOK_SIZE // len(line) + 1))[:ADDRESS_BOOK_SIZE],
        )
    if service is Service.FOCUS and path == FOCUS_PATH:
        if method != "POST":
            return 405, "text/plain", b"POST a request of the Centralized Conference Control Protocol\n"
        return focus(name, body)
    return 200, "text/plain", f"{name}\n".encode()


def focus(name: str, body: bytes) -> tuple[int, str, bytes]:
    """The answer to a request of the Centralized Conference Control Protocol ([MS-CONFBAS])."""
    found = re.search(rb"<request\b[^<>]{0,500}?\brequestId\s*=\s*[\"']([\w.-]{1,64})[\"']", body)
    if found is None:
        return 400, "text/plain", b"no <request> with a requestId\n"
    number = quoteattr(found[1].decode())
    text = (
        f'<response xmlns="urn:ietf:params:xml:ns:cccp" requestId={number} from="{name}" code="success"/>\n'
    )
    return 200, FOCUS_TYPE, text.encode()


class Owner(Protocol):
    """What a connection needs of its front end."""

    name: str
    behaviour: Behaviour

    def record(self, event: str, **values: object) -> None:
        """Write an event down."""


class WebConnection(asyncio.Protocol):
    """A client's connection; its requests are answered in their order."""

    def __init__(self, owner: Owner, service: Service) -> None:
        self._owner = owner
        self._service = service
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_REQUEST)
        self._request: h11.Request | None = None
        self._body = b""
        self._idle: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for a request."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - of a stream it is
        self._transport = transport
        self._watch()

    def connection_lost(self, _error: Exception | None) -> None:
        """Wait for nothing more."""
        if self._idle:
            self._idle.cancel()

    def _watch(self) -> None:
        if self._idle:
            self._idle.cancel()
        self._idle = asyncio.get_running_loop().call_later(IDLE_S, self._transport.close)

    def data_received(self, data: bytes) -> None:
        """Answer each request that is complete; what is no HTTP gets 400 and is closed."""
        self._watch()
        try:
            if data:  # an empty piece would be the end of all
                self._http.receive_data(data)
            self._take()
        except h11.ProtocolError:
            self._transport.write(
                b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
            )
            self._transport.close()

    def eof_received(self) -> None:
        """Close as the client does."""

    def _take(self) -> None:
        while True:
            event = self._http.next_event()
            if isinstance(event, h11.Request):
                self._request, self._body = event, b""
            elif isinstance(event, h11.Data):
                self._body += event.data
                if len(self._body) > MAX_REQUEST:
                    raise h11.RemoteProtocolError("body too large")
            elif isinstance(event, h11.EndOfMessage):
                if self._owner.behaviour.kind == "slow":
                    self._transport.pause_reading()
                    loop = asyncio.get_running_loop()
                    loop.call_later(self._owner.behaviour.delay_s, self._answer_late)
                    return
                if not self._answer():
                    return
            else:
                return

    def _answer_late(self) -> None:
        if not self._transport.is_closing() and self._answer():
            self._transport.resume_reading()
            self.data_received(b"")

    def _answer(self) -> bool:
        """Answer the request; whether the connection goes on."""
        request = self._request
        if request is None:
            return False
        name, behaviour = self._owner.name, self._owner.behaviour
        source, source_port = self._transport.get_extra_info("peername")[:2]
        port = self._transport.get_extra_info("sockname")[1]
        method, path = request.method.decode(), request.target.decode(errors="replace")
        self._owner.record("request", port=port, source=source, source_port=source_port, method=method)
        status, kind, body = page(self._service, name, method, path, self._body)
        if behaviour.kind == "overloaded":
            status, kind, body = 503, "text/plain", b"overloaded\n"
        headers = [("Server", name), ("Content-Type", kind), ("Content-Length", str(len(body)))]
        if status == 503:  # noqa: PLR2004 - RFC 9110, 15.6.4
            headers.append(("Retry-After", str(behaviour.retry_after_s)))
        for part in (
            h11.Response(status_code=status, headers=headers),
            h11.Data(data=body),
            h11.EndOfMessage(),
        ):
            if method != "HEAD" or not isinstance(part, h11.Data):
                self._transport.write(self._http.send(part) or b"")
        if self._http.our_state is not h11.DONE:
            self._transport.close()
            return False
        self._http.start_next_cycle()
        return True
