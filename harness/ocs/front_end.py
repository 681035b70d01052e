"""A mock front end: one process that speaks on all twelve ports of the guide and tells its name.

It answers datagrams as well (`datagrams`).

Each connection and each request is written to a file of events, one JSON object a line, so that a
test can see from which address the load balancer came.
"""

import argparse
import asyncio
import contextlib
import json
import socket
import ssl
import struct
import sys
import time
import weakref
from collections.abc import Awaitable, Mapping
from pathlib import Path
from typing import TextIO

from harness.ocs import PORTS, Service
from harness.ocs.answers import Binding, respond, way_back
from harness.ocs.behaviour import NORMAL, Behaviour
from harness.ocs.datagrams import Responder
from harness.ocs.presence import Watchers
from harness.ocs.registrar import Change, Delivery, Registrar
from harness.ocs.rpc import RpcConnection
from harness.ocs.sip import CRLF, MAX_HEADER, Framer, Message, Request
from harness.ocs.sip_server import SipConnection
from harness.ocs.tls import TlsTransport
from harness.ocs.web_server import WebConnection
from harness.process import allow_many_files

_BACKLOG = 4096  # the storm of clients that come back after a failover
_NO_DESCRIPTOR_S = 0.1
_REGISTRAR_S = 20.0
_RESET = struct.pack("ii", 1, 0)  # socket(7), SO_LINGER: what is closed is reset
_PLAIN = {Service.SIP, Service.RPC}


class LineConnection(asyncio.Protocol):
    """Says the front end's name and listens."""

    def __init__(self, owner: "FrontEnd") -> None:
        self._owner = owner

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Say it."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - of a stream it is
        match self._owner.behaviour.kind:
            case "overloaded":
                transport.close()
            case "slow":
                loop = asyncio.get_running_loop()
                loop.call_later(self._owner.behaviour.delay_s, self._say, transport)
            case _:
                self._say(transport)

    def _say(self, transport: asyncio.Transport) -> None:
        transport.write(f"{self._owner.name}\r\n".encode())


class FrontEnd:
    """One front end's listeners, its connections and its record of events."""

    def __init__(self, name: str, registrar: Registrar, events: TextIO) -> None:
        self.name = name
        self.registrar = registrar
        self.behaviour = NORMAL
        self.connections: dict[int, SipConnection] = {}
        self.watchers = Watchers()
        self._events = events
        self._tasks: set[asyncio.Task[None]] = set()
        self._transports: weakref.WeakSet[asyncio.Transport] = weakref.WeakSet()
        self._hanging: set[socket.socket] = set()
        self._listeners: dict[int, tuple[str, Service, socket.socket]] = {}
        self._accepting: list[asyncio.Task[None]] = []
        self._tls: Mapping[Service, ssl.SSLContext] = {}

    def record(self, event: str, **values: object) -> None:
        """Append an event, stamped with the time in seconds since the epoch."""
        line = json.dumps({"event": event, "time": time.time(), **values})
        self._events.write(line + "\n")
        self._events.flush()

    def spawn(self, work: Awaitable[None]) -> None:
        """Do something beside; what goes wrong there is written to standard error."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            sys.stderr.write(f"{self.name}: {type(error).__name__}: {error}\n")

    async def start(self) -> None:
        """Hear from the other front ends, and do as told. Raises TimeoutError without a registrar."""
        await self.registrar.wait_until_up(_REGISTRAR_S)
        await self.registrar.behaving(self.behaviour)
        heard = asyncio.Event()
        self.spawn(self._hear(heard))
        self.spawn(self.watchers.tell_for_ever())
        await heard.wait()

    async def close(self) -> None:
        """End all connections, and whatever is still to be done for them."""
        for task in self._accepting:
            task.cancel()
        for transport in self._open_transports():
            _reset_transport(transport)
        while self.connections:
            await asyncio.sleep(0)
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _hear(self, heard: asyncio.Event) -> None:
        async for news in self.registrar.news():
            match news:
                case None:
                    heard.set()
                case Delivery(number, data):
                    self.spawn(self._deliver(number, data))
                case Change(user, present):
                    self.watchers.note(user, present=present)
                case Behaviour():
                    await self._behave(news)

    async def route(self, to: Binding, message: Message) -> bool:
        """Send a message over a connection of any front end; False when there is none."""
        # It has grown on its way, by a Via at least: the next one would take it for no message at all.
        if message.encode().index(CRLF * 2) > MAX_HEADER:
            return False
        if to.front_end != self.name:
            return await self.registrar.hand_over(to, message.encode())
        connection = self.connections.get(to.connection)
        if connection is None:
            return False
        # Whoever hands a message to a client says so, as a proxy that stays between the two.
        connection.send(message.with_only("server", self.name))
        return True

    async def _deliver(self, number: int, data: bytes) -> None:
        message = next(iter(Framer().feed(data)))
        assert isinstance(message, Message)  # noqa: S101 - front ends hand over nothing else
        if not await self.route(Binding(self.name, number), message) and isinstance(message, Request):
            # The connection went while the message was on its way: whoever asked is to hear of it.
            await self._tell_gone(message)

    async def _tell_gone(self, request: Request) -> None:
        gone = respond(request, self.name, "", 480, "Temporarily Unavailable")
        if request.method != "ACK" and (asked_by := way_back(gone)):
            await self.route(asked_by, gone.without_first("via"))

    async def listen(
        self, address: str, ports: Mapping[int, Service], tls: Mapping[Service, ssl.SSLContext]
    ) -> list[int]:
        """Listen on all ports; returns the port numbers (a port 0 becomes one that is free)."""
        self._tls = tls
        bound = []
        for port, service in ports.items():
            listener = _listener(address, port)
            number = listener.getsockname()[1]
            self._listeners[number] = (address, service, listener)
            self._accept_from(listener, service)
            bound.append(number)
        return bound

    def _accept_from(self, listener: socket.socket, service: Service) -> None:
        self._accepting.append(asyncio.create_task(self._accept(listener, service)))

    async def _accept(self, listener: socket.socket, service: Service) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, (source, source_port, *_) = await loop.sock_accept(listener)
            except OSError:
                # Out of descriptors, or the client is gone already: the others wait in the backlog.
                await asyncio.sleep(_NO_DESCRIPTOR_S)
                continue
            port = connection.getsockname()[1]
            self.record("connection", port=port, source=source, source_port=source_port)
            match self.behaviour.kind:
                case "reset":
                    _reset(connection)
                case "hang":
                    self._hanging.add(connection)
                case _:
                    self.spawn(self._serve(connection, service))

    async def _serve(self, connection: socket.socket, service: Service) -> None:
        # A peer that resets or breaks TLS is the lab's everyday life, not an error of this mock.
        with contextlib.suppress(OSError):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            protocol = self._protocol(service)
            if service in _PLAIN:
                loop = asyncio.get_running_loop()
                transport, _protocol = await loop.connect_accepted_socket(lambda: protocol, connection)
                self._transports.add(transport)
            else:
                self._transports.add(TlsTransport(connection, self._tls[service], protocol))

    def _protocol(self, service: Service) -> asyncio.Protocol:
        match service:
            case Service.SIP | Service.SIPS:
                return SipConnection(self)
            case Service.WEB | Service.FOCUS:
                return WebConnection(self, service)
            case Service.RPC:
                return RpcConnection(self)
            case Service.MUTUAL_TLS:
                return LineConnection(self)

    async def _behave(self, behaviour: Behaviour) -> None:
        """Change from one behaviour to another, and make it known."""
        before, self.behaviour = self.behaviour, behaviour
        if behaviour.kind == "hang":
            for transport in self._open_transports():
                transport.pause_reading()
        if before.kind == "hang":
            for transport in self._open_transports():
                transport.resume_reading()
            for connection in self._hanging:
                _reset(connection)
            self._hanging.clear()
        if behaviour.kind == "reset":
            for transport in self._open_transports():
                _reset_transport(transport)
        if (behaviour.kind == "refuse") != (before.kind == "refuse"):
            await self._open_ports(behaviour.kind != "refuse")
        await self.registrar.behaving(behaviour)

    def _open_transports(self) -> list[asyncio.Transport]:
        return [transport for transport in self._transports if not transport.is_closing()]

    async def _open_ports(self, wanted: bool) -> None:
        for task in self._accepting:
            task.cancel()
        # A listener that is closed while it is waited on would leave its number to another one's wait.
        await asyncio.gather(*self._accepting, return_exceptions=True)
        self._accepting.clear()
        for port, (address, service, listener) in list(self._listeners.items()):
            listener.close()
            if wanted:
                again = _listener(address, port)
                self._listeners[port] = (address, service, again)
                self._accept_from(again, service)


def _listener(address: str, port: int) -> socket.socket:
    listener = socket.create_server((address, port), backlog=_BACKLOG)
    listener.setblocking(False)
    return listener


def _reset(connection: socket.socket) -> None:
    """Close by a reset; the client may have gone before."""
    with contextlib.suppress(OSError), connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)


def _reset_transport(transport: asyncio.Transport) -> None:
    connection = transport.get_extra_info("socket")
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    transport.abort()


def server_tls(certificate: Path, authority: Path) -> dict[Service, ssl.SSLContext]:
    """The TLS settings of the services, from a file with a key and its certificate.

    Where clients need a certificate, too, it is one that `authority` vouches for.
    """
    context, mutual = (ssl.create_default_context(ssl.Purpose.CLIENT_AUTH) for _ in range(2))
    for each in (context, mutual):
        each.load_cert_chain(certificate)
        each.num_tickets = 0  # nobody resumes, and each held connection would keep them
    mutual.load_verify_locations(authority)
    mutual.verify_mode = ssl.CERT_REQUIRED
    return {service: mutual if service is Service.MUTUAL_TLS else context for service in Service}


async def _run(front_end: FrontEnd, address: str, tls: Mapping[Service, ssl.SSLContext]) -> None:
    await front_end.start()
    await front_end.listen(address, PORTS, tls)
    responder = Responder(front_end, address)
    front_end.record("listening")
    try:
        await asyncio.Event().wait()
    finally:
        responder.close()


def main() -> None:
    """Be a front end until killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--name", required=True)
    parser.add_argument("--address", required=True)
    parser.add_argument("--certificate", type=Path, required=True, help="key and certificate, PEM")
    parser.add_argument("--authority", type=Path, required=True, help="who vouches for clients, PEM")
    parser.add_argument("--registrar", type=Path, required=True, help="the socket of the pool's registrar")
    parser.add_argument("--events", type=Path, required=True)
    options = parser.parse_args()
    allow_many_files()
    tls = server_tls(options.certificate, options.authority)
    with options.events.open("a", encoding="utf-8") as events:
        front_end = FrontEnd(options.name, Registrar(options.registrar, options.name), events)
        asyncio.run(_run(front_end, options.address, tls))


if __name__ == "__main__":
    main()
