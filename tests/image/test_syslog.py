"""Logs by the rsyslogd that ships, from a journal to a syslog server of the test's."""

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from lbadmin.client import Client
from lbadmin.errors import LbadminError
from lbadmin.render.syslog import QUEUE, RSYSLOG_CA, RSYSLOG_CONF
from tests.image.authority import make
from tests.image.conftest import Appliance, Say
from tests.image.logserver import Server
from tests.image.servers import wait_until
from tests.image.visiting import lbadmin

__all__ = ["lbadmin"]

ADDRESS = "192.168.10.100"


@pytest.fixture(autouse=True)
def gone(appliance: Appliance) -> Iterator[None]:
    """A rsyslogd whose server is dead takes its time to stop; its unit has none for that either."""
    yield
    kill(appliance)


def kill(appliance: Appliance) -> None:
    if "rsyslogd" in appliance.daemons:
        appliance.daemons["rsyslogd"].kill()
        appliance.stop("rsyslogd")


def forward(appliance: Appliance) -> None:
    """Start rsyslogd on the rendered file, as its unit does."""
    text = appliance.system.path(RSYSLOG_CONF).read_text().replace(RSYSLOG_CA, "/run/rsyslog-ca.pem")
    (appliance.root / "run/rsyslog.conf").write_text(text)
    with contextlib.suppress(FileNotFoundError):
        (appliance.root / "run/rsyslog-ca.pem").write_text(appliance.system.path(RSYSLOG_CA).read_text())
    (appliance.root / "var/lib/lbadmin/syslog").mkdir(exist_ok=True)
    kill(appliance)
    appliance._start("rsyslogd", ["rsyslogd", "-n", "-iNONE", "-f", "/run/rsyslog.conf"])


def said(say: Say, server: Server, text: str) -> None:
    """Log a line again and again until it is there: rsyslogd begins with what is logged after its start."""

    def arrived() -> bool:
        if not server.has(text):
            say("haproxy", text)
        return server.has(text)

    wait_until(arrived, 30, f"{text!r} at the server")


@pytest.fixture
def udp() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind((ADDRESS, 514))
        receiver.settimeout(0.5)
        yield receiver


def test_a_line_arrives_by_udp(appliance: Appliance, lbadmin: Client, say: Say, udp: socket.socket) -> None:
    lbadmin.call("PATCH", "/node", {"syslog": {"host": ADDRESS}})
    assert ["systemctl", "restart", "lbva-syslog.service"] in appliance.commands
    forward(appliance)
    got = b""

    def arrived() -> bool:
        nonlocal got
        say("haproxy", "Server FE-1 is DOWN", priority=1)
        with contextlib.suppress(TimeoutError):
            got = udp.recv(65536)
        return b"FE-1 is DOWN" in got

    wait_until(arrived, 30)
    # Facility daemon (3), severity alert (1); version 1; time, host, program (RFC 5424).
    priority, time, _, program, rest = got.decode().split(" ", 4)
    assert (priority, program) == ("<25>1", "haproxy")
    assert "T" in time
    assert rest.rstrip().endswith("FE-1 is DOWN")


def test_a_line_arrives_by_tcp_and_what_was_logged_while_the_server_was_away_follows(
    appliance: Appliance, lbadmin: Client, say: Say
) -> None:
    lbadmin.call("PATCH", "/node", {"syslog": {"host": ADDRESS, "protocol": "tcp", "port": 1514}})
    with Server((ADDRESS, 1514)) as server:
        forward(appliance)
        said(say, server, "the first line")
    # Many more than wait in rsyslogd: the others wait in the journal, and nobody who logs waits at all.
    for number in range(10 * QUEUE):
        say("haproxy", f"line {number} without a server")
    with Server((ADDRESS, 1514)) as server:
        last = f"line {10 * QUEUE - 1} without a server"
        wait_until(lambda: server.has(last), 60, "the last line")
        lost = [
            number for number in range(10 * QUEUE) if not server.has(f" line {number} without a server\n")
        ]
    # A connection that ends takes along what TCP had accepted for it.
    assert len(lost) < 100
    assert lost == list(range(len(lost)))


def test_what_a_message_is_made_of_it_stays_one_line(appliance: Appliance, lbadmin: Client, say: Say) -> None:
    lbadmin.call("PATCH", "/node", {"syslog": {"host": ADDRESS, "protocol": "tcp", "port": 1514}})
    with Server((ADDRESS, 1514)) as server:
        forward(appliance)
        said(say, server, "begins")
        say("haproxy", "one\n<0>1 - - forged - - - two")
        wait_until(lambda: server.has("forged"), 30)
    (line,) = [line for line in server.text.splitlines() if b"forged" in line]
    assert b" haproxy " in line
    assert line.index(b"one") < line.index(b"forged")


def test_a_line_arrives_by_tls_at_the_right_server_alone(
    appliance: Appliance, lbadmin: Client, say: Say, tmp_path: Path
) -> None:
    tls, authority = make(tmp_path / "server", "DNS:localhost")
    other_name, authority_of_other_name = make(tmp_path / "name", "DNS:other.example.com")
    unknown, _ = make(tmp_path / "unknown", "DNS:localhost")
    settings = {"host": "localhost", "protocol": "tls", "ca_certificate": authority}
    lbadmin.call("PATCH", "/node", {"syslog": settings})
    for wrong, what in ((unknown, "signed by nobody known"), (other_name, "for another name")):
        if wrong is other_name:
            trusted = {"ca_certificate": authority_of_other_name}
            lbadmin.call("PATCH", "/node", {"syslog": trusted})
        with Server(("::1", 6514), wrong) as server:
            forward(appliance)

            def refused(server: Server = server) -> bool:
                say("haproxy", "a secret")
                return server.refused

            wait_until(refused, 30, f"the refusal of a server {what}")
            assert server.text == b""
    lbadmin.call("PATCH", "/node", {"syslog": {"ca_certificate": authority}})
    with Server(("::1", 6514), tls) as server:
        forward(appliance)
        said(say, server, "encrypted")
    # A length before each message (RFC 5425, section 4.3).
    length, _, rest = server.text.partition(b" ")
    assert rest[: int(length)].startswith(b"<30>1 ")


def test_a_server_may_be_named_by_its_address_where_its_certificate_has_it(
    appliance: Appliance, lbadmin: Client, say: Say, tmp_path: Path
) -> None:
    tls, authority = make(tmp_path / "server", f"IP:{ADDRESS}")
    settings = {"host": ADDRESS, "protocol": "tls", "ca_certificate": authority}
    lbadmin.call("PATCH", "/node", {"syslog": settings})
    with Server((ADDRESS, 6514), tls) as server:
        forward(appliance)
        said(say, server, "encrypted")


def test_without_a_server_rsyslogd_does_not_run(appliance: Appliance, lbadmin: Client) -> None:
    lbadmin.call("PATCH", "/node", {"syslog": {"host": ADDRESS}})
    lbadmin.call("PATCH", "/node", {"syslog": {"host": None}})
    assert appliance.commands[-1] == ["systemctl", "stop", "lbva-syslog.service"]
    assert appliance.system.path(RSYSLOG_CONF).read_text() == ""


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"host": "log server"}, "host log server is neither a host name nor an IP address; "),
        ({"host": 'a" type="omfile'}, 'host a" type="omfile is neither a host name nor an IP address; '),
        ({"protocol": "relp"}, "protocol relp is not one of 'udp', 'tcp' or 'tls'"),
        ({"port": 0}, "port 0 is not between 1 and 65535"),
        ({"ca_certificate": "text"}, "ca_certificate is not a certificate in PEM form; "),
    ],
)
def test_nonsense_is_refused_with_a_sentence(
    lbadmin: Client, fields: dict[str, object], sentence: str
) -> None:
    with pytest.raises(LbadminError) as error:
        lbadmin.call("PATCH", "/node", {"syslog": {"host": ADDRESS, **fields}})
    assert error.value.sentence.startswith(sentence)


@pytest.mark.parametrize("size", [4095, 524_289, "many", 1.5])
def test_a_firewall_table_that_is_too_small_or_too_large_is_refused(lbadmin: Client, size: object) -> None:
    with pytest.raises(LbadminError, match=r"^firewall_table_size .* is not "):
        lbadmin.call("PATCH", "/node", {"firewall_table_size": size})
