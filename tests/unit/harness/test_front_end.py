"""A front end on loopback, spoken to by the lab's own client."""

import asyncio
import io
import json
import resource
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from harness.ocs import POOL, Service
from harness.ocs.client import SipClient, secure
from harness.ocs.front_end import FrontEnd, server_tls
from harness.ocs.pki import write_pool


class Running:
    """A front end in a thread, with a free port for each kind of service."""

    def __init__(self, folder: Path) -> None:
        write_pool(folder, [POOL], ["127.0.0.1"])
        self.authority = folder / "ca.pem"
        self.events = io.StringIO()
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.thread.start()
        self.front_end = FrontEnd("FE-1", self.events)
        self.ports = {service: self.listen(folder, service) for service in Service}

    def listen(self, folder: Path, service: Service) -> int:
        work = self.front_end.listen("127.0.0.1", {0: service}, server_tls(folder / "front-end.pem"))
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(10)[0]

    def connect(self, service: Service) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.ports[service]), 5)

    def sips(self) -> ssl.SSLSocket:
        return secure(self.connect(Service.SIPS), self.authority)

    def close(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    front_end = Running(tmp_path_factory.mktemp("pki"))
    yield front_end
    front_end.close()


def test_a_user_registers_over_tcp_and_over_tls(running: Running) -> None:
    for connection in (running.connect(Service.SIP), running.sips()):
        with SipClient(connection) as client:
            answer = client.register()
            assert (answer.status, answer.front_end, answer.expires_s, answer.keep_alive_s) == (
                200,
                "FE-1",
                7200,
                300,
            )


def test_one_connection_serves_many_requests_and_keep_alives(running: Running) -> None:
    with SipClient(running.sips()) as client:
        for _ in range(3):
            assert client.register().status == 200
            client.ping()
            client.ping()
            assert client.options().response.get("allow") == "REGISTER, OPTIONS"


def test_half_a_keep_alive_is_not_answered(running: Running) -> None:
    with running.connect(Service.SIP) as connection:
        connection.settimeout(0.2)
        connection.sendall(b"\r\n")
        with pytest.raises(TimeoutError):
            connection.recv(10)
        connection.sendall(b"\r\n")
        assert connection.recv(10) == b"\r\n"


def test_what_is_no_sip_gets_400_and_a_closed_connection(running: Running) -> None:
    with running.connect(Service.SIP) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\n\r\n")
        data = b"".join(iter(lambda: connection.recv(4096), b""))
        assert data.startswith(b"SIP/2.0 400 ")
        assert b"Server: FE-1" in data


def test_https_answers_with_the_name(running: Running) -> None:
    context = ssl.create_default_context(cafile=str(running.authority))
    base = f"https://127.0.0.1:{running.ports[Service.HTTPS]}"
    with httpx.Client(base_url=base, verify=context, trust_env=False) as client:
        for response in (client.get("/conf"), client.post("/conf", content=b"x" * 1000)):
            assert (response.status_code, response.text) == (200, "FE-1\n")
            assert response.headers["server"] == "FE-1"


def test_the_other_ports_say_the_name(running: Running) -> None:
    for connection in (
        running.connect(Service.LINE),
        secure(running.connect(Service.TLS_LINE), running.authority),
    ):
        with connection:
            assert connection.recv(100) == b"FE-1\r\n"


def test_a_thousand_connections_are_held(running: Running) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 4096)), hard))
    held = [SipClient(running.connect(Service.SIP)) for _ in range(1000)]
    try:
        assert {client.register().status for client in held} == {200}
        assert held[0].register().status == 200
    finally:
        for client in held:
            client.connection.close()


def test_connections_and_requests_are_recorded(running: Running) -> None:
    with SipClient(running.connect(Service.SIP)) as client:
        client.register()
        port = client.connection.getsockname()[1]
    events = [json.loads(line) for line in running.events.getvalue().splitlines()]
    ours = [event for event in events if event["source_port"] == port]
    assert [(event["event"], event.get("method")) for event in ours] == [
        ("connection", None),
        ("request", "REGISTER"),
    ]
    assert {event["port"] for event in ours} == {running.ports[Service.SIP]}
    assert {event["source"] for event in ours} == {"127.0.0.1"}
