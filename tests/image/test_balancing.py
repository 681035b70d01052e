"""What clients see of persistence, TLS, PROXY protocol, limits and the last resort on the shipped HAProxy."""

import socket
import ssl
import time
from pathlib import Path

import pytest

from tests.image.responders import VIP, Balancer, Listen, Responder, http_answer, server_tls
from tests.image.servers import FrontEnd, connect, trusting, wait_until

FE1 = {"label": "FE-1", "ip": "192.168.10.31"}
FE2 = {"label": "FE-2", "ip": "192.168.10.32"}
UNCHECKED = {"type": "none"}


@pytest.fixture
def pages(listen: Listen) -> dict[str, Responder]:
    return {each["label"]: listen(each["ip"], 80, http_answer(each["label"])) for each in (FE1, FE2)}


def ask(
    *headers: str, tls: ssl.SSLContext | None = None, port: int = 80, before: bytes = b"", source: str = ""
) -> tuple[list[str], str]:
    """Ask the service for its page; return the answer's head, line by line, and its text."""
    address = (source, 0) if source else None
    with socket.create_connection((VIP, port), timeout=5, source_address=address) as raw:
        raw.sendall(before)
        connection = tls.wrap_socket(raw, server_hostname="front.example") if tls else raw
        lines = ["GET / HTTP/1.1", "Host: front.example", "Connection: close", *headers, "", ""]
        connection.sendall("\r\n".join(lines).encode())
        answer = b""
        while data := connection.recv(65536):
            answer += data
    head, _, text = answer.decode().partition("\r\n\r\n")
    return head.split("\r\n"), text


def headers_of(request: bytes) -> dict[str, list[str]]:
    """Return a request's header fields, names in lower case."""
    fields: dict[str, list[str]] = {}
    for line in request.decode().split("\r\n")[1:]:
        if line:
            name, _, value = line.partition(": ")
            fields.setdefault(name.lower(), []).append(value)
    return fields


def test_a_cookie_brings_a_client_back_without_telling_an_address(
    balancer: Balancer, pages: dict[str, Responder]
) -> None:
    balancer.serve(
        FE1, FE2, protocol="http", scheduler="roundrobin", health_check=UNCHECKED,
        persistence={"mode": "http_cookie", "cookie_name": "OCS"},
    )  # fmt: skip
    head, first = ask()
    (cookie,) = [line.removeprefix("set-cookie: ") for line in head if line.startswith("set-cookie: ")]
    value, *attributes = cookie.split("; ")
    assert "HttpOnly" in attributes
    assert value.startswith("OCS=")
    assert not {"31", "32", "FE"} & set(value.removeprefix("OCS=").split("."))
    for _ in range(4):
        head, text = ask(f"Cookie: {value}")
        assert text == first
        assert not any(line.startswith("set-cookie") for line in head)
    assert {ask()[1], ask()[1]} == {"FE-1", "FE-2"}, "clients without a cookie are spread"
    assert "cookie" not in headers_of(pages[first].requests[-2]), "the real servers never see it"

    state = {**(FE1 if first == "FE-1" else FE2), "state": "halt"}
    other = FE2 if first == "FE-1" else FE1
    balancer.serve(
        state, other, protocol="http", scheduler="roundrobin", health_check=UNCHECKED,
        persistence={"mode": "http_cookie", "cookie_name": "OCS"},
    )  # fmt: skip
    head, text = ask(f"Cookie: {value}")
    assert text == other["label"]
    assert any(line.startswith("set-cookie: OCS=") for line in head), "the client learns its new real server"


def test_tls_ends_here_and_begins_anew_to_the_real_server(
    balancer: Balancer, listen: Listen, tmp_path: Path
) -> None:
    page = listen("192.168.10.31", 443, http_answer("FE-1"), tls=server_tls(tmp_path / "tls"))
    balancer.serve(
        {**FE1, "port": 443, "re_encrypt": True}, ports=[443], protocol="http", tls_certificate="web",
        persistence={"mode": "http_cookie"}, health_check=UNCHECKED,
    )  # fmt: skip
    trust = trusting(balancer.certificate)
    head, text = ask(tls=trust, port=443)
    assert text == "FE-1"
    assert any(line.startswith("set-cookie") and "Secure" in line for line in head)
    assert page.names == ["front.example"], "the real server is told the name that the client asked for"
    assert headers_of(page.requests[0])["x-forwarded-proto"] == ["https"]
    rendered = balancer.changes.current.rendering.files
    assert "PRIVATE KEY" not in "".join(rendered.values())

    trust.set_alpn_protocols(["h2"])
    with (
        socket.create_connection((VIP, 443)) as raw,
        trust.wrap_socket(raw, server_hostname="front.example") as connection,
    ):
        assert connection.selected_alpn_protocol() == "h2"
    assert ask(tls=trusting_1_2(balancer), port=443)[1] == "FE-1"
    balancer.serve(
        {**FE1, "port": 443, "re_encrypt": True}, ports=[443], tls_certificate="web", tls_minimum="1.3",
        health_check=UNCHECKED,
    )  # fmt: skip
    assert ask(tls=trusting(balancer.certificate), port=443)[1] == "FE-1", "and so in TCP mode"
    with pytest.raises(ssl.SSLError, match="PROTOCOL_VERSION"):
        ask(tls=trusting_1_2(balancer), port=443)


def trusting_1_2(balancer: Balancer) -> ssl.SSLContext:
    """Return a client of TLS 1.2 that trusts the service's certificate."""
    context = trusting(balancer.certificate)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    return context


def test_a_new_chain_for_the_same_key_is_served_at_once(
    balancer: Balancer, pages: dict[str, Responder]
) -> None:
    def serve() -> None:
        balancer.serve(FE1, ports=[443], tls_certificate="web", health_check=UNCHECKED)

    def fingerprint() -> bytes | None:
        with (
            socket.create_connection((VIP, 443)) as raw,
            trusting(balancer.certificate).wrap_socket(raw, server_hostname="front.example") as connection,
        ):
            return connection.getpeercert(binary_form=True)

    serve()
    old = fingerprint()
    balancer.certificate.unlink()
    serve()
    assert fingerprint() != old


def test_a_tls_session_returns_to_the_server_that_gave_it(
    balancer: Balancer, listen: Listen, tmp_path: Path
) -> None:
    for each in (FE1, FE2):
        listen(each["ip"], 443, http_answer(each["label"]), tls=without_tickets(tmp_path / each["label"]))
    balancer.serve(
        FE1, FE2, ports=[443], scheduler="roundrobin", health_check=UNCHECKED,
        persistence={"mode": "tls_session_id"},
    )  # fmt: skip
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    client.maximum_version = ssl.TLSVersion.TLSv1_2

    def session(old: ssl.SSLSession | None) -> tuple[ssl.SSLSession | None, bool | None, str]:
        with socket.create_connection((VIP, 443)) as raw, client.wrap_socket(raw, session=old) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\n\r\n")
            seen = connection.session, connection.session_reused, connection.recv(1000).decode()[-4:]
            connection.unwrap()
            return seen

    first, _, name = session(None)
    for _ in range(3):
        assert session(first)[1:] == (True, name)
    assert {session(None)[2], session(None)[2]} == {"FE-1", "FE-2"}, "new sessions are spread"
    entries = balancer.appliance.haproxy.worker("show table web").count(" key=")
    client.maximum_version = ssl.TLSVersion.TLSv1_3
    session(None)
    assert balancer.appliance.haproxy.worker("show table web").count(" key=") == entries, "1.3 has no ids"


def without_tickets(folder: Path) -> ssl.SSLContext:
    """Return the TLS of a server that keeps sessions itself."""
    context = server_tls(folder)
    context.options |= ssl.OP_NO_TICKET
    return context


def test_a_client_can_not_forge_where_it_comes_from(balancer: Balancer, pages: dict[str, Responder]) -> None:
    balancer.serve(FE1, protocol="http", health_check=UNCHECKED)
    forged = ("X-Forwarded-For: 10.9.9.9", "X-Forwarded-Proto: https", "Forwarded: for=10.9.9.9")
    ask(*forged, source="192.168.10.100")
    seen = headers_of(pages["FE-1"].requests[-1])
    assert seen["x-forwarded-for"] == ["192.168.10.100"]
    assert seen["x-forwarded-proto"] == ["http"]
    assert "forwarded" not in seen
    balancer.serve(FE1, protocol="http", forwarded_for=False, health_check=UNCHECKED)
    ask(*forged, source="192.168.10.100")
    assert headers_of(pages["FE-1"].requests[-1])["x-forwarded-for"] == ["10.9.9.9"]


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_the_proxy_protocol_passes_the_client_on(
    balancer: Balancer, pages: dict[str, Responder], version: str
) -> None:
    balancer.serve(FE1, FE2, accept_proxy_protocol=True, send_proxy_protocol=version, health_check=UNCHECKED)
    client = socket.inet_aton("10.7.7.7")
    seen = {
        "v1": b"PROXY TCP4 10.7.7.7 192.168.10.30 4242 80\r\n",
        "v2": b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c" + client,
    }[version]
    names = {ask(before=b"PROXY TCP4 10.7.7.7 192.168.10.30 4242 80\r\n")[1] for _ in range(4)}
    assert len(names) == 1, "persistence knows the client, not the proxy before the appliance"
    assert pages[names.pop()].requests[-1].startswith(seen)
    table = balancer.appliance.haproxy.worker("show table web")
    assert "10.7.7.7" in table
    assert table.count(" key=") == 1


def test_the_last_resort_serves_while_no_real_server_does_and_keeps_nobody(
    balancer: Balancer, front_ends: dict[str, FrontEnd]
) -> None:
    resort = FrontEnd("sorry", "192.168.10.33", (5060,))
    resort.start()
    quick = {"interval_ms": 100, "rise": 1, "fall": 1}
    balancer.serve(FE1, ports=[5060], fallback_server={"ip": "192.168.10.33"}, health_check=quick)
    connection, name = connect(VIP, 5060, "192.168.10.100")
    assert name == "FE-1"
    connection.close()
    front_ends["FE-1"].stop()
    balancer.wait_for("FE-1", "DOWN")
    held, name = connect(VIP, 5060, "192.168.10.100")
    new, same = connect(VIP, 5060, "192.168.10.101")
    assert name == same == "sorry"
    assert balancer.health() == "fallback"
    front_ends["FE-1"].start()
    balancer.wait_for("FE-1", "UP")
    assert balancer.health() == "up"
    assert held.recv(10) == new.recv(10) == b"", "connections to the last resort end"
    for source in ("192.168.10.100", "192.168.10.101"):
        connection, name = connect(VIP, 5060, source)
        assert name == "FE-1"
        connection.close()
    resort.stop()


def test_time_outs_and_limits_are_the_services_own(
    balancer: Balancer, front_ends: dict[str, FrontEnd]
) -> None:
    balancer.serve(
        FE1, ports=[5060], timeouts={"client_ms": 400, "real_server_ms": 400}, health_check=UNCHECKED
    )
    connection, _ = connect(VIP, 5060, "192.168.10.100")
    began = time.monotonic()
    assert connection.recv(10) == b""
    assert 0.3 < time.monotonic() - began < 3, "far below the 43 s of the layer 7 settings"

    balancer.serve(FE1, ports=[5060], maxconn=1, health_check=UNCHECKED)
    first, _ = connect(VIP, 5060, "192.168.10.100")
    second = socket.create_connection((VIP, 5060))
    second.settimeout(0.3)
    with pytest.raises(TimeoutError):
        second.recv(10)
    first.close()
    second.settimeout(5)
    assert second.recv(10) == b"FE-1\n", "the next one is served when there is room"
    second.close()

    balancer.serve({**FE1, "maxconn": 1}, FE2, ports=[5060], health_check=UNCHECKED)
    held = [connect(VIP, 5060, f"192.168.10.{host}")[0] for host in (101, 102)]
    assert balancer.row("FE-1")["slim"] == "1"
    for each in held:
        each.close()


def test_the_statistics_page_is_haproxys_own(balancer: Balancer) -> None:
    balancer.serve(FE1, health_check=UNCHECKED)
    with socket.socket(socket.AF_UNIX) as connection:
        path = balancer.appliance.root / "run/haproxy/stats.sock"
        wait_until(path.exists)
        assert path.stat().st_mode & 0o777 == 0o600
        connection.connect(str(path))
        connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
        page = b""
        while data := connection.recv(65536):
            page += data
    assert b"Statistics Report for HAProxy" in page
    assert b"FE-1" in page
