"""TLS for thousands of held connections: a transport of asyncio right on OpenSSL's socket.

asyncio's own keeps two buffers and a dozen objects for each connection, as much again as OpenSSL itself.
"""

import asyncio
import contextlib
import socket
import ssl
from typing import Any

HANDSHAKE_S = 30.0
LAST_WORDS_S = 10.0
"""A client that does not take what was sent before the end has that long."""

MAX_UNREAD = 1024 * 1024
"""Bytes that wait for a client who does not read; then its connection is reset."""

_PIECE = 16 * 1024
_AT_ONCE = 16
"""So many pieces are read before others have their turn."""

_NOT_YET = (ssl.SSLWantReadError, ssl.SSLWantWriteError)


class TlsTransport(asyncio.Transport):
    """A server's side of a connection; `protocol` hears of it when the handshake is done."""

    __slots__ = (
        "__weakref__", "_closing", "_connection", "_ended", "_loop", "_made", "_out", "_paused", "_protocol",
        "_timer",
    )  # fmt: skip

    def __init__(
        self, connection: socket.socket, context: ssl.SSLContext, protocol: asyncio.Protocol
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._protocol = protocol
        self._made = self._closing = self._ended = self._paused = False
        self._out = b""
        connection.setblocking(False)
        self._connection = context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        self._timer: asyncio.TimerHandle | None = self._loop.call_later(HANDSHAKE_S, self.abort)
        self._loop.add_reader(self._connection, self._ready)

    def get_extra_info(self, name: str, default: Any = None) -> Any:  # noqa: ANN401 - asyncio's
        """The `socket`, and the two ends' addresses."""
        match name:
            case "socket":
                return self._connection
            case "peername" | "sockname":
                ask = self._connection.getpeername if name == "peername" else self._connection.getsockname
                try:
                    return ask()
                except OSError:
                    return ("", 0)  # the client has gone already
        return default

    def is_closing(self) -> bool:
        """Whether nothing more is sent."""
        return self._closing

    def get_write_buffer_size(self) -> int:
        """Bytes that the client has not taken yet."""
        return len(self._out)

    def pause_reading(self) -> None:
        """Read nothing until told."""
        self._paused = True
        self._loop.remove_reader(self._connection)

    def resume_reading(self) -> None:
        """Read again, also what OpenSSL has read already."""
        self._paused = False
        if not self._closing:
            self._loop.add_reader(self._connection, self._ready)
            self._loop.call_soon(self._ready)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send, now or as soon as the client takes it."""
        if not self._closing:
            self._out += data
            self._flush()
            if len(self._out) > MAX_UNREAD:
                self.abort()

    def close(self) -> None:
        """Close when all has been sent."""
        if not self._closing:
            self._closing = True
            self._loop.remove_reader(self._connection)
            if not self._out:
                self._end(None)
            elif self._timer is None:
                self._timer = self._loop.call_later(LAST_WORDS_S, self.abort)

    def abort(self) -> None:
        """Close now."""
        self._end(ConnectionAbortedError())

    def _ready(self) -> None:
        if self._ended or self._paused:
            return
        if not self._made and not self._shake_hands():
            return
        for _ in range(_AT_ONCE):
            if self._closing or self._paused:
                return
            try:
                data = self._connection.recv(_PIECE)
            except _NOT_YET:
                return
            except OSError as error:
                self._end(error)
                return
            if not data:
                self._end(None)
                return
            self._protocol.data_received(data)
        self._loop.call_soon(self._ready)

    def _shake_hands(self) -> bool:
        try:
            self._connection.do_handshake()
        except ssl.SSLWantReadError:
            self._loop.remove_writer(self._connection)
            return False
        except ssl.SSLWantWriteError:
            self._loop.add_writer(self._connection, self._ready)
            return False
        except OSError as error:
            self._end(error)
            return False
        self._loop.remove_writer(self._connection)
        self._stop_timer()
        self._made = True
        self._protocol.connection_made(self)
        return not self._closing

    def _stop_timer(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def _flush(self) -> None:
        try:
            while self._out:
                self._out = self._out[self._connection.send(self._out) :]
        except _NOT_YET:
            self._loop.add_writer(self._connection, self._flush)
            return
        except OSError as error:
            self._end(error)
            return
        self._loop.remove_writer(self._connection)
        if self._closing:
            self._end(None)

    def _end(self, error: Exception | None) -> None:
        if self._ended:
            return
        self._ended = self._closing = True
        self._stop_timer()
        self._loop.remove_reader(self._connection)
        self._loop.remove_writer(self._connection)
        with contextlib.suppress(OSError, ValueError):
            if self._made and not error:
                self._connection.unwrap()  # says that it closes, and waits for nothing
        self._loop.call_soon(self._tell_end, error)

    def _tell_end(self, error: Exception | None) -> None:
        if self._made:
            self._protocol.connection_lost(error)
        self._connection.close()
