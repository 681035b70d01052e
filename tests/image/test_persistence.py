"""The stick table as rendered: an entry outlives the client's connections, and runs out after the last."""

import re

import pytest

from lbadmin.client import Client
from tests.image.conftest import Appliance
from tests.image.servers import FrontEnd, connect, wait_until

VIP = "192.168.10.30"
EXPIRE_MS = 1500


@pytest.fixture
def service(appliance: Appliance, daemon: str, front_ends: dict[str, FrontEnd]) -> Appliance:
    Client(daemon).call(
        "POST",
        "/layer7/virtual-services",
        {
            "label": "short",
            "ip": VIP,
            "ports": [5060],
            "persistence": {"timeout_ms": EXPIRE_MS},
            "real_servers": [
                {"label": "FE-1", "ip": "192.168.10.31"},
                {"label": "FE-2", "ip": "192.168.10.32"},
            ],
        },
    )
    wait_until(lambda: appliance.has_address(VIP), what="the virtual address is there")
    return appliance


def entry(appliance: Appliance) -> dict[str, str]:
    """The one entry of the table by its columns, empty when there is none."""
    return dict(re.findall(r"(\w+)=(\S+)", appliance.haproxy.worker("show table short").partition("\n")[2]))


def test_an_entry_lives_as_long_as_a_connection_and_then_its_time(service: Appliance) -> None:
    connection, name = connect(VIP, 5060, "192.168.10.100")
    first = entry(service)
    assert first["use"] == "1", "the open connection holds the entry"
    server = first["server_id"]

    wait_until(lambda: entry(service)["exp"] == "0", 5, "the entry's time has run out")
    assert entry(service)["use"] == "1", "and yet it is there, for its connection is"
    assert entry(service)["server_id"] == server
    again, same = connect(VIP, 5060, "192.168.10.100")
    assert same == name

    again.close()
    wait_until(lambda: entry(service)["exp"] == "0", 5, "the entry's time has run out again")
    connection.close()
    wait_until(lambda: entry(service).get("use") == "0", what="nothing holds the entry")
    assert int(entry(service)["exp"]) > EXPIRE_MS / 2, "its time restarted at the close"
    wait_until(lambda: not entry(service), what="the entry ran out")
