"""lbadmind, lbadmin-web and front ends inside the test's process, for tests to talk to."""

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import uvicorn

from lbadmin import web
from lbadmin.api import create_app
from lbadmin.certificate import ensure_certificate
from lbadmin.daemon import PeerProtocol, build, listen
from lbadmin.system import System
from lbadmin.web.backend import Backend


def wait_until(condition: Callable[[], object], timeout_s: float = 30.0, what: str = "the condition") -> None:
    """Return when the condition holds; fail the test when it does not within the time."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not hold within {timeout_s} s"
        time.sleep(0.02)


@contextlib.contextmanager
def served(config: uvicorn.Config, listener: socket.socket) -> Iterator[None]:
    """Serve in a thread until the block ends."""
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    try:
        wait_until(lambda: server.started or not thread.is_alive())
        yield
    finally:
        server.should_exit = True
        thread.join(10)


@contextlib.contextmanager
def lbadmind(system: System) -> Iterator[str]:
    """Run lbadmind on the system; return its socket's path."""
    path = system.path("/run/lbadmin/lbadmind.sock")
    context = build(system)
    context.changes.reconcile()
    app = create_app(context)
    config = uvicorn.Config(app, http=PeerProtocol, ws="none", log_config=None, proxy_headers=False)
    with served(config, listen(path)):
        yield str(path)


@contextlib.contextmanager
def lbadmin_web(system: System, lbadmind_socket: str, javascript: Path) -> Iterator[int]:
    """Run lbadmin-web before lbadmind; return its HTTPS port."""
    ensure_certificate(System(root=system.root), "lbva", ["127.0.0.1"])
    folder = system.path("/var/lib/lbadmin/tls")
    config = uvicorn.Config(
        web.create_app(Backend(lbadmind_socket), javascript),
        ssl_certfile=folder / "web.pem",
        ssl_keyfile=folder / "web.key",
        ws="none",
        log_config=None,
        lifespan="off",
        proxy_headers=False,
    )
    listener = socket.create_server(("", 0))
    with served(config, listener):
        yield listener.getsockname()[1]


def trusting(certificate: Path) -> ssl.SSLContext:
    """Return a TLS context that trusts this one certificate, and checks the name in it."""
    return ssl.create_default_context(cafile=str(certificate))


class FrontEnd:
    """A TCP server on one address that greets with its name, then echoes; it can stop and start."""

    def __init__(self, name: str, address: str, ports: tuple[int, ...]) -> None:
        self.name = name
        self._places = [(address, port) for port in ports]
        self._listeners: list[socket.socket] = []
        self._connections: list[socket.socket] = []

    def start(self) -> None:
        """Listen on all ports."""
        for place in self._places:
            listener = socket.create_server(place)
            self._listeners.append(listener)
            threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def stop(self) -> None:
        """Stop listening and end all connections."""
        for each in (*self._listeners, *self._connections):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        self._listeners, self._connections = [], []

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                self._connections.append(connection)
                threading.Thread(target=self._echo, args=(connection,), daemon=True).start()

    def _echo(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            connection.sendall(f"{self.name}\n".encode())
            while data := connection.recv(4096):
                connection.sendall(data)
            connection.close()


def connect(address: str, port: int, source: str) -> tuple[socket.socket, str]:
    """Connect from a source address; return the connection and the name of the front end that greeted."""
    connection = socket.create_connection((address, port), timeout=5, source_address=(source, 0))
    return connection, connection.recv(100).decode().strip()
