"""SNMP and Prometheus on the booted appliance, asked from a lab host: sandboxes, kernel, a power cut."""

import contextlib
import json
import shlex

import httpx
from prometheus_client.parser import text_string_to_metric_families

from harness.appliance import API, Appliance
from harness.clients import OcsClient
from harness.deadline import Deadline
from harness.lab import Lab
from harness.libvirt_machine import LibvirtMachine
from lbadmin.snmp.tree import OBJECTS
from tests.image.snmp_asking import SERVERS, SERVICES, SYSTEM, by_user, column
from tests.system.conftest import BOOT_S

HOST, AGENT = "client", "192.168.2.21"
MANAGER = by_user("monitoring", "an auth passphrase", "a privacy passphrase")
SNMP = {
    "enabled": True,
    "networks": ["192.168.2.0/24"],
    "user": "monitoring",
    "auth_password": "an auth passphrase",
    "privacy_password": "a privacy passphrase",
}
TABLES = ".".join(map(str, OBJECTS))
LAYER4 = "192.168.10.77"

# linux/ip_vs.h: IP_VS_SO_SET_ADD, IP_VS_SO_SET_ADDDEST, struct ip_vs_service_user and ip_vs_dest_user.
ADD_LAYER4 = f"""
import socket, struct
address, port = socket.inet_aton("{LAYER4}"), struct.pack("!H", 80)
service = struct.pack("=H2x4s2s2xI16sII4s", 6, address, port, 0, b"rr", 0, 0, b"\\xff" * 4)
server = struct.pack("=4s2s2xIiII", socket.inet_aton("192.168.10.31"), port, 0, 7, 0, 0)
kernel = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
kernel.setsockopt(socket.IPPROTO_IP, 1154, service)
kernel.setsockopt(socket.IPPROTO_IP, 1159, service + server)
"""

# What lbadmind reads by netlink: a service and its real server.
LIVE = """
import json
from lbadmin.ipvs_netlink import read_live
print(json.dumps([service._replace(servers=[*service.servers]) for service in read_live()], default=str))
"""


def walk(lab: Lab, oid: str) -> dict[str, str]:
    return lab.on(HOST, lambda: MANAGER.walk(AGENT, oid))


def test_counters_are_read_by_snmp_and_prometheus_and_the_engine_outlives_a_power_cut(
    lab: Lab, balancing: Appliance, guided: LibvirtMachine
) -> None:
    assert ":161 " not in guided.run("ss -Hlun").stdout
    assert walk(lab, SYSTEM) == {}
    balancing.call("PATCH", "/node", {"snmp": SNMP})
    assert walk(lab, SYSTEM)["5.0"] == "lbva"

    before = walk(lab, SERVICES)
    assert list(column(before, 2).values()) == ["OCS-Front-End"]
    assert set(column(walk(lab, SERVERS), 2).values()) == {each.name for each in lab.front_ends}
    for number in range(3):
        OcsClient(lab, f"192.168.10.{200 + number}").register()
    total = int(*column(before, 6).values()) + 3
    grown = Deadline(60)
    grown.wait_until(lambda: int(*column(walk(lab, SERVICES), 6).values()) >= total, "three more sessions")

    layer4_is_counted(lab, guided)
    metrics_are_scraped(lab, balancing)

    engine, boots = lab.on(HOST, lambda: (MANAGER.engine_id(AGENT), MANAGER.boots(AGENT)))
    balancing.http.close()
    guided.power_off()
    guided.power_on()
    Appliance(lab, guided).wait_until_up(Deadline(BOOT_S))
    Deadline(60).wait_until(lambda: walk(lab, SYSTEM), "an answer after the boot")
    again = lab.on(HOST, lambda: (MANAGER.engine_id(AGENT), MANAGER.boots(AGENT)))
    assert again == (engine, boots + 1)
    assert "an auth passphrase" not in guided.run("journalctl --no-pager").stdout


def layer4_is_counted(lab: Lab, machine: LibvirtMachine) -> None:
    """The tables of IPVS have what the kernel has, by SNMP within snmpd's sandbox."""
    assert walk(lab, f"{TABLES}.4")["1.0"] == "0"
    machine.run(f"modprobe ip_vs_rr && ip address add {LAYER4}/32 dev eth1")
    machine.run(f"python3 -c {shlex.quote(ADD_LAYER4)}")
    with contextlib.suppress(OSError):
        # The front end answers past the appliance, so the connection is counted and never made.
        lab.connect(HOST, (LAYER4, 80), timeout_s=0.5)
    Deadline(30).wait_until(lambda: walk(lab, f"{TABLES}.4")["1.0"] == "1", "the connection is counted")
    assert list(column(walk(lab, f"{TABLES}.5.1"), 3).values()) == [f"{LAYER4}:80"]
    servers = walk(lab, f"{TABLES}.6.1")
    assert [*column(servers, 2).values(), *column(servers, 4).values()] == ["192.168.10.31:80", "7"]
    layer4_is_live(machine)


def layer4_is_live(machine: LibvirtMachine) -> None:
    """Netlink tells the same service and real server, with their own counters."""
    ((key, scheduler, connections, packets_in, packets_out, bytes_in, bytes_out, (server,)),) = json.loads(
        machine.run(f"python3 -c {shlex.quote(LIVE)}").stdout
    )
    assert (key, scheduler, connections) == ([None, "tcp", LAYER4, 80], "rr", 1)
    address, port, forwarding, weight, active, inactive, persistent, *counters = server
    assert (address, port, forwarding, weight, persistent) == ("192.168.10.31", 80, "masq", 7, 0)
    # Active from its SYN on, until IPVS gives up waiting for the next packet.
    assert active + inactive == 1
    # All has gone to the only server of the only service: a SYN has 40 bytes and its options.
    assert counters == [connections, packets_in, packets_out, bytes_in, bytes_out]
    assert 40 * packets_in < bytes_in <= 80 * packets_in


def metrics_are_scraped(lab: Lab, appliance: Appliance) -> None:
    """Prometheus reads them with a read-only API key, and nobody without one."""
    key = appliance.call("POST", "/api-keys", {"name": "prometheus", "role": "read-only"})["key"]
    with lab.http(f"https://{AGENT}:9443", host=HOST) as http:
        assert http.get(f"{API}/metrics").status_code == httpx.codes.UNAUTHORIZED
        answer = http.get(f"{API}/metrics", headers={"Authorization": f"Bearer {key}"})
    families = {each.name: each for each in text_string_to_metric_families(answer.text)}
    sessions = families["haproxy_frontend_sessions"].samples
    assert {each.labels["proxy"]: each.value > 0 for each in sessions}["OCS-Front-End"]
    assert [each.value for each in families["lbva_haproxy_up"].samples] == [1]
    assert [each.value for each in families["lbva_ipvs_connections"].samples] == [1]
