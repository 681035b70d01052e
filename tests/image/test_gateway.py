"""Whether the gateway answers, asked over a network of the test's own."""

import subprocess
from ipaddress import ip_address
from pathlib import Path

import pytest

from lbadmin.pair.gateway import LOST_AFTER, Gateway
from tests.image.servers import wait_until


@pytest.fixture(autouse=True)
def allowed(own_network: None) -> None:
    """Let root's group ping, as overlay/usr/lib/sysctl.d has it."""
    Path("/proc/sys/net/ipv4/ping_group_range").write_text("0 0\n")


def test_a_gateway_that_answers_is_there() -> None:
    gateway = Gateway(ip_address("192.168.2.21"))
    # Each answer is looked for with the next question.
    assert all(gateway.answers() for _ in range(LOST_AFTER * 3))
    gateway.close()


@pytest.mark.parametrize("address", ["192.168.2.99", "10.99.99.99"])
def test_a_gateway_that_never_answers_is_lost_after_three_pings(address: str) -> None:
    gateway = Gateway(ip_address(address))
    assert [gateway.answers() for _ in range(LOST_AFTER + 1)] == [True] * LOST_AFTER + [False]
    gateway.close()


def test_a_gateway_that_returns_is_there_again() -> None:
    gateway = Gateway(ip_address("192.168.2.98"))
    wait_until(lambda: not gateway.answers(), what="it is lost")
    subprocess.run(["ip", "addr", "add", "192.168.2.98/32", "dev", "lo"], check=True)
    wait_until(gateway.answers, what="it is back")
    gateway.close()
