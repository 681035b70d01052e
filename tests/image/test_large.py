"""The figures of a large configuration: 250 virtual services of 4 real servers each."""

import time
from typing import Any

import pytest

from lbadmin import edits
from lbadmin.change import Changes
from lbadmin.model import ClusterConfig
from lbadmin.rules import parse_cluster
from tests.image.conftest import Appliance

SERVICES = 250
LIMIT = 10
"""Times what HAProxy alone takes to check and load the same file; `make bench-scale` measured two."""


@pytest.fixture
def changes(appliance: Appliance) -> Changes:
    servers = [{"label": f"FE-{number}", "ip": f"192.168.20.{number}"} for number in range(1, 5)]
    service: dict[str, Any] = {"ports": [5060, 5061, 443], "health_check": {"check_ports": 5061}}
    services = [
        {**service, "label": f"OCS-{number}", "ip": f"10.0.{number}.1", "persistence": {"table_size": 1000},
         "real_servers": servers}
        for number in range(SERVICES)
    ]  # fmt: skip
    document = {"layer7": {"maxconn": 1000}, "virtual_services": services}
    made = appliance.changes()
    made.change_cluster(lambda _: parse_cluster(document), "root", "many")
    return made


def test_a_change_of_a_large_configuration_takes_little_longer_than_haproxy_itself(
    appliance: Appliance, changes: Changes
) -> None:
    def limit(cluster: ClusterConfig) -> ClusterConfig:
        changed = edits.changed(edits.LAYER7.find(cluster, "OCS-7"), maxconn=5)
        return edits.LAYER7.replace(cluster, "OCS-7", changed)

    began = time.monotonic()
    assert appliance.run(["haproxy", "-c", "-f", "/etc/haproxy/haproxy.cfg"]).status == 0
    assert appliance.haproxy.reload() is None
    alone = time.monotonic() - began
    took: dict[str, float] = {}
    for what, edit in (
        ("a reload", limit),
        ("a state", lambda cluster: edits.LAYER7.with_state(cluster, "OCS-7", "drain")),
    ):
        began = time.monotonic()
        changes.change_cluster(edit, "root", what)
        took[what] = time.monotonic() - began
    assert max(took.values()) < LIMIT * alone, (alone, took)
