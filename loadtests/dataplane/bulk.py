"""Bulk data through a balancer by iperf3: its server beside a front end, its client with the users."""

import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Iterator
from ipaddress import IPv4Address

from harness import topology
from harness.errors import LabError
from harness.lab import Lab
from loadtests.dataplane.balancers import BULK_PORT

SERVER = topology.front_end_host(1)
CLIENT = topology.load_host(1).name
_USER = str(topology.crowd_of(1)[1])
"""Who fetches: a user behind the host for load, as all clients are."""

_WARM_UP_S = 1
_MORE_S = 60.0
"""What iperf3 may take longer than it was told to."""


@contextlib.contextmanager
def server(lab: Lab) -> Iterator[None]:
    """iperf3's server runs within the block."""
    argv = ["iperf3", "--server", "--port", str(BULK_PORT)]
    process = subprocess.Popen(
        lab.inside.argv(SERVER.name, argv),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield
    finally:
        # nsenter forks to enter the pid namespace: the whole group is to end.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def measure(lab: Lab, seconds: int, address: IPv4Address = topology.VIP) -> float:
    """Fetch data through the virtual address for so long, as clients fetch an address book; return Mbit/s.

    Raises LabError with iperf3's own words.
    """
    argv = [
        "iperf3", "--client", str(address),
        "--bind", _USER,
        "--port", str(BULK_PORT),
        "--time", str(seconds),
        "--omit", str(_WARM_UP_S),
        "--reverse",
        "--json",
    ]  # fmt: skip
    try:
        result = lab.run(CLIENT, argv, check=False, timeout_s=seconds + _WARM_UP_S + _MORE_S)
    except subprocess.TimeoutExpired as error:
        raise LabError("iperf3 did not come to an end", "does the balancer still serve?") from error
    return mbit_per_s(result.stdout)


def mbit_per_s(text: str) -> float:
    """The rate at which data was received, from the output of iperf3's option --json, in Mbit/s. Pure.

    Raises LabError when the output says that it failed, or says nothing.
    """
    try:
        values = json.loads(text)
        if error := values.get("error"):
            raise LabError(f"iperf3 says: {error}", "does the balancer still serve?")
        return float(values["end"]["sum_received"]["bits_per_second"]) / 1e6
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise LabError(
            f"iperf3's output can't be read: {text[:200]!r}", "is iperf3 3.1 or newer there?"
        ) from error
