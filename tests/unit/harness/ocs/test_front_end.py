"""A front end on loopback, spoken to by the lab's own client."""

import resource
import ssl

import httpx
import pytest

from harness.ocs import Service
from harness.ocs.answers import ALLOW
from harness.ocs.client import SipClient, secure
from harness.ocs.web_server import ADDRESS_BOOK, ADDRESS_BOOK_SIZE, FOCUS_PATH
from tests.unit.harness.ocs.conftest import Running


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
            assert client.options().response.get("allow") == ALLOW


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


def last_words(connection: ssl.SSLSocket) -> bytes:
    """What comes before the connection ends, in whatever way."""
    try:
        return connection.recv(100)
    except OSError:
        return b""


def web(running: Running, service: Service) -> httpx.Client:
    context = ssl.create_default_context(cafile=str(running.pool.authority))
    return httpx.Client(
        base_url=f"https://127.0.0.1:{running.ports[service]}", verify=context, trust_env=False
    )


def test_https_answers_with_the_name(running: Running) -> None:
    with web(running, Service.WEB) as client:
        for response in (client.get("/conf"), client.post("/conf", content=b"x" * 1000)):
            assert (response.status_code, response.text) == (200, "FE-1\n")
            assert response.headers["server"] == "FE-1"


def test_the_address_book_is_there_and_nothing_beside_it(running: Running) -> None:
    with web(running, Service.WEB) as client:
        book = client.get(ADDRESS_BOOK)
        assert (book.status_code, len(book.content)) == (200, ADDRESS_BOOK_SIZE)
        assert client.get("/abs/handler/other").status_code == 404


def test_the_focus_answers_a_request_by_its_number(running: Running) -> None:
    with web(running, Service.FOCUS) as client:
        answer = client.post(FOCUS_PATH, content=b'<request requestId="17"><getConference/></request>')
        assert answer.status_code == 200
        assert 'requestId="17" from="FE-1" code="success"' in answer.text
        assert client.post(FOCUS_PATH, content=b"<request/>").status_code == 400
        assert client.get(FOCUS_PATH).status_code == 405


def test_http_that_is_none_gets_400_and_a_closed_connection(running: Running) -> None:
    with secure(running.connect(Service.WEB), running.pool.authority) as connection:
        connection.sendall(b"\x00\x01\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 400 ")
        assert connection.recv(100) == b""


def test_a_client_with_a_certificate_is_told_the_name_and_others_are_not(running: Running) -> None:
    service, authority = Service.MUTUAL_TLS, running.pool.authority
    certificate = running.pool.certificate
    with secure(running.connect(service), authority, certificate=certificate) as connection:
        assert connection.recv(100) == b"FE-1\r\n"
    with secure(running.connect(service), authority) as connection:
        assert last_words(connection) == b""


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
    ours = [event for event in running.recorded() if event["source_port"] == port]
    assert [(event["event"], event.get("method")) for event in ours] == [
        ("connection", None),
        ("request", "REGISTER"),
        ("request", "REGISTER"),
    ]
    assert {event["port"] for event in ours} == {running.ports[Service.SIP]}
    assert {event["source"] for event in ours} == {"127.0.0.1"}
