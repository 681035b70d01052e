"""What Prometheus scrapes of layer 4, read by its own parser."""

from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from lbadmin import status_layer4
from lbadmin.errors import UnavailableError
from lbadmin.exposition import text_of
from lbadmin.ipvs_netlink import LiveServer, LiveService
from lbadmin.metrics_layer4 import layer4_families
from lbadmin.model import ClusterConfig
from lbadmin.render.layer4 import ServiceKey
from lbadmin.system import System

CLUSTER = ClusterConfig.model_validate(
    {
        "layer4_services": [
            {
                "label": "OCS",
                "ip": "192.168.10.30",
                "ports": [5060],
                "real_servers": [
                    {"label": "FE-1", "ip": "192.168.10.31"},
                    {"label": "FE-2", "ip": "192.168.10.32"},
                ],
            }
        ]
    }
)
SERVER = LiveServer(ip_address("192.168.10.31"), 5060, "masq", 100, 3, 2, 9, 20, 21, 22, 2**40, 24)
SERVICE = LiveService(
    ServiceKey(None, "tcp", ip_address("192.168.10.30"), 5060), "wlc", 30, 31, 32, 33, 34, (SERVER,)
)


def scraped(cluster: ClusterConfig, root: Path) -> dict[tuple[Any, ...], float]:
    """Return the samples by name and the values of their labels, without the totals of the kernel."""
    text = text_of(layer4_families(System(root), cluster))
    samples = [each for family in text_string_to_metric_families(text) for each in family.samples]
    found = {(each.name.removeprefix("lbva_"), *each.labels.values()): each.value for each in samples}
    assert len(found) == len(samples)
    return {key: value for key, value in found.items() if not key[0].startswith("ipvs_")}


def test_services_and_real_servers_are_told_by_their_labels(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(status_layer4, "read_live", lambda: [SERVICE])
    found = scraped(CLUSTER, tmp_path)
    service, up, down = (("OCS", "snat"), ("OCS", "snat", "FE-1"), ("OCS", "snat", "FE-2"))
    assert {key[0].removeprefix("layer4_service_"): found[key] for key in found if key[1:] == service} == {
        "connections_total": 30,
        "packets_in_total": 31,
        "packets_out_total": 32,
        "bytes_in_total": 33,
        "bytes_out_total": 34,
        "active_connections": 3,
    }
    assert {key[0].removeprefix("layer4_server_"): found[key] for key in found if key[1:] == up} == {
        "connections_total": 20,
        "packets_in_total": 21,
        "packets_out_total": 22,
        "bytes_in_total": 2**40,
        "bytes_out_total": 24,
        "active_connections": 3,
        "inactive_connections": 2,
        "weight": 100,
    }
    states = {key: value for key, value in found.items() if key[0].endswith("_health") and value}
    assert states == {
        ("layer4_service_health", *service, "up"): 1,
        ("layer4_server_health", *up, "up"): 1,
        ("layer4_server_health", *down, "down"): 1,
    }


def test_what_is_not_known_is_left_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def unreadable() -> list[LiveService]:
        raise UnavailableError("no")

    monkeypatch.setattr(status_layer4, "read_live", unreadable)
    found = scraped(CLUSTER, tmp_path)
    assert {key[0] for key in found} == {"layer4_service_health", "layer4_server_health"}
    assert found["layer4_service_health", "OCS", "snat", "unknown"] == 1
    assert scraped(ClusterConfig(), tmp_path) == {}
