"""A mock front end: one process that speaks on all twelve ports of the guide and tells its name.

Each connection and each request is written to a file of events, one JSON object a line, so that a
test can see from which address the load balancer came.
"""

import argparse
import asyncio
import contextlib
import json
import resource
import ssl
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TextIO

import h11

from harness.ocs import PORTS, Service
from harness.ocs.answers import answer, refusal
from harness.ocs.sip import CRLF, Framer, KeepAlive, Request, SipError

_PIECE = 16 * 1024
_BACKLOG = 4096  # the storm of clients that come back after a failover
_CRLFS_PER_PING = 2  # RFC 5626 section 4.4.1

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class FrontEnd:
    """One front end's listeners and its record of events."""

    def __init__(self, name: str, events: TextIO) -> None:
        self.name = name
        self._events = events
        self._servers: list[asyncio.Server] = []

    def record(self, event: str, **values: object) -> None:
        """Append an event, stamped with the time in seconds since the epoch."""
        line = json.dumps({"event": event, "time": time.time(), **values})
        self._events.write(line + "\n")
        self._events.flush()

    async def listen(self, address: str, ports: dict[int, Service], tls: ssl.SSLContext) -> list[int]:
        """Listen on all ports; returns the port numbers (a port 0 becomes one that is free)."""
        handlers: dict[Service, Handler] = {
            Service.SIP: self._sip,
            Service.SIPS: self._sip,
            Service.HTTPS: self._https,
            Service.LINE: self._line,
            Service.TLS_LINE: self._line,
        }
        bound = []
        for port, service in ports.items():
            plain = service in {Service.SIP, Service.LINE}
            server = await asyncio.start_server(
                self._guarded(handlers[service]),
                address,
                port,
                ssl=None if plain else tls,
                backlog=_BACKLOG,
            )
            self._servers.append(server)
            bound.append(server.sockets[0].getsockname()[1])
        return bound

    def _guarded(self, handler: Handler) -> Handler:
        """The handler with its connection recorded and, whatever happens, closed."""

        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            source, source_port = writer.get_extra_info("peername")[:2]
            port = writer.get_extra_info("sockname")[1]
            self.record("connection", port=port, source=source, source_port=source_port)
            # A peer that resets or breaks TLS is the lab's everyday life, not an error of this mock.
            with contextlib.suppress(OSError, ssl.SSLError, asyncio.IncompleteReadError):
                await handler(reader, writer)
            writer.close()

        return handle

    async def _sip(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        source, source_port = writer.get_extra_info("peername")[:2]
        port = writer.get_extra_info("sockname")[1]
        framer, crlfs = Framer(), 0
        try:
            while data := await reader.read(_PIECE):
                for item in framer.feed(data):
                    crlfs = crlfs + 1 if isinstance(item, KeepAlive) else 0
                    if crlfs == _CRLFS_PER_PING:
                        crlfs = 0
                        writer.write(CRLF)
                    if isinstance(item, Request):
                        self.record(
                            "request", port=port, source=source, source_port=source_port, method=item.method
                        )
                        if response := answer(item, self.name, source):
                            writer.write(response.encode())
                await writer.drain()
        except SipError as error:
            writer.write(refusal(self.name, str(error)).encode())
            await writer.drain()

    async def _https(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = h11.Connection(h11.SERVER)
        body = f"{self.name}\n".encode()
        headers = [("Server", self.name), ("Content-Type", "text/plain"), ("Content-Length", str(len(body)))]
        try:
            while True:
                event = connection.next_event()
                if event is h11.NEED_DATA:
                    connection.receive_data(await reader.read(_PIECE))
                elif isinstance(event, h11.EndOfMessage):
                    for part in (
                        h11.Response(status_code=200, headers=headers),
                        h11.Data(data=body),
                        h11.EndOfMessage(),
                    ):
                        writer.write(connection.send(part) or b"")
                    await writer.drain()
                    if connection.our_state is not h11.DONE:
                        return
                    connection.start_next_cycle()
                elif isinstance(event, h11.ConnectionClosed):
                    return
        except h11.RemoteProtocolError:
            writer.write(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()

    async def _line(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(f"{self.name}\r\n".encode())
        await writer.drain()
        while await reader.read(_PIECE):
            pass


def server_tls(certificate: Path) -> ssl.SSLContext:
    """A server's TLS settings from a file with a key and its certificate."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    return context


async def _serve(front_end: FrontEnd, address: str, tls: ssl.SSLContext) -> None:
    await front_end.listen(address, PORTS, tls)
    front_end.record("listening")
    await asyncio.Event().wait()


def main() -> None:
    """Be a front end until killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--name", required=True)
    parser.add_argument("--address", required=True)
    parser.add_argument("--certificate", type=Path, required=True, help="key and certificate, PEM")
    parser.add_argument("--events", type=Path, required=True)
    options = parser.parse_args()
    # Thousands of clients are held at once; a process starts with room for 1024 files.
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with options.events.open("a", encoding="utf-8") as events:
        asyncio.run(_serve(FrontEnd(options.name, events), options.address, server_tls(options.certificate)))


if __name__ == "__main__":
    main()
