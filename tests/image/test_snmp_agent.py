"""The shipped snmpd on a whole native appliance, started by its own unit, asked over the network."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from lbadmin.snmp.tree import OBJECTS
from tests.image.nodes import Node, appliances
from tests.image.servers import FrontEnd, connect, wait_until
from tests.image.snmp_asking import SERVERS, SERVICES, SYSTEM, Manager, by_community, by_user, column

AUTH, PRIVACY, COMMUNITY = "an auth #passphrase", "a 'privacy' passphrase", "read $only# word"
BOTH = {
    "enabled": True,
    "versions": "both",
    "networks": ["192.168.2.0/24", "fd00:2::/64"],
    "community": COMMUNITY,
    "user": "monitoring",
    "auth_password": AUTH,
    "privacy_password": PRIVACY,
    "contact": "net#work @ example",
    "location": "Rack 7",
}
UNENCRYPTED = ("-v3", "-l", "authNoPriv", "-u", "monitoring", "-a", "SHA-512", "-A")
OUTSIDE = "192.168.10.100"
"""A host of the service network, which is not among those that may ask."""
SERVICE = {
    "label": "web",
    "ip": "192.168.10.30",
    "ports": [5060],
    "health_check": {"interval_ms": 100, "rise": 1, "fall": 1},
    "real_servers": [
        {"label": "FE-1", "ip": "192.168.10.31", "port": 5060},
        {"label": "FE-2", "ip": "192.168.10.32", "port": 5060, "state": "halt"},
    ],
}


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory, software: Path) -> Iterator[Node]:
    with appliances(tmp_path_factory.mktemp("snmp"), software, 21) as (lb1,):
        yield lb1


@pytest.fixture
def agent(node: Node) -> str:
    """The address of an agent that both versions may ask."""
    configure(node, BOTH)
    return node.address


def configure(node: Node, snmp: object) -> None:
    answer = node.rest("PUT", "/node", {**fresh(node), "snmp": snmp})
    assert answer.status == 200, f"{answer.body} {node.journal('snmpd')}"


def fresh(node: Node) -> dict[str, object]:
    document = node.get("/node")
    return {name: document[name] for name in ("hostname", "interfaces")}


def user(**options: str) -> Manager:
    return by_user("monitoring", AUTH, PRIVACY, **options)  # type: ignore[arg-type] # its source alone


def test_a_factory_fresh_appliance_does_not_listen(node: Node) -> None:
    configure(node, {})
    assert ":161 " not in node.run("ss", "-Hlun")
    assert by_community("public").walk(node.address, SYSTEM) == {}
    assert node.run("systemctl", "is-active", "snmpd", check=False) == "inactive\n"


def test_both_versions_read_the_standard_counters_and_nothing_secret(node: Node, agent: str) -> None:
    for manager in (by_community(COMMUNITY), user()):
        system = manager.walk(agent, SYSTEM)
        assert (system["4.0"], system["5.0"], system["6.0"]) == ("net#work @ example", "lb1", "Rack 7")
        assert "eth0" in column(manager.walk(agent, "1.3.6.1.2.1.31.1.1"), 1).values()
        for counters in ("2.2", "4", "6", "7", "25.1", "25.2"):
            assert manager.walk(agent, f"1.3.6.1.2.1.{counters}"), counters
        for counters in ("4", "10", "11"):
            assert manager.walk(agent, f"1.3.6.1.4.1.2021.{counters}"), counters
        # Processes with their command lines, connections, users, views, what net-snmp can run.
        for hidden in ("2.1.25.4", "2.1.6.13", "2.1.6.19", "6.3.15", "6.3.16", "4.1.8072.1"):
            assert manager.walk(agent, f"1.3.6.1.{hidden}") == {}, hidden
    assert int(node.run("systemctl", "show", "--property=MainPID", "--value", "snmpd")) > 1
    assert node.run("stat", "--format=%a %U", "/etc/snmp/snmpd.conf") == "600 root\n"
    pid = node.run("systemctl", "show", "--property=MainPID", "--value", "snmpd").strip()
    status = node.run("cat", f"/proc/{pid}/status")
    assert "\nUid:\t0\t" not in status
    assert "\nNoNewPrivs:\t1\n" in status


def test_the_counters_of_haproxy_grow_with_its_traffic(node: Node, agent: str) -> None:
    front_end = FrontEnd("FE-1", "192.168.10.31", (5060,))
    front_end.start()
    assert node.rest("POST", "/layer7/virtual-services", SERVICE).status == 201
    try:
        manager = user()

        def servers(number: int) -> dict[str, str]:
            walked = manager.walk(agent, SERVERS)
            return dict(zip(column(walked, 2).values(), column(walked, number).values(), strict=True))

        wait_until(lambda: servers(4) == {"FE-1": "1", "FE-2": "4"}, 30, "FE-1 up and FE-2 halted")
        connection, _ = connect("192.168.10.30", 5060, "192.168.10.101")
        connection.sendall(b"x" * 1000)

        def service(number: int) -> str:
            walked = manager.walk(agent, SERVICES)
            assert set(column(walked, 2).values()) <= {"web"}
            return column(walked, number).get(next(iter(column(walked, 2)), ""), "")

        wait_until(lambda: service(4) == "1", 30, "a session that is open")
        assert (service(3), service(6)) == ("1", "1")
        connection.close()
        # HAProxy counts bytes when a session has ended.
        wait_until(lambda: service(4) == "0", 30, "the session's end")
        assert int(service(7)) == 1000
        assert int(service(8)) >= len("FE-1\n")
        assert servers(7) == {"FE-1": "1", "FE-2": "0"}
        failures = int(servers(14)["FE-1"])
        front_end.stop()
        wait_until(lambda: servers(4)["FE-1"] == "2", 30, "FE-1 down")
        assert int(servers(14)["FE-1"]) > failures
    finally:
        front_end.stop()
        node.rest("DELETE", "/layer7/virtual-services/web")


def test_nobody_else_gets_an_answer(agent: str) -> None:
    strangers = {
        "another community": by_community("public"),
        "version 1": by_community(COMMUNITY, version="1"),
        "another user": by_user("operator", AUTH, PRIVACY),
        "another passphrase": by_user("monitoring", f"{AUTH}!", PRIVACY),
        "another key": by_user("monitoring", AUTH, f"{PRIVACY}!"),
        "without encryption": Manager((*UNENCRYPTED, AUTH)),
        "a community from outside": by_community(COMMUNITY, source=OUTSIDE),
        "the user from outside": user(source=OUTSIDE),
    }  # fmt: skip
    answered = [name for name, each in strangers.items() if each.walk(agent, SYSTEM)]
    assert answered == []


def test_nothing_can_be_written(agent: str) -> None:
    for oid in (f"{SYSTEM}.6.0", f"{'.'.join(map(str, OBJECTS))}.1.1.0"):
        assert user().ask("snmpset", agent, oid, "s", "changed") == []
    assert user().walk(agent, SYSTEM)["6.0"] == "Rack 7"


def test_it_answers_from_the_address_that_was_asked(node: Node, agent: str) -> None:
    node.run("ip", "address", "add", "192.168.2.200/24", "dev", "eth0")
    for address in ("fd00:2::21/64", "fd00:2::200/64"):
        node.run("ip", "-6", "address", "add", address, "dev", "eth0", "nodad")
    subprocess.run(["ip", "address", "add", "fd00:2::1/64", "dev", "management", "nodad"], check=True)
    for asked in ("192.168.2.200", "udp6:[fd00:2::21]", "udp6:[fd00:2::200]"):
        # net-snmp's tools take an answer from nobody but whom they have asked.
        assert user().walk(asked, SYSTEM)["5.0"] == "lb1", asked


def test_a_reboot_keeps_the_engine_and_counts_its_start(node: Node, agent: str) -> None:
    engine, boots = user().engine_id(agent), user().boots(agent)
    node.restart()
    wait_until(lambda: user().walk(agent, SYSTEM), 30, "an answer after the reboot")
    assert user().engine_id(agent) == engine
    assert user().boots(agent) == boots + 1


def test_new_passphrases_and_another_version_replace_the_old_ones_at_once(node: Node, agent: str) -> None:
    changed = {
        "snmp": {"auth_password": "the next one", "auth_algorithm": "SHA-256", "privacy_algorithm": "AES-256"}
    }
    assert node.rest("PATCH", "/node", changed).status == 200
    next_one = by_user("monitoring", "the next one", PRIVACY, algorithms=("SHA-256", "AES-256"))
    assert next_one.walk(agent, SYSTEM)["5.0"] == "lb1"
    assert user().walk(agent, SYSTEM) == {}
    assert by_user("monitoring", "the next one", PRIVACY).walk(agent, SYSTEM) == {}
    assert node.rest("PATCH", "/node", {"snmp": {"user": "other", "versions": "v3"}}).status == 200
    assert next_one.walk(agent, SYSTEM) == {}
    assert by_community(COMMUNITY).walk(agent, SYSTEM) == {}
    assert node.rest("PATCH", "/node", {"snmp": {"versions": "v2c"}}).status == 200
    assert by_community(COMMUNITY).walk(agent, SYSTEM)["5.0"] == "lb1"
    assert node.rest("PATCH", "/node", {"snmp": {"networks": ["192.168.2.99"]}}).status == 200
    assert by_community(COMMUNITY).walk(agent, SYSTEM) == {}


def test_no_secret_is_told_anywhere(node: Node, agent: str) -> None:
    answers = json.dumps(
        [node.get(path) for path in ("/node", "/history/node", "/files", "/support")], default=str
    )
    journal = node.run("journalctl", "--boot", "--no-pager")
    for secret in (AUTH, PRIVACY, COMMUNITY):
        assert secret not in answers
        assert secret not in journal
        assert secret not in (node.state / "rendered.json").read_text()


def test_an_agent_that_is_switched_off_is_gone(node: Node, agent: str) -> None:
    assert user().walk(agent, SYSTEM)
    assert node.rest("PATCH", "/node", {"snmp": {"enabled": False}}).status == 200
    assert ":161 " not in node.run("ss", "-Hlun")
    assert user().walk(agent, SYSTEM) == {}
