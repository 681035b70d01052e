"""What makes a node give the role away or keep it, what is told of it, and hooks, on two native nodes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.image.nodes import Node, appliances
from tests.image.pairs import (
    SERVICE,
    VIP,
    Nodes,
    master_and_slave,
    paired_nodes,
    view,
    wait_until_settled,
    wish,
)
from tests.image.servers import wait_until


@pytest.fixture(scope="module")
def paired(tmp_path_factory: pytest.TempPathFactory, software: Path) -> Iterator[Nodes]:
    with paired_nodes(tmp_path_factory.mktemp("nodes"), software) as (one, other):
        listens = "Delayed start completed"
        wait_until(lambda: listens in other.journal("keepalived.service"), what="the slave listens")
        yield one, other


@pytest.fixture
def pair(paired: Nodes) -> Nodes:
    """The master, which has the address, and the slave; both can serve."""
    wait_until_settled(*paired)
    wait_until(lambda: all(view(node)["ready"] for node in paired), what="both can serve")
    return master_and_slave(paired)


def wait_until_moved(old: Node, new: Node, cause: str) -> dict[str, Any]:
    """Wait until the address is the new master's alone and both tell this cause of it; return that."""
    wait_until(lambda: new.has_address(VIP) and not old.has_address(VIP), what=f"{new.name} has the address")

    def told() -> list[dict[str, Any]]:
        return [view(node).get("last_failover") or {} for node in (old, new)]

    def is_told() -> bool:
        known = [(each.get("from"), each.get("to"), each.get("cause")) for each in told()]
        return known == [(old.name, new.name, cause)] * 2

    try:
        wait_until(is_told, 30)
    except AssertionError:
        raise AssertionError(f"{cause!r} was not told by both: {told()}") from None
    return told()[0]


def test_haproxy_that_dies_hands_the_role_over(pair: Nodes) -> None:
    master, slave = pair
    master.run("systemctl", "kill", "--kill-whom=main", "--signal=KILL", "haproxy.service")
    told = wait_until_moved(master, slave, f"on {master.name} HAProxy is not running")
    assert told["measured"]
    assert told["duration_ms"] < 1000


def test_haproxy_that_is_restarted_on_purpose_keeps_the_role(pair: Nodes) -> None:
    master, _ = pair
    before = view(master)
    assert master.rest("POST", "/services/haproxy/restart").status == 204
    wait_until(lambda: view(master)["ready"], what="HAProxy is back")
    after = view(master)
    assert (after["role"], after["role_since"]) == ("master", before["role_since"])


@pytest.mark.parametrize("whom", ["main", "all"])
def test_a_killed_keepalived_leaves_no_address_behind(pair: Nodes, whom: str) -> None:
    master, slave = pair
    master.run("systemctl", "kill", f"--kill-whom={whom}", "--signal=KILL", "keepalived.service")
    wait_until_moved(master, slave, f"on {master.name} keepalived had ended")


def test_a_changed_configuration_moves_no_role(pair: Nodes) -> None:
    master, slave = pair
    before = [view(node)["role_since"] for node in pair]
    for change in (
        {"floating_addresses": ["192.168.2.30"]},
        {"sensitivity": "fast"},
        {"sensitivity": "normal"},
    ):
        assert master.rest("PATCH", "/ha", change).status == 200
        wait_until_settled(*pair)
    wait_until(lambda: master.has_address("192.168.2.30"), what="the master has the floating address")
    assert not slave.has_address("192.168.2.30")
    assert [view(node)["role_since"] for node in pair] == before


def test_the_heartbeat_of_both_is_restarted_and_the_master_stays(pair: Nodes) -> None:
    master, slave = pair
    for asked in (slave, master):
        answer = asked.rest("POST", "/services/heartbeat/restart")
        assert (answer.status, answer.body) == (200, {"peer": None})
        wait_until_settled(*pair)
        assert view(master)["role"] == "master"


def test_a_slave_that_can_not_serve_does_not_take_over(pair: Nodes) -> None:
    master, slave = pair
    slave.run("systemctl", "stop", "haproxy.service")
    try:
        wait_until(lambda: view(slave)["not_ready"] == ["HAProxy is not running"], what="the slave says so")
        refused = slave.rest("POST", "/pair/take-over")
        assert refused.status == 409
        assert refused.body["detail"] == "this node can't take over: HAProxy is not running"
        refused = master.rest("POST", "/pair/hand-over")
        assert refused.status == 409
        assert refused.body["detail"] == f"{slave.name} can't take over: HAProxy is not running"
        assert master.has_address(VIP)
    finally:
        slave.run("systemctl", "start", "haproxy.service")


def test_hooks_are_told_what_happened_and_run_only_when_root_alone_can_write_them(pair: Nodes) -> None:
    master, slave = pair
    for node in pair:
        for name, mode, text in (
            ("10-fails", 0o755, "exit 3"),
            ("20-says", 0o755, "env >>/run/hook.log"),
            ("30-anybodys", 0o777, "touch /run/wrong"),
        ):
            hook = node.path(f"/var/lib/lbadmin/hooks.d/{name}")
            hook.write_text(f"#!/bin/sh\n{text}\n")
            hook.chmod(mode)
    assert slave.rest("POST", "/pair/take-over").status == 200

    def said(node: Node) -> list[str]:
        log = node.path("/run/hook.log")
        return log.read_text().splitlines() if log.exists() else []

    cause = "LBVA_CAUSE=take-over by root"
    told = {"LBVA_OLD_ROLE=slave", "LBVA_NEW_ROLE=master", cause, f"LBVA_PEER={master.name}"}
    wait_until(lambda: told <= set(said(slave)), what="the new master's hook has run")
    told = {"LBVA_NEW_ROLE=slave", cause, f"LBVA_HOSTNAME={master.name}"}
    wait_until(lambda: told <= set(said(master)), what="the old master's hook has run")
    assert not slave.path("/run/wrong").exists()
    wait_until(
        lambda: "hook 10-fails failed with status 3" in slave.run("journalctl", "--identifier=lbva-hooks"),
        what="the failed hook is in the journal",
    )


def test_without_lbadmind_the_role_still_moves(pair: Nodes) -> None:
    master, slave = pair
    for node in pair:
        node.run("systemctl", "stop", "lbadmind.socket", "lbadmind.service")
    try:
        master.run("systemctl", "stop", "keepalived.service")
        wait_until(lambda: slave.has_address(VIP) and not master.has_address(VIP), what="the other has it")
    finally:
        master.run("systemctl", "start", "keepalived.service")
        for node in pair:
            node.run("systemctl", "start", "lbadmind.socket", "lbadmind.service")
    wait_until_moved(master, slave, f"on {master.name} keepalived had ended")


def test_a_peer_that_reboots_before_the_first_restart_of_heartbeat_takes_no_address_alone(
    tmp_path: Path, software: Path
) -> None:
    with appliances(tmp_path, software, 21, 22) as (one, other):
        assert one.rest("POST", "/layer7/virtual-services", SERVICE).status == 201
        assert one.rest("POST", "/pair", wish(one, other)).status == 201
        assert view(one)["restart_heartbeat"]
        other.kill()
        other.start()
        other.wait_until_up()
        wait_until_settled(one, other)
        wait_until(lambda: [one.has_address(VIP), other.has_address(VIP)].count(True) == 1, what="one has it")
