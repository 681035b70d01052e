"""Layer 4 as it is now: status, metrics, alerts and graphs. The checks are real, the kernel is played."""

import csv
import io
from http import HTTPStatus
from ipaddress import ip_address
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from lbadmin import status_layer4
from lbadmin.alerts import alerts as looking
from lbadmin.daemon import build
from lbadmin.graphs.handover import hand_over
from lbadmin.ipvs_netlink import LiveServer, LiveService
from lbadmin.render.layer4 import ServiceKey
from lbadmin.rules import parse_cluster
from tests.image.asking import Ask, api, ask
from tests.image.conftest import Appliance
from tests.image.graphing import lbva_graphs
from tests.image.servers import FrontEnd, wait_until

__all__ = ["api", "ask"]

Json = Any

SERVICE = {
    "label": "OCS",
    "ip": "192.168.10.30",
    "ports": [5060],
    "health_check": {"interval_ms": 200},
    "real_servers": [{"label": "FE-1", "ip": "192.168.10.31"}, {"label": "FE-2", "ip": "192.168.10.32"}],
}


class Kernel:
    """IPVS, which the build machine's kernel has not: the real servers that it has, and their traffic."""

    def __init__(self) -> None:
        self.serving = {"192.168.10.31", "192.168.10.32"}
        self.connections = 0

    def read_live(self) -> list[LiveService]:
        """Return the one service."""
        counters = (self.connections, 2, 3, 4 * self.connections, 5)
        key = ServiceKey(None, "tcp", ip_address("192.168.10.30"), 5060)
        servers = tuple(
            LiveServer(ip_address(each), 5060, "masq", 100, 1, 0, 0, *counters)
            for each in sorted(self.serving)
        )
        return [LiveService(key, "wlc", *counters, servers=servers)]


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Kernel:
    played = Kernel()
    monkeypatch.setattr(status_layer4, "read_live", played.read_live)
    return played


@pytest.fixture
def balanced(kernel: Kernel, front_ends: dict[str, FrontEnd], api: Ask) -> dict[str, FrontEnd]:
    """Two front ends behind a service of layer 4, and the HAProxy that checks them."""
    assert kernel
    assert api("POST", "/layer4/virtual-services", SERVICE).status == 201
    wait_until(lambda: server(api, "FE-1")["last_change_s"] is not None, 20, "the checking HAProxy")
    return front_ends


def service(api: Ask) -> Json:
    (only,) = api("GET", "/status")["layer4_services"]
    return only


def server(api: Ask, label: str) -> Json:
    (found,) = [each for each in service(api)["real_servers"] if each["label"] == label]
    return found


def test_the_status_joins_the_kernel_with_the_checks(
    api: Ask, kernel: Kernel, balanced: dict[str, FrontEnd]
) -> None:
    assert (service(api)["health"], server(api, "FE-1")["health"]) == ("up", "up")
    balanced["FE-1"].stop()
    wait_until(lambda: server(api, "FE-1")["last_check"] == "Connection refused", 20, "the check that fails")
    # keepalived takes it out.
    kernel.serving.remove("192.168.10.31")
    assert [each["health"] for each in service(api)["real_servers"]] == ["down", "up"]
    assert server(api, "FE-2")["sessions_current"] == service(api)["sessions_current"] == 1
    kernel.serving.clear()
    assert service(api)["health"] == "down"


def test_prometheus_is_told_of_it(api: Ask, kernel: Kernel) -> None:
    assert api("POST", "/layer4/virtual-services", SERVICE).status == 201
    kernel.serving.remove("192.168.10.31")
    kernel.connections = 7
    families = text_string_to_metric_families(api("GET", "/metrics").text)
    samples = {(each.name, each.labels.get("server"), each.labels.get("state")): each.value
               for family in families for each in family.samples}  # fmt: skip
    assert samples["lbva_layer4_service_connections_total", None, None] == 7
    assert samples["lbva_layer4_server_connections_total", "FE-2", None] == 7
    assert samples["lbva_layer4_server_health", "FE-1", "down"] == 1
    assert samples["lbva_layer4_server_health", "FE-1", "up"] == 0


def test_daemons_that_do_not_run_are_told_of_on_every_page(appliance: Appliance, api: Ask) -> None:
    def told() -> list[str]:
        texts = [each["text"] for each in api("GET", "/messages")["messages"] if each["level"] == "danger"]
        return [text.partition(",")[0] for text in texts if "lbva-" in text]

    assert told() == []
    assert api("POST", "/layer4/virtual-services", SERVICE).status == 201
    # The checks' HAProxy runs here, keepalived's part of layer 4 can't.
    wait_until(lambda: told() == ["lbva-layer4 does not run"], 20, "the answer of the checks")
    appliance.stop("lbva-checks")
    assert told() == ["lbva-layer4 does not run", "lbva-checks does not answer"]


def test_a_real_server_that_goes_down_and_up_is_an_alert(
    appliance: Appliance, kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looking, "LOOK_S", 0.1)
    context = build(appliance.system)
    context.changes.change_cluster(
        lambda _: parse_cluster({"layer4_services": [SERVICE]}), "root", "a service"
    )

    def told() -> list[tuple[str, str]]:
        return [(each.event, each.object) for each in context.alerts.latest() if "real-server" in each.event]

    context.alerts.start()
    try:
        kernel.serving.remove("192.168.10.31")
        # The HAProxy of layer 7 does not run here, and is not missed.
        wait_until(lambda: told() == [("real-server-down", "OCS/FE-1")], 20, "that it is down")
        kernel.serving.add("192.168.10.31")
        wait_until(lambda: told()[0] == ("real-server-up", "OCS/FE-1"), 20, "that it is up")
    finally:
        context.alerts.stop()


def test_it_is_measured_for_graphs(appliance: Appliance, api: Ask, kernel: Kernel) -> None:
    assert api("POST", "/layer4/virtual-services", SERVICE).status == 201
    context = build(appliance.system)

    def highest(column: str) -> float:
        kernel.connections += 1
        hand_over(context)
        answer = api("GET", "/graphs/server~OCS~FE-2.csv?period=hour")
        rows = csv.DictReader(io.StringIO(answer.text)) if answer.status == HTTPStatus.OK else []
        return max((float(row[column]) for row in rows if row[column]), default=0)

    with lbva_graphs(appliance):
        wait_until(lambda: highest("sessions") >= 1, 60, "the open connections")
        wait_until(lambda: highest("bytes_in") > 0, 60, "the bytes")
        ids = [each["id"] for each in api("GET", "/graphs")["graphs"] if each["graphed"]]
    assert ids[-3:] == ["service~OCS", "server~OCS~FE-1", "server~OCS~FE-2"]
