"""Who is master: planned take-overs, lost links, frozen and killed nodes, on two native appliances."""

import socket
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from lbadmin.pair.farewell import SETTLED_S, SPREAD_S
from tests.image.nodes import Node, cut, join
from tests.image.pairs import (
    VIP,
    Nodes,
    master_and_slave,
    paired_nodes,
    view,
    wait_until_settled,
)
from tests.image.servers import FrontEnd, connect, wait_until

PORTS = (5060, 5061)


@pytest.fixture(scope="module")
def paired(tmp_path_factory: pytest.TempPathFactory, software: Path) -> Iterator[Nodes]:
    """A pair with the guide's service, before two front ends."""
    with paired_nodes(tmp_path_factory.mktemp("nodes"), software) as nodes:
        front_ends = [FrontEnd("FE-1", "192.168.10.31", PORTS), FrontEnd("FE-2", "192.168.10.32", PORTS)]
        for front_end in front_ends:
            front_end.start()
        yield nodes
        for front_end in front_ends:
            front_end.stop()


@pytest.fixture
def pair(paired: Nodes) -> Nodes:
    """The master, which has the address, and the slave."""
    for node in paired:
        node.mend()
    wait_until_settled(*paired)
    master, slave = master_and_slave(paired)
    wait_until(lambda: master.has_address(VIP) and not slave.has_address(VIP), what="the master has it")
    return master, slave


def answers(source: str) -> str:
    """Return the name of the front end that a client gets."""
    connection, name = connect(VIP, 5060, source)
    connection.close()
    return name


def wait_until_master(node: Node, timeout_s: float = 10.0) -> None:
    wait_until(
        lambda: view(node).get("role") == "master" and node.has_address(VIP),
        timeout_s,
        f"{node.name} is master",
    )


def has_told(node: Node, master: str) -> bool:
    """Tell whether the node knows of the failover to that master, and that a person asked for it."""
    last = view(node)["last_failover"]
    return last is not None and last["to"] == master and "by root" in last["cause"]


@pytest.mark.parametrize(("asked", "path"), [(1, "/pair/take-over"), (0, "/pair/hand-over")])
def test_a_planned_take_over_is_asked_of_either_node(pair: Nodes, asked: int, path: str) -> None:
    master, slave = pair
    answer = pair[asked].rest("POST", path)
    assert answer.status == 200, answer.body
    wait_until_master(slave)
    wait_until_settled(*pair)
    assert not master.has_address(VIP)
    assert answers("192.168.10.100") in {"FE-1", "FE-2"}
    for node in pair:
        wait_until(
            partial(has_told, node, slave.name),
            what=f"{node.name} tells who took over and why",
        )


def test_a_take_over_by_the_master_is_refused(pair: Nodes) -> None:
    answer = pair[0].rest("POST", "/pair/take-over")
    assert answer.status == 409, answer.body
    assert "master" in answer.body["detail"]


def test_a_client_returns_to_its_front_end_after_a_take_over(pair: Nodes) -> None:
    slave = pair[1]
    sources = [f"192.168.10.{host}" for host in (100, 101, 102, 103, 104)]
    before = {source: answers(source) for source in sources}
    assert set(before.values()) == {"FE-1", "FE-2"}
    wait_until(lambda: entries(slave) >= set(sources), what="the slave has the clients in its table")
    # A round robin that begins anew would give each the other one, were it not for the table.
    assert slave.rest("POST", "/pair/take-over").status == 200
    wait_until_master(slave)
    assert {source: answers(source) for source in reversed(sources)} == before


def test_clients_of_the_former_master_are_told_to_come_back(pair: Nodes) -> None:
    master, slave = pair
    before = connect(VIP, 5060, "192.168.10.100")[0]
    # The connection of before belongs to an old worker of HAProxy from now on.
    timeout = {"client_timeout_ms": "29m"}
    assert master.rest("PATCH", "/layer7/settings", timeout).status == 200
    clients = [before, *(connect(VIP, 5060, f"192.168.10.{host}")[0] for host in range(101, 105))]
    assert slave.rest("POST", "/pair/take-over").status == 200
    wait_until_master(slave)
    stays = connect(VIP, 5060, "192.168.10.100")[0]
    for client in clients:
        client.settimeout(SETTLED_S + 2 * SPREAD_S)
        assert client.recv(100) == b""
        client.close()
    stays.sendall(b"still here")
    assert stays.recv(100) == b"still here"
    stays.close()


def entries(node: Node) -> set[str]:
    """Return the clients in the stick table of the service."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(5)
        connection.connect(str(node.path("/run/haproxy/admin.sock")))
        connection.sendall(b"show table OCS-Front-End\n")
        said = b"".join(iter(lambda: connection.recv(65536), b"")).decode()
    return {word.removeprefix("key=") for word in said.split() if word.startswith("key=")}


def test_a_dead_master_is_replaced_and_does_not_take_the_role_back(pair: Nodes) -> None:
    master, slave = pair
    master.kill()
    wait_until_master(slave, 5)
    assert answers("192.168.10.100") in {"FE-1", "FE-2"}
    master.start()
    master.wait_until_up()
    wait_until_settled(*pair)
    assert view(slave)["role"] == "master"
    assert not master.has_address(VIP)


def test_a_frozen_master_steps_back_when_it_thaws(pair: Nodes) -> None:
    master, slave = pair
    master.freeze(on=True)
    try:
        wait_until_master(slave, 5)
        assert answers("192.168.10.101") in {"FE-1", "FE-2"}
    finally:
        master.freeze(on=False)
    wait_until(lambda: not master.has_address(VIP), 5, "the thawed one has given the address away")
    wait_until_settled(*pair)
    assert view(slave)["role"] == "master"


def test_a_lost_service_link_gives_the_role_away(pair: Nodes) -> None:
    master, slave = pair
    master.link(1, "down")
    try:
        wait_until_master(slave, 5)
        wait_until(lambda: view(master)["role"] == "fault", what="the other is in fault")
        assert view(master)["ready"] is False
        assert any("eth1" in sentence for sentence in view(master)["not_ready"])
        wait_until(lambda: view(slave)["peer"]["role"] == "fault", what="the master knows of the fault")
        refused = master.rest("POST", "/pair/take-over")
        assert refused.status == 409, refused.body
    finally:
        master.link(1, "up")
    wait_until_settled(*pair)
    assert view(slave)["role"] == "master"


def test_a_slave_without_link_does_not_take_over(pair: Nodes) -> None:
    master, slave = pair
    slave.link(1, "down")
    try:
        wait_until(lambda: view(slave)["ready"] is False, what="the slave says that it is not ready")
        wait_until(
            lambda: view(master)["peer"] is not None and view(master)["peer"]["ready"] is False,
            what="the master knows",
        )
        answer = master.rest("POST", "/pair/hand-over")
        assert answer.status == 409, answer.body
        assert view(master)["role"] == "master"
        assert master.has_address(VIP)
    finally:
        slave.link(1, "up")
    wait_until(lambda: view(slave)["ready"] is True, what="the slave is ready again")


@pytest.mark.parametrize("program", ["keepalived", "haproxy"])
def test_a_daemon_that_is_dead_for_good_gives_the_role_away(pair: Nodes, program: str) -> None:
    master, slave = pair
    master.run("systemctl", "mask", "--runtime", f"{program}.service")
    master.run("systemctl", "kill", "--signal=KILL", f"{program}.service")
    try:
        wait_until_master(slave, 10)
        wait_until(lambda: not master.has_address(VIP), what="one alone has the address")
        assert answers("192.168.10.102") in {"FE-1", "FE-2"}
    finally:
        master.run("systemctl", "unmask", "--runtime", f"{program}.service")
        master.run("systemctl", "start", f"{program}.service")
    wait_until_settled(*pair)


def test_lbadmind_alone_may_die(pair: Nodes) -> None:
    master, slave = pair
    for node in pair:
        node.run("systemctl", "kill", "--signal=KILL", "lbadmind.service")
    for node in pair:
        node.wait_until_up()
    wait_until_settled(*pair)
    assert master_and_slave(pair) == (master, slave)


def test_two_masters_of_a_partition_are_one_again_after_it(pair: Nodes) -> None:
    cut(*pair)
    try:
        for node in pair:
            wait_until_master(node)
    finally:
        join(*pair)
    wait_until(lambda: [node.has_address(VIP) for node in pair].count(True) == 1, 3, "one has the address")
    wait_until_settled(*pair)


def test_fail_back_brings_the_role_home_only_when_ticked(pair: Nodes, paired: Nodes) -> None:
    primary, secondary = paired
    answer = pair[0].rest("PATCH", "/ha", {"fail_back": True})
    assert answer.status == 200, answer.body
    try:
        wait_until_master(primary)
        primary.kill()
        wait_until_master(secondary, 5)
        primary.start()
        primary.wait_until_up()
        wait_until_master(primary, 30)
        wait_until_settled(*paired)
        assert primary.rest("POST", "/pair/hand-over").status == 200
        wait_until_master(secondary)
        wait_until_settled(*paired)
        assert secondary.rest("POST", "/pair/hand-over").status == 200
        wait_until_master(primary)
    finally:
        wait_until_settled(*paired)
        master_and_slave(paired)[0].rest("PATCH", "/ha", {"fail_back": False})
    wait_until_settled(*paired)


@pytest.mark.parametrize("sensitivity", ["fast", "tolerant", "normal"])
def test_each_sensitivity_takes_effect_on_both(pair: Nodes, sensitivity: str) -> None:
    master, slave = pair
    answer = master.rest("PATCH", "/ha", {"sensitivity": sensitivity})
    assert answer.status == 200, answer.body
    wait_until_settled(*pair)
    interval = {"fast": "0.05", "normal": "0.08", "tolerant": "1"}[sensitivity]
    for node in pair:
        assert f"advert_int {interval}\n" in node.path("/etc/keepalived/keepalived.conf").read_text()
    assert slave.rest("POST", "/pair/take-over").status == 200
    wait_until_master(slave)


def test_a_floating_address_goes_with_the_role(pair: Nodes) -> None:
    master, slave = pair
    answer = master.rest("PATCH", "/ha", {"floating_addresses": ["192.168.2.30"]})
    assert answer.status == 200, answer.body
    wait_until(lambda: master.has_address("192.168.2.30"), what="the master has it")
    wait_until_settled(*pair)
    assert slave.rest("POST", "/pair/take-over").status == 200
    wait_until(lambda: slave.has_address("192.168.2.30"), what="the new master has it")
    wait_until(lambda: not master.has_address("192.168.2.30"), what="the other has not")
    wait_until_settled(*pair)
    slave.rest("PATCH", "/ha", {"floating_addresses": []})
    wait_until(lambda: not slave.has_address("192.168.2.30"), what="nobody has it any more")
