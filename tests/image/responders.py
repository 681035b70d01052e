"""Servers that answer each request with one text and keep what they were asked, and a service before them."""

import contextlib
import hashlib
import socket
import ssl
import subprocess
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from lbadmin.daemon import build
from lbadmin.rules import parse_cluster
from lbadmin.status import status_of
from tests.image.servers import wait_until

if TYPE_CHECKING:
    from tests.image.conftest import Appliance

VIP = "192.168.10.30"


def http_answer(text: str, status: str = "200 OK") -> bytes:
    """Return an HTTP answer with that text, after which the connection ends."""
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(text)}\r\nConnection: close\r\n\r\n"
    return f"{head}{text}".encode()


class Responder:
    """A server on one place; requests end with an empty line. Without an answer it ends the connection."""

    def __init__(
        self, address: str, port: int, answer: bytes = b"", tls: ssl.SSLContext | None = None
    ) -> None:
        self.answer = answer
        self.requests: list[bytes] = []
        self.names: list[str | None] = []
        self._tls = tls
        self._listener = socket.create_server((address, port))
        if tls is not None:
            tls.sni_callback = lambda _, name, __: self.names.append(name)
        threading.Thread(target=self._serve, daemon=True).start()

    def stop(self) -> None:
        """Stop listening."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._respond, args=(connection,), daemon=True).start()

    def _respond(self, raw: socket.socket) -> None:
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            connection = stack.enter_context(raw)
            connection.settimeout(5)
            if self._tls is not None:
                connection = stack.enter_context(self._tls.wrap_socket(raw, server_side=True))
            request = b""
            while not request.endswith(b"\r\n\r\n"):
                data = connection.recv(65536)
                if not data:
                    return
                request += data
            self.requests.append(request)
            connection.sendall(self.answer)
            if isinstance(connection, ssl.SSLSocket):
                # A session whose connection just breaks off is not resumed (RFC 5246, 7.2.1).
                connection.unwrap()


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """Make a certificate for front.example, for the key that is there if any; return both files."""
    folder.mkdir(parents=True, exist_ok=True)
    chain, key = folder / "chain.pem", folder / "key.pem"
    if not key.exists():
        _openssl("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out", str(key))
    name = "-subj /CN=front.example -addext subjectAltName=DNS:front.example"
    _openssl(f"req -x509 -days 2 {name} -key", str(key), "-out", str(chain))
    return chain, key


def _openssl(options: str, *files: str) -> bytes:
    return subprocess.run(["openssl", *options.split(), *files], check=True, capture_output=True).stdout


def server_tls(folder: Path) -> ssl.SSLContext:
    """Return the TLS of a front end with a certificate of its own making."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*make_certificate(folder))
    return context


class Listen(Protocol):
    """Starts a responder that stops at the end of the test."""

    def __call__(
        self, address: str, port: int, answer: bytes = b"", tls: ssl.SSLContext | None = None
    ) -> Responder: ...


class Balancer:
    """An appliance with one virtual service, "web"."""

    def __init__(self, appliance: "Appliance") -> None:
        self.appliance = appliance
        self.changes = appliance.changes()
        self.certificate = appliance.root / "certificate/chain.pem"

    def serve(
        self, *servers: Mapping[str, object], others: Mapping[str, object] | None = None, **fields: object
    ) -> None:
        """Put the service into effect; "web" is a certificate that it may name."""
        service = {"label": "web", "ip": VIP, "ports": [80], "real_servers": servers, **fields}
        document = {
            "layer7": {"maxconn": 1000},
            "virtual_services": [service],
            "certificates": self.certificates() if fields.get("tls_certificate") else [],
            **(others or {}),
        }
        self.changes.change_cluster(lambda _: parse_cluster(document), "root", "web")
        wait_until(lambda: self.appliance.has_address(VIP), what="the virtual address is there")

    def certificates(self) -> list[dict[str, str]]:
        """Return the document's certificates: "web", whose key is in the key store."""
        if not self.certificate.exists():
            make_certificate(self.certificate.parent)
        key = self.certificate.with_name("key.pem")
        public = _openssl("pkey -pubout -outform DER -in", str(key))
        name = hashlib.sha256(public).hexdigest()
        self.changes.keys.add({name: key.read_text()})
        return [{"label": "web", "chain": self.certificate.read_text(), "key": name}]

    def health(self) -> str:
        """Return the service's health as the overview shows it."""
        return status_of(build(self.appliance.system)).virtual_services[0].health

    def row(self, server: str) -> dict[str, str]:
        """Return HAProxy's statistics of a server of the service."""
        (row,) = [
            row
            for row in self.appliance.haproxy.statistics()
            if (row["pxname"], row["svname"]) == ("web", server)
        ]
        return row

    def wait_for(self, server: str, status: str) -> None:
        """Wait until HAProxy calls the server UP or DOWN."""
        wait_until(lambda: self.row(server)["status"] == status, what=f"{server} is {status}")
