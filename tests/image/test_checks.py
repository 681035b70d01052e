"""Each kind of health check on the shipped HAProxy, against servers that behave and misbehave."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.image.responders import Balancer, Listen, http_answer, server_tls
from tests.image.servers import wait_until

HOST = "192.168.10.31"
FE = {"label": "FE-1", "ip": HOST}
QUICK = {"interval_ms": 150, "rise": 1, "fall": 1}
SIP_OK = b"SIP/2.0 200 OK\r\nServer: RTC/3.5\r\nContent-Length: 0\r\n\r\n"


def test_one_dead_port_of_several_takes_the_server_out(balancer: Balancer, listen: Listen) -> None:
    listen(HOST, 5060)
    second = listen(HOST, 5061)
    balancer.serve(FE, ports=[5060, 5061, 443], health_check={"check_ports": [5060, 5061], **QUICK})
    balancer.wait_for("FE-1", "UP")
    second.stop()
    balancer.wait_for("FE-1", "DOWN")
    listen(HOST, 5061)
    balancer.wait_for("FE-1", "UP")


@pytest.mark.parametrize("tls", [False, True])
def test_sip_options_tell_a_server_that_answers_from_one_that_does_not(
    balancer: Balancer, listen: Listen, tmp_path: Path, tls: bool
) -> None:
    sip = listen(HOST, 5061, SIP_OK, tls=server_tls(tmp_path / "tls") if tls else None)
    check = {"type": "sip", "tls": tls, "host": "pool.example", "check_ports": [5061], **QUICK}
    balancer.serve(FE, ports=[5061], health_check=check)
    balancer.wait_for("FE-1", "UP")
    wait_until(lambda: len(sip.requests) > 1, what="a second check")
    first, second = (request.decode().split("\r\n") for request in sip.requests[:2])
    assert first[0] == "OPTIONS sip:pool.example SIP/2.0"
    headers = dict(line.split(": ", 1) for line in first[1:] if line)
    assert set(headers) >= {"Via", "Max-Forwards", "From", "To", "Call-ID", "CSeq"}, "RFC 3261, 8.1.1"
    assert headers["Via"].startswith(f"SIP/2.0/{'TLS' if tls else 'TCP'} 192.168.10.30;branch=z9hG4bK")
    assert ";tag=" in headers["From"]
    assert headers["CSeq"] == "1 OPTIONS"
    assert set(first).isdisjoint(line for line in second if line.startswith(("Via", "From", "Call-ID")))
    if tls:
        assert "pool.example" in sip.names
    sip.answer = SIP_OK.replace(b"200 OK", b"503 Service Unavailable")
    balancer.wait_for("FE-1", "DOWN")
    sip.answer = SIP_OK
    balancer.wait_for("FE-1", "UP")
    sip.answer = b""
    balancer.wait_for("FE-1", "DOWN")


def test_a_sip_status_and_a_further_port_can_be_asked_for(balancer: Balancer, listen: Listen) -> None:
    listen(HOST, 5060, SIP_OK.replace(b"200 OK", b"405 Method Not Allowed"))
    further = listen(HOST, 443)
    check = {"type": "sip", "expected_status": "200-202,405", "expected_text": "RTC/3.5", **QUICK}
    balancer.serve(FE, ports=[5060, 443], health_check={**check, "check_ports": [5060, 443]})
    balancer.wait_for("FE-1", "UP")
    further.stop()
    balancer.wait_for("FE-1", "DOWN")


@pytest.mark.parametrize("tls", [False, True])
def test_http_status_and_text_tell_a_healthy_page(
    balancer: Balancer, listen: Listen, tmp_path: Path, tls: bool
) -> None:
    page = listen(
        HOST, 8443, http_answer("all 'well' # 100 %"), tls=server_tls(tmp_path / "tls") if tls else None
    )
    listen(HOST, 443)
    further = listen(HOST, 444)
    check = {
        "type": "http",
        "tls": tls,
        "check_ports": [8443, 443, 444],
        "path": "/health?full=1&b=$HOME",
        "host": "pool.example",
        "expected_status": "200,401",
        "expected_text": "'well' # 100 %",
        **QUICK,
    }
    balancer.serve(FE, ports=[443], health_check=check)
    balancer.wait_for("FE-1", "UP")
    request = page.requests[0].decode()
    assert request.startswith("GET /health?full=1&b=$HOME HTTP/1.1\r\nHost: pool.example\r\n")
    page.answer = http_answer("all is lost")
    balancer.wait_for("FE-1", "DOWN")
    page.answer = http_answer("all 'well' # 100 %", "401 Unauthorized")
    balancer.wait_for("FE-1", "UP")
    page.answer = http_answer("all 'well' # 100 %", "302 Found")
    balancer.wait_for("FE-1", "DOWN")
    page.answer = http_answer("all 'well' # 100 %")
    balancer.wait_for("FE-1", "UP")
    further.stop()
    balancer.wait_for("FE-1", "DOWN")


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS"])
def test_http_methods_without_a_host_are_version_1_0(balancer: Balancer, listen: Listen, method: str) -> None:
    page = listen(HOST, 80, http_answer(""))
    balancer.serve(FE, health_check={"type": "http", "method": method, **QUICK})
    balancer.wait_for("FE-1", "UP")
    assert page.requests[0].startswith(f"{method} / HTTP/1.0\r\n".encode())
    page.answer = http_answer("", "500 Internal Server Error")
    balancer.wait_for("FE-1", "DOWN")
    assert "answered: HTTP/1.1 500" in balancer.row("FE-1")["last_chk"]


@pytest.fixture
def daemons_umask(balancer: Balancer) -> Iterator[Balancer]:
    """Have the balancer's changes made with the umask of lbadmind.service."""
    before = os.umask(0o077)
    yield balancer
    os.umask(before)


@pytest.mark.usefixtures("daemons_umask")
def test_a_script_decides_without_privileges(balancer: Balancer) -> None:
    told = balancer.appliance.root / "run/told"
    told.mkdir()
    told.chmod(0o777)
    # Several may run at once: each file is there whole or not at all.
    look = "cd /run/told; id -un > user.$$; mv user.$$ user; echo $3 $4 > server.$$; mv server.$$ server"
    script = f"#!/bin/sh\n{look}\nexit {{}}\n"
    service = {"health_check": {"type": "external", "script": "look", **QUICK}}

    def serve(status: int) -> None:
        scripts = [{"label": "look", "text": script.format(status)}]
        balancer.serve({**FE, "port": 5061}, others={"check_scripts": scripts}, **service)

    serve(0)
    wait_until((told / "server").exists, what="the script ran")
    assert (told / "user").read_text() == "haproxy\n"
    assert (told / "server").read_text() == "192.168.10.31 5061\n"
    before = balancer.appliance.haproxy.worker("show info").split("Pid: ")[1].split()[0]
    serve(1)
    balancer.wait_for("FE-1", "DOWN")
    assert balancer.appliance.haproxy.worker("show info").split("Pid: ")[1].split()[0] == before
    serve(0)
    balancer.wait_for("FE-1", "UP")


def test_a_check_speaks_as_clients_do_on_the_port_that_serves_them(
    balancer: Balancer, listen: Listen, tmp_path: Path
) -> None:
    page = listen(HOST, 443, http_answer("well"), tls=server_tls(tmp_path / "tls"))
    server = {**FE, "port": 443, "re_encrypt": True}
    check = {"type": "http", "host": "pool.example", **QUICK}
    balancer.serve(server, protocol="http", health_check=check)
    balancer.wait_for("FE-1", "UP")
    page.stop()
    balancer.wait_for("FE-1", "DOWN")
    plain = listen(HOST, 443, http_answer("well"))
    for version, starts in (
        ("v1", lambda: plain.requests and plain.requests[-1].startswith(b"PROXY TCP4 ")),
        ("v2", lambda: plain.requests[-1].startswith(b"\r\n\r\n\0\r\nQUIT\n")),
    ):
        balancer.serve({**FE, "port": 443}, send_proxy_protocol=version, health_check=check)
        wait_until(starts, what=f"the check sends the header of {version}")
        balancer.wait_for("FE-1", "UP")
    monitor = listen(HOST, 8080, http_answer("well"))
    balancer.serve(
        {**FE, "port": 443}, send_proxy_protocol="v1", health_check={**check, "check_ports": [8080]}
    )
    wait_until(lambda: monitor.requests, what="the check came to the port that serves no clients")
    assert monitor.requests[0].startswith(b"GET / ")


def test_a_server_without_a_check_is_taken_for_alive(balancer: Balancer) -> None:
    balancer.serve(FE, health_check={"type": "none"})
    assert balancer.row("FE-1")["status"] == "no check"
