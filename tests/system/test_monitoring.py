"""Graphs after traffic on the booted appliance, what measuring costs it, and the webhook of a failover."""

import csv
import io
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from harness.appliance import Appliance
from harness.clients import OcsClient
from harness.deadline import Deadline
from harness.lab import Lab
from harness.libvirt_machine import LibvirtMachine
from harness.pair import Pair
from harness.topology import LAB

PNG = b"\x89PNG\r\n\x1a\n"
MEASURED_S = 60


def fetch(appliance: Appliance, path: str) -> bytes:
    """Return a file of the REST API."""
    answer = appliance.http.get(f"/lbadmin/api/v1{path}")
    answer.raise_for_status()
    return answer.content


def column(appliance: Appliance, graph: str, name: str) -> list[float]:
    rows = csv.DictReader(io.StringIO(fetch(appliance, f"/graphs/{graph}.csv?period=hour").decode()))
    return [float(row[name]) for row in rows if row[name]]


def graphed(appliance: Appliance) -> list[str]:
    return [each["id"] for each in appliance.get("/graphs")["graphs"] if each["graphed"]]


def test_traffic_is_seen_in_the_graphs_and_measuring_costs_little(
    lab: Lab, balancing: Appliance, guided: LibvirtMachine
) -> None:
    Deadline(90).wait_until(lambda: "cpu" in graphed(balancing), "the graphs")
    (service,) = [each["label"] for each in balancing.get("/status")["virtual_services"]]
    assert f"service~{service}" in graphed(balancing)
    quiet = fetch(balancing, f"/graphs/service~{service}.png")
    assert quiet.startswith(PNG)

    def seen() -> bool:
        assert OcsClient(lab, "192.168.10.198").register() in {"FE-1", "FE-2"}
        return max(column(balancing, f"service~{service}", "new_sessions"), default=0) > 0

    Deadline(90).wait_until(seen, "the traffic", interval_s=2)
    assert fetch(balancing, f"/graphs/service~{service}.png") != quiet
    assert max(column(balancing, "memory", "used")) > 100e6

    unit = "lbva-graphs.service"
    owner = "stat --format '%U %a' /var/lib/lbadmin/graphs /run/lbva-graphs"
    assert guided.run(owner).stdout == "lbva-graphs 700\nlbva-graphs 700\n"
    script = (
        f"systemctl show --value -p CPUUsageNSec {unit}; sleep {MEASURED_S}; "
        f"systemctl show --value -p CPUUsageNSec {unit}; systemctl show --value -p MemoryCurrent {unit}; "
        f"grep VmRSS /proc/$(systemctl show --value -p MainPID {unit})/status"
    )
    before, after, memory, resident = guided.run(script, timeout_s=MEASURED_S + 60).stdout.splitlines()
    share = (int(after) - int(before)) / 1e9 / MEASURED_S
    print(f"lbva-graphs: {share:.2%} of the CPU, cgroup {int(memory) / 1e6:.0f} MB, {resident}")
    assert share < 0.1
    assert int(resident.split()[1]) < 60_000


class Hook:
    """A webhook on the lab's own host."""

    def __init__(self, lab: Lab) -> None:
        self.events: list[dict[str, str]] = []
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                hook.events += body["events"]
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: Any) -> None:  # noqa: ANN401 - http.server's own
                pass

        self.server = lab.on(LAB, lambda: ThreadingHTTPServer(("192.168.2.1", 0), Handler))
        self.url = f"http://192.168.2.1:{self.server.server_address[1]}/"
        threading.Thread(target=self.server.serve_forever, args=(0.1,), daemon=True).start()


@pytest.fixture
def hook(pair: Pair) -> Iterator[Hook]:
    made = Hook(pair.lab)
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.mark.nightly
def test_a_failover_is_told_once_by_the_node_that_took_over(pair: Pair, hook: Hook) -> None:
    for node in pair.appliances:
        node.call("PATCH", "/node", {"alerts": {"webhook": hook.url}})
    pair.wait_until_settled(Deadline(60))
    master, slave = pair.master(), pair.slave()
    name = slave.get("/status")["node"]["hostname"]
    master.machine.freeze()

    def told() -> list[dict[str, str]]:
        return [each for each in hook.events if each["event"] == "master"]

    Deadline(90).wait_until(told, "the webhook")
    assert [each["object"] for each in told()] == [name]
    assert told()[0]["text"] == f"{name} is the master now; it was the slave before."
    assert slave.get("/alerts")["alerts"][0]["object"]
