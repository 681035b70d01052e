"""A syslog server for tests."""

import contextlib
import socket
import ssl
import threading


class Server:
    """Takes what comes by TCP, or TLS, at a place until the block ends.

    `text` is all that has come, `refused` tells that somebody left without a word.
    """

    def __init__(self, place: tuple[str, int], tls: ssl.SSLContext | None = None) -> None:
        self.place, self.tls = place, tls
        self.text = b""
        self.refused = False
        self._connections: list[socket.socket] = []

    def __enter__(self) -> "Server":
        family = socket.AF_INET6 if ":" in self.place[0] else socket.AF_INET
        self._listener = socket.create_server(self.place, family=family)
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        for each in (self._listener, *self._connections):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._read, args=(connection,), daemon=True).start()

    def _read(self, connection: socket.socket) -> None:
        try:
            if self.tls is not None:
                connection = self.tls.wrap_socket(connection, server_side=True)
            self._connections.append(connection)
            while data := connection.recv(65536):
                self.text += data
        except OSError:
            pass
        self.refused = self.refused or not self.text

    def has(self, text: str) -> bool:
        return text.encode() in self.text
