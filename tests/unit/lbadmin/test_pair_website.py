"""The other node's website: known by its certificate, never told anything unless it shows the right one."""

import contextlib
import hashlib
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from pathlib import Path

import pytest

from lbadmin.errors import RefusedError, UnavailableError
from lbadmin.pair import website
from lbadmin.pair.website import MAX_ANSWER, AnsweredNoError, Website

HERE = ip_address("127.0.0.1")
SECRET = "Zaunkoenig-92-Abend"
JSON = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n"
Start = Callable[..., "Answerer"]


class Answerer:
    """Answers each connection with the same bytes, by TLS if it has a certificate; notes what it heard."""

    def __init__(self, certificate: Path | None, answer: bytes) -> None:
        self.heard = b""
        self._answer = answer
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls = certificate is not None
        if certificate is not None:
            self._context.load_cert_chain(certificate)
        self._listener = socket.create_server((str(HERE), 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def stop(self) -> None:
        """Hear nobody any more."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(10)
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                plain = self._listener.accept()[0]
            except OSError:
                return
            with plain:
                self._attend(plain)

    def _attend(self, plain: socket.socket) -> None:
        plain.settimeout(5)
        try:
            connection = self._context.wrap_socket(plain, server_side=True) if self._tls else plain
            with connection:
                self.heard += connection.recv(65536)
                connection.sendall(self._answer)
                # What was sent has arrived when the other side has ended.
                if len(self._answer) > MAX_ANSWER:
                    connection.recv(1)
        except OSError:
            return


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Key and certificate in one file."""
    folder = tmp_path_factory.mktemp("tls")
    command = ["openssl", "req", "-x509", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    command += ["-subj", "/CN=lb2", "-days", "2", "-keyout", "key.pem", "-out", "certificate.pem"]
    subprocess.run(command, check=True, capture_output=True, cwd=folder)
    both = folder / "both.pem"
    both.write_text((folder / "key.pem").read_text() + (folder / "certificate.pem").read_text())
    return both


@pytest.fixture
def fingerprint(certificate: Path) -> str:
    """The certificate's."""
    pem = certificate.with_name("certificate.pem").read_text()
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Start an answerer where the peer's website would be; it stops at the end."""
    made: list[Answerer] = []

    def begin(certificate: Path | None, answer: bytes) -> Answerer:
        made.append(Answerer(certificate, answer))
        monkeypatch.setattr(website, "PORT", made[-1].port)
        return made[-1]

    yield begin
    for answerer in made:
        answerer.stop()


def test_who_answers_first_is_known_by_the_certificate_afterwards(
    start: Start, certificate: Path, fingerprint: str
) -> None:
    server = start(certificate, JSON + b'{"member": false}')
    met = Website(HERE)
    assert met.meet() == fingerprint
    assert server.heard == b""
    assert met.call("GET", "/pair/members/0", password=SECRET) == {"member": False}
    assert b"authorization: basic" in server.heard.lower()
    assert met.fingerprint == fingerprint


def test_another_certificate_is_told_nothing(start: Start, certificate: Path, fingerprint: str) -> None:
    server = start(certificate, JSON + b"{}")
    with pytest.raises(RefusedError, match=f"{fingerprint}, not {'ab' * 32}") as caught:
        Website(HERE, "ab" * 32).call("POST", "/pair/identity", {}, password=SECRET)
    assert caught.value.faults[0].field == "fingerprint"
    assert server.heard == b""


@pytest.mark.parametrize(
    "answer",
    [
        b"220 printer ready\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n<html>",
        JSON + b"[]",
        JSON + b"not JSON",
        JSON + b"7",
    ],
)
def test_what_is_no_appliance_is_a_stranger(start: Start, certificate: Path, answer: bytes) -> None:
    start(certificate, answer)
    with pytest.raises(RefusedError, match="no appliance") as caught:
        Website(HERE).call("GET", "/pair", password=SECRET)
    assert caught.value.faults[0].field == "peer_ip"


def test_who_speaks_no_tls_is_a_stranger(start: Start) -> None:
    start(None, b"HTTP/1.1 400 Bad Request\r\n\r\n")
    with pytest.raises(RefusedError, match="no appliance"):
        Website(HERE).meet()


def test_nobody_there_is_told(start: Start) -> None:
    server = start(None, b"")
    server.stop()
    with pytest.raises(UnavailableError, match=f"nothing answers at {HERE}"):
        Website(HERE).meet()


@pytest.mark.parametrize(
    "answer", [b"", JSON.replace(b"\r\n\r\n", b"\r\ncontent-length: 99\r\n\r\n") + b'{"member": fal']
)
def test_an_answer_that_breaks_off_is_none(start: Start, certificate: Path, answer: bytes) -> None:
    start(certificate, answer)
    with pytest.raises(UnavailableError):
        Website(HERE).call("GET", "/pair")


def test_an_endless_answer_is_cut_off(start: Start, certificate: Path) -> None:
    start(certificate, JSON + b" " * (MAX_ANSWER + 100_000))
    with pytest.raises(UnavailableError):
        Website(HERE).call("GET", "/pair")


def test_a_refusal_is_in_the_peers_words(start: Start, certificate: Path) -> None:
    problem = (
        b'HTTP/1.1 409 Conflict\r\ncontent-type: application/problem+json\r\n\r\n{"detail": "no; later"}'
    )
    start(certificate, problem)
    with pytest.raises(AnsweredNoError, match="no; later") as caught:
        Website(HERE).call("POST", "/pair/join", {}, password=SECRET)
    assert caught.value.code == 409


def test_no_failure_tells_the_password(start: Start, certificate: Path) -> None:
    start(certificate, b"")
    with pytest.raises(UnavailableError) as caught:
        Website(HERE).call("POST", "/pair/join", {"password": SECRET}, password=SECRET)
    assert SECRET not in "".join(map(repr, (caught.value, caught.value.__cause__)))
