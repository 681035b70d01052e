"""Section 8 of the deployment guide through the REST API of root's console, on the shipped HAProxy."""

from typing import Any

import pytest

from lbadmin.client import Client, RequestError
from tests.image.conftest import Appliance
from tests.image.servers import FrontEnd, connect, wait_until

SERVICE = "/layer7/virtual-services/OCS-Front-End"
VIP = "192.168.10.30"


@pytest.fixture
def guide(appliance: Appliance, daemon: str, front_ends: dict[str, FrontEnd]) -> Client:
    client = Client(daemon)
    client.call("PATCH", "/layer7/settings", {"client_timeout_ms": "30m", "real_server_timeout_ms": 1800000})
    client.call(
        "POST",
        "/layer7/virtual-services",
        {
            "label": "OCS-Front-End",
            "ip": VIP,
            "ports": "5060,5061,135,443,444,5065,5069,5071,5072,5073,5074,8404",
            "health_check": {"check_ports": 5061, "interval_ms": 200},
        },
    )
    for name, address in (("FE-1", "192.168.10.31"), ("FE-2", "192.168.10.32")):
        client.call("POST", f"{SERVICE}/real-servers", {"label": name, "ip": address})
    wait_until(lambda: appliance.has_address(VIP), what="the virtual address is there")
    return client


def health(client: Client) -> dict[str, str]:
    service = client.call("GET", "/status")["virtual_services"][0]
    return {server["label"]: server["health"] for server in service["real_servers"]}


def test_a_client_keeps_its_front_end_across_ports_and_connections(guide: Client) -> None:
    first: dict[str, str] = {}
    for host in (100, 101, 102, 103):
        source = f"192.168.10.{host}"
        for port in (5060, 5061, 443, 5060):
            connection, name = connect(VIP, port, source)
            connection.close()
            assert first.setdefault(source, name) == name
    assert set(first.values()) == {"FE-1", "FE-2"}


def test_a_dead_front_end_is_taken_out_and_back(guide: Client, front_ends: dict[str, FrontEnd]) -> None:
    connection, name = connect(VIP, 5061, "192.168.10.100")
    front_ends[name].stop()
    wait_until(lambda: health(guide)[name] == "down", what=f"{name} is down")
    assert connection.recv(10) == b"", "the connection through the dead front end is ended"
    other_connection, other = connect(VIP, 5061, "192.168.10.100")
    assert other != name
    other_connection.close()
    front_ends[name].start()
    wait_until(lambda: health(guide)[name] == "up", what=f"{name} is back")


def test_states_take_effect_without_a_reload(guide: Client, appliance: Appliance) -> None:
    connection, name = connect(VIP, 5060, "192.168.10.100")
    before = appliance.haproxy.worker("show info").split("Pid: ")[1].split()[0]

    guide.call("PUT", f"{SERVICE}/real-servers/{name}/state", {"state": "drain"})
    again, kept = connect(VIP, 5060, "192.168.10.100")
    assert kept == name, "a draining server keeps its clients"
    for host in (101, 102, 103):
        new, other = connect(VIP, 5060, f"192.168.10.{host}")
        new.close()
        assert other != name, "a draining server gets no new clients"
    assert health(guide)[name] == "drain"

    guide.call("PUT", f"{SERVICE}/real-servers/{name}/state", {"state": "halt"})
    assert connection.recv(10) == b"", "a halted server's connections end"
    assert again.recv(10) == b""
    assert health(guide)[name] == "halt"

    guide.call("PUT", f"{SERVICE}/real-servers/{name}/state", {"state": "online"})
    assert health(guide)[name] == "up"
    assert appliance.haproxy.worker("show info").split("Pid: ")[1].split()[0] == before


def test_a_whole_service_is_taken_out_and_back_at_once(guide: Client, appliance: Appliance) -> None:
    before = guide.call("GET", "/status")["node"]["cluster_revision"]
    guide.call("PUT", f"{SERVICE}/state", {"state": "halt"})
    assert health(guide) == {"FE-1": "halt", "FE-2": "halt"}
    assert guide.call("GET", "/status")["node"]["cluster_revision"] == before + 1
    guide.call("PUT", f"{SERVICE}/state", {"state": "online"})
    assert set(health(guide).values()) <= {"up", "down"}


def test_a_manual_configuration_begins_with_the_rendered_section(guide: Client) -> None:
    text = guide.call("GET", f"{SERVICE}/section")["text"]
    assert text in guide.call("GET", "/files")["files"]["/etc/haproxy/haproxy.cfg"]
    guide.call("PATCH", SERVICE, {"manual_configuration": text})
    assert guide.call("GET", f"{SERVICE}/section")["text"] == text
    guide.call("PATCH", SERVICE, {"manual_configuration": None})


def test_a_check_script_is_kept_while_it_is_used(guide: Client) -> None:
    scripts = "/layer7/check-scripts"
    script = {"label": "look", "text": "#!/bin/sh\nexit 0\n"}
    assert guide.call("POST", scripts, script) == script
    check = {"type": "external", "script": "look", "check_ports": []}
    guide.call("PATCH", SERVICE, {"health_check": check})
    with pytest.raises(RequestError, match="check script look is used by OCS-Front-End; choose another one"):
        guide.call("DELETE", f"{scripts}/look")
    guide.call("PUT", f"{scripts}/look", {**script, "text": "#!/bin/sh\nexit 1\n"})
    wait_until(lambda: set(health(guide).values()) == {"down"}, what="the new text decides")
    guide.call("PATCH", SERVICE, {"health_check": {"type": "none", "script": None}})
    guide.call("DELETE", f"{scripts}/look")
    assert guide.call("GET", scripts) == {"check_scripts": []}


def test_a_state_survives_a_reload(guide: Client) -> None:
    guide.call("PUT", f"{SERVICE}/real-servers/FE-1/state", {"state": "halt"})
    guide.call("PATCH", f"{SERVICE}/real-servers/FE-2", {"state": "drain", "weight": 7})
    guide.call("POST", "/services/haproxy/reload")
    assert health(guide) == {"FE-1": "halt", "FE-2": "drain"}
    guide.call("PATCH", f"{SERVICE}/real-servers/FE-2", {"state": "online"})
    (server,) = [
        s for s in guide.call("GET", f"{SERVICE}/real-servers")["real_servers"] if s["label"] == "FE-2"
    ]
    assert (server["state"], server["weight"]) == ("online", 7)


def test_a_reload_keeps_connections_and_persistence_and_is_told(guide: Client) -> None:
    held: dict[str, Any] = {}
    for host in (100, 101, 102):
        source = f"192.168.10.{host}"
        held[source] = connect(VIP, 5060, source)
    guide.call("PATCH", "/layer7/settings", {"client_timeout_ms": "31m"})
    for source, (connection, name) in held.items():
        connection.sendall(b"still here")
        assert connection.recv(100) == b"still here"
        new, same = connect(VIP, 5061, source)
        new.close()
        assert same == name, "the stick table went to the new worker"
    assert old_workers_message(guide) == [
        "3 connections still use the previous settings; Restart HAProxy to end what is left of them."
    ]
    for connection, _ in held.values():
        connection.close()
    wait_until(lambda: old_workers_message(guide) == [], what="the old worker is gone")


def old_workers_message(guide: Client) -> list[str]:
    messages = guide.call("GET", "/messages")["messages"]
    return [each["text"] for each in messages if each["action"] == "restart-haproxy"]


def test_the_virtual_address_comes_and_goes(guide: Client, appliance: Appliance) -> None:
    assert appliance.has_address(VIP)
    guide.call("DELETE", SERVICE)
    wait_until(lambda: not appliance.has_address(VIP), what="the virtual address is gone")
    assert guide.call("GET", "/status")["virtual_services"] == []
