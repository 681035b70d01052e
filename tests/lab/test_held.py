"""How many connections one mock front end holds, and in how much memory."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.deadline import Deadline
from harness.front_ends import FrontEnd
from harness.lab import Lab
from harness.ocs.client import SipClient

HELD = 10_000
MEMORY_MB = 200
CLIENTS = """
import socket, ssl, sys
from harness.ocs import POOL
from harness.process import allow_many_files

host, authority, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
allow_many_files()
context = ssl.create_default_context(cafile=authority)
held = []
for number in range(count):
    connection = socket.create_connection((host, 5061), 60, (f"10.1.{number >> 8}.{number & 255}", 0))
    held.append(context.wrap_socket(connection, server_hostname=POOL))
for connection in held:
    connection.sendall(b"\\r\\n\\r\\n")
assert {connection.recv(2) for connection in held} == {b"\\r\\n"}
print(len(held), "alive", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def reachable(lab: Lab) -> Iterator[None]:
    route = ["10.1.0.0/16", "via", "192.168.10.81"]
    lab.run("fe1", ["ip", "route", "replace", *route])
    yield
    lab.run("fe1", ["ip", "route", "delete", *route])


def resident_mb(lab: Lab, front_end: FrontEnd) -> float:
    """What a front end's process takes (proc(5), VmRSS)."""
    pid = lab.control(op="status")["programs"][front_end.host]
    status = lab.run("lab", ["cat", f"/proc/{pid}/status"]).stdout
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) * 1024 / 1e6


@pytest.mark.nightly
def test_ten_thousand_tls_connections_are_held_within_200_mb(
    lab: Lab, reachable: None, tmp_path: Path
) -> None:
    front_end = lab.front_ends[0]
    front_end.restart()
    argv = [sys.executable, "-c", CLIENTS, str(front_end.address), str(lab.authority), str(HELD)]
    log = tmp_path / "clients.log"
    with lab.inside.started("load1", argv, log=log) as clients:

        def all_alive() -> bool:
            assert clients.poll() is None, log.read_text()
            return f"{HELD} alive" in log.read_text()

        Deadline(300).wait_until(all_alive, f"{HELD} connections to be held", interval_s=0.5)
        within = f"the connections to take less than {MEMORY_MB} MB"
        Deadline(30).wait_until(lambda: resident_mb(lab, front_end) < MEMORY_MB, within, interval_s=0.5)
        # It serves others meanwhile.
        with SipClient(lab.connect("client", (str(front_end.address), 5060))) as client:
            assert client.options().status == 200
