"""Whatever is sent to a front end, the sender alone has to bear it."""

import contextlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.deadline import Deadline
from harness.ocs import Service, sip_server, tls
from harness.ocs.client import SipClient, secure
from harness.ocs.sip import MAX_HEADER
from harness.ocs.web_server import ADDRESS_BOOK
from tests.unit.harness.ocs.conftest import Running

HEAD = b"MESSAGE sip:bob@ocs.lab SIP/2.0\r\nVia: SIP/2.0/TCP 10.0.0.1\r\nFrom: <sip:alice@ocs.lab>;tag=1\r\n"
REST = b"To: <sip:bob@ocs.lab>\r\nCall-ID: 1\r\nCSeq: 1 MESSAGE\r\n"
GOOD = HEAD + REST + b"Content-Length: 0\r\n\r\n"


def last_words(running: Running, data: bytes, service: Service = Service.SIP) -> bytes:
    """What a front end says to it before it closes the connection; raises TimeoutError when it does not."""
    with running.connect(service, 10) as connection:
        answer = b""
        with contextlib.suppress(ConnectionError):
            connection.sendall(data)
            while piece := connection.recv(65536):
                answer += piece
        return answer


@pytest.mark.parametrize(
    "data",
    [
        HEAD + REST + b"Content-Length: -1\r\n\r\n",
        HEAD + REST + b"Content-Length: 99999999999999999999\r\n\r\n",
        HEAD + REST + b"\r\n",
        b" folded\r\n" + GOOD,
        GOOD.replace(b"SIP/2.0\r\n", b"SIP/2.0\r\n folded\r\n", 1),
        b"\x16\x03\x01\x02\x00\x01\x00" + bytes(range(256)) * 80,
        HEAD + b"Subject: " + b"x" * (10 * 1024 * 1024) + b"\r\n" + REST,
        b"\0" * (MAX_HEADER + 1),
    ],
    ids=["negative", "huge", "no length", "folded first", "folded start line", "binary", "10 MB", "zeros"],
)
def test_what_is_malformed_gets_400_or_a_closed_connection_and_harms_nobody(
    running: Running, data: bytes
) -> None:
    with running.user("alice") as client:
        answer = last_words(running, data)
        assert not answer or answer.startswith(b"SIP/2.0 4"), answer[:200]
        assert client.options().status == 200
        client.ping()


@pytest.mark.parametrize("data", [GOOD[:40], HEAD, GOOD.replace(b"Length: 0", b"Length: 9") + b"half"])
def test_half_a_message_and_silence_ends_with_the_connection_closed(
    running: Running, monkeypatch: pytest.MonkeyPatch, data: bytes
) -> None:
    monkeypatch.setattr(sip_server, "PART_TIMEOUT_S", 0.2)
    assert last_words(running, data) == b""


def test_a_message_that_came_in_parts_is_answered_and_the_connection_stays(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sip_server, "PART_TIMEOUT_S", 5.0)
    with running.user("alice") as client:
        client.connection.sendall(GOOD[:50])
        client.connection.sendall(GOOD[50:])
        assert client.options().status == 200


def test_a_client_that_sends_and_never_reads_is_let_go(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tls, "MAX_UNREAD", 64 * 1024)
    options = GOOD.replace(b"MESSAGE", b"OPTIONS") * 1000
    with running.connect(Service.SIP, 30) as connection, pytest.raises(ConnectionError):
        connection.sendall(options * 1000)


def test_a_tls_client_that_sends_and_never_reads_is_let_go(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tls, "MAX_UNREAD", 64 * 1024)
    book = f"GET {ADDRESS_BOOK} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    with secure(running.connect(Service.WEB, 30), running.pool.authority) as connection:
        with contextlib.suppress(OSError):
            connection.sendall(book * 5000)
        Deadline(20).wait_until(lambda: running.open_connections() == 0, "it to be let go")


def test_a_tls_client_that_sends_faster_than_it_is_answered_is_read_at_that_pace(running: Running) -> None:
    with SipClient(running.sips()) as client:
        client.connection.settimeout(30)
        client.connection.sendall(GOOD.replace(b"MESSAGE", b"OPTIONS") * 500)
        for _ in range(500):
            client._receive()
        assert client.options().status == 200


@pytest.mark.parametrize("request_line", [b"GET / HTTP/x", b"GET", b"\x00 / HTTP/1.1"])
def test_http_that_can_not_be_answered_gets_400(running: Running, request_line: bytes) -> None:
    with secure(running.connect(Service.WEB, 10), running.pool.authority) as connection:
        connection.sendall(request_line + b"\r\nHost: x\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize(
    "data",
    [b"\r\n" * 100_000, b"REGISTER " + b"=" * MAX_HEADER, b"<request " * 7000],
    ids=["CRLFs", "=", "<"],
)
def test_what_is_long_is_dealt_with_in_no_time(running: Running, data: bytes) -> None:
    with running.connect(Service.SIP, 10) as connection:
        connection.sendall(data)
        with running.user("alice") as client:
            assert client.options().status == 200


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.one_of(
        st.binary(min_size=1, max_size=600),
        st.tuples(st.integers(0, len(GOOD)), st.binary(max_size=40)).map(
            lambda cut: GOOD[: cut[0]] + cut[1] + GOOD[cut[0] :]
        ),
    )
)
def test_any_bytes_leave_the_front_end_serving(running: Running, data: bytes) -> None:
    with running.connect(Service.SIP) as connection:
        connection.sendall(data)
    with running.user("alice") as client:
        assert client.options().status == 200
