"""Why the guide raises the time-outs to 30 minutes: SIP connections are idle for up to 300 s at a time."""

import time

import pytest

from harness.appliance import Appliance
from harness.clients import OcsClient
from harness.deadline import Deadline
from harness.lab import Lab

# HAProxy's factory time-outs are 43 s (client) and 45 s (real server).
FACTORY_CLIENT_TIMEOUT_S = 43
IDLE_S = 55


def test_an_idle_connection_is_cut_with_factory_timeouts_and_survives_with_the_guides(
    lab: Lab, fresh: Appliance
) -> None:
    fresh.join_service_network()
    fresh.add_guide_service(lab)
    client = OcsClient(lab, "192.168.10.100")
    client.wait_until_served(Deadline(60))

    with client.connected(5061) as held:
        held.register()
        started = time.monotonic()
        held.connection.settimeout(IDLE_S)
        assert held.connection.recv(1) == b"", "an idle connection outlived the factory time-outs"
        assert time.monotonic() - started > FACTORY_CLIENT_TIMEOUT_S - 5

    fresh.set_guide_timeouts()
    fresh.restart_haproxy()
    client.wait_until_served(Deadline(60))
    with client.connected(5061) as held:
        held.register()
        held.connection.settimeout(IDLE_S)
        with pytest.raises(TimeoutError):
            held.connection.recv(1)
        held.ping()


def test_thirty_minutes_are_the_same_in_all_spellings(fresh: Appliance) -> None:
    for spelling in ("30m", 1_800_000, "1800000", "1800s"):
        changed = fresh.call("PATCH", "/layer7/settings", {"client_timeout_ms": spelling})
        assert changed["client_timeout_ms"] == 1_800_000
