"""The clock, mails, logs and the firewall's table on the booted appliance, seen from the lab."""

import contextlib
import itertools
import socket
import struct
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from harness.appliance import Appliance
from harness.deadline import Deadline
from harness.lab import Lab
from harness.libvirt_machine import LibvirtMachine
from tests.image.authority import make
from tests.image.logserver import Server
from tests.image.mailbox import Relay

HERE = "192.168.2.1"
"""The lab itself, on the management network."""

NOBODY = "192.168.2.77"
AHEAD_S = 3600.0
SINCE_1900_S = 2_208_988_800
BUDGET_KIB = 270_000
"""The journal's 256 MiB, and what little else there is below /var/log."""


class TimeServer:
    """Answers everybody (RFC 5905, mode 4) with a time that is an hour ahead."""

    def __init__(self, lab: Lab) -> None:
        self._socket = lab.socket("lab", socket.SOCK_DGRAM)
        self._socket.bind((HERE, 123))
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                asked, who = self._socket.recvfrom(1024)
                now = _ntp(time.time() + AHEAD_S)
                head = struct.pack("!BBbb12s", 0b00_100_100, 2, 6, -20, b"\0\0\0\1\0\0\0\1LAB\0")
                packet = head + now + asked[40:48] + now + _ntp(time.time() + AHEAD_S)
                self._socket.sendto(packet, who)

    def close(self) -> None:
        """Answer no more."""
        self._socket.close()


def _ntp(unix_s: float) -> bytes:
    return struct.pack("!Q", int((unix_s + SINCE_1900_S) * 2**32))


S = TypeVar("S", bound=contextlib.AbstractContextManager[object])


@contextlib.contextmanager
def at_the_lab(lab: Lab, server: S) -> Iterator[S]:
    """Run a server on the lab's own network."""
    lab.on("lab", server.__enter__)
    try:
        yield server
    finally:
        server.__exit__(None, None, None)


@pytest.fixture
def time_server(lab: Lab) -> Iterator[None]:
    server = TimeServer(lab)
    yield
    server.close()


@pytest.mark.usefixtures("time_server")
def test_the_clock_follows_the_time_server_and_one_that_is_silent_is_told(
    fresh: Appliance, downloaded: LibvirtMachine
) -> None:
    settings = {"time_zone": "Asia/Kathmandu", "ntp_servers": [HERE, NOBODY]}
    fresh.call("PATCH", "/node", {"time": settings})
    Deadline(120).wait_until(lambda: fresh.get("/node/time")["synchronised"], "the clock to be synchronised")
    seconds, zone = downloaded.run("date '+%s %z'").stdout.split()
    assert abs(int(seconds) - time.time() - AHEAD_S) < 30
    assert zone == "+0545"
    assert fresh.get("/node/time")["now"].endswith("+05:45")

    def warned() -> bool:
        told = [each["text"] for each in fresh.get("/messages")["messages"]]
        return [text.split()[3] for text in told if text.startswith("The time server ")] == [NOBODY]

    Deadline(90).wait_until(warned, "the silent server to be told")
    assert ":123 " not in downloaded.run("ss -uln").stdout
    assert ":323 " not in downloaded.run("ss -uln").stdout
    fresh.call("PATCH", "/node", {"time": {"ntp_servers": []}})
    assert downloaded.run("systemctl is-active chrony.service; true").stdout == "inactive\n"


def test_a_mail_arrives(lab: Lab, fresh: Appliance, tmp_path: Path) -> None:
    tls, authority = make(tmp_path, f"IP:{HERE}")
    mail = {
        "host": HERE, "user": "lbva", "password": "topsecret", "ca_certificate": authority,
        "sender": "lbva@example.com", "recipients": ["admin@example.com"],
    }  # fmt: skip
    fresh.call("PATCH", "/node", {"mail": mail})
    relay = Relay((HERE, 587), tls, user="lbva", password="topsecret")
    with at_the_lab(lab, relay):
        fresh.call("POST", "/node/mail/test")
    (got,) = relay.mails
    assert (got.user, got.encrypted, got.recipients) == ("lbva", True, ["admin@example.com"])
    assert got.message["Subject"] == "Test mail of lbva"


def test_logs_go_to_the_right_server_alone(
    lab: Lab, fresh: Appliance, downloaded: LibvirtMachine, tmp_path: Path
) -> None:
    tls, authority = make(tmp_path / "right", f"IP:{HERE}")
    unknown, _ = make(tmp_path / "unknown", f"IP:{HERE}")
    settings = {"host": HERE, "protocol": "tls", "ca_certificate": authority}
    fresh.call("PATCH", "/node", {"syslog": settings})
    with at_the_lab(lab, Server((HERE, 6514), unknown)) as server:
        Deadline(90).wait_until(
            lambda: downloaded.run("logger not for everybody") and server.refused, "the stranger's refusal"
        )
        assert server.text == b""
    with at_the_lab(lab, Server((HERE, 6514), tls)) as server:
        Deadline(90).wait_until(lambda: server.has("not for everybody"), "the line, once the server is right")


@pytest.mark.nightly
def test_a_flood_of_logs_stays_in_its_budget_and_forwarding_goes_on(
    lab: Lab, fresh: Appliance, downloaded: LibvirtMachine, tmp_path: Path
) -> None:
    tls, authority = make(tmp_path, f"IP:{HERE}")
    settings = {"host": HERE, "protocol": "tls", "ca_certificate": authority}
    fresh.call("PATCH", "/node", {"syslog": settings})
    with at_the_lab(lab, Server((HERE, 6514), tls)) as server:
        downloaded.run(
            "mkdir -p /run/systemd/journald.conf.d; "
            "printf '[Journal]\\nRateLimitIntervalSec=0\\n' > /run/systemd/journald.conf.d/flood.conf; "
            "systemctl restart systemd-journald.service"
        )
        flood = "head -c 320M /dev/urandom | base64 --wrap=40000 | systemd-cat --identifier=flood"
        downloaded.run(flood, timeout_s=400)
        used = downloaded.run("du --summarize --block-size=1K /var/log").stdout
        assert 100_000 < int(used.split()[0]) < BUDGET_KIB
        assert downloaded.run("find /var/log -type f ! -path '*/journal/*'").stdout == ""
        downloaded.run("logger after the flood")
        Deadline(200).wait_until(lambda: server.has("after the flood"), "a line after the flood")


@pytest.mark.nightly
def test_the_firewall_tracks_as_many_connections_as_configured(
    lab: Lab, fresh: Appliance, downloaded: LibvirtMachine
) -> None:
    fresh.call("PATCH", "/node", {"firewall_table_size": 5000})
    downloaded.run(
        "nft add table ip tracking; "
        "nft add chain ip tracking input '{ type filter hook input priority 0; }'; "
        "nft add rule ip tracking input ct state new counter"
    )
    Deadline(30).wait_until(lambda: _setting(downloaded, "max") == 5000, "the configured size")
    ports = itertools.cycle(range(1024, 65_536))

    def tracked() -> int:
        """Talk on a thousand ports more; return how many flows are tracked now."""
        _talk(lab, itertools.islice(ports, 1000))
        return _setting(downloaded, "count")

    Deadline(120).wait_until(lambda: tracked() > 4500, "the table to fill")
    assert max(tracked() for _ in range(5)) <= 5000
    fresh.call("PATCH", "/node", {"firewall_table_size": 20_000})
    assert _setting(downloaded, "max") == 20_000
    Deadline(120).wait_until(lambda: tracked() > 5000, "the larger table to hold more")


def _setting(machine: LibvirtMachine, name: str) -> int:
    return int(machine.run(f"cat /proc/sys/net/netfilter/nf_conntrack_{name}").stdout)


def _talk(lab: Lab, ports: Iterable[int]) -> None:
    """Send a datagram to each of the appliance's ports."""
    with lab.socket("lab", socket.SOCK_DGRAM) as sender:
        for port in ports:
            # The appliance answers that nobody is there.
            with contextlib.suppress(ConnectionRefusedError):
                sender.sendto(b"hello", ("192.168.2.21", port))
