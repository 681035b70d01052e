"""What the nodes of a pair say of themselves and each other, and what each may do; on native appliances."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.image.nodes import Node
from tests.image.pairs import (
    Nodes,
    master_and_slave,
    paired_nodes,
    view,
    wait_until_settled,
)
from tests.image.servers import wait_until

SETTINGS = "/layer7/settings"


@pytest.fixture(scope="module")
def paired(tmp_path_factory: pytest.TempPathFactory, software: Path) -> Iterator[Nodes]:
    """A pair with a service, for all tests here: each leaves it in sync."""
    with paired_nodes(tmp_path_factory.mktemp("nodes"), software) as nodes:
        yield nodes


@pytest.fixture
def pair(paired: Nodes) -> Nodes:
    """The master and the slave, in sync."""
    wait_until_settled(*paired)
    return master_and_slave(paired)


def are_ready(node: Node) -> bool:
    seen = view(node)
    return bool(seen["ready"] and seen["peer"]["ready"])


def texts(node: Node) -> list[str]:
    return [each["text"] for each in node.get("/messages")["messages"]]


def leads_to(answer: Any, master: Node) -> bool:  # noqa: ANN401 - an Answer's body is any JSON
    return answer.status == 409 and f"https://{master.address}:9443/lbadmin/" in answer.body["detail"]


def test_each_node_knows_itself_and_the_other(pair: Nodes) -> None:
    master, slave = pair
    for node, other in ((master, slave), (slave, master)):
        seen, status = view(node), node.get("/status")["node"]
        assert (status["role"], status["sync"]) == (seen["role"], "in sync")
        assert (seen["local_ip"], seen["peer_ip"]) == (node.address, other.address)
        assert seen["fingerprint"] == view(other)["peer_fingerprint"]
        assert seen["peer"]["hostname"] == other.name
        assert seen["peer"]["cluster_revision"] == status["cluster_revision"]
        assert seen["peer"]["heard_s_ago"] <= 6
    wait_until(lambda: view(slave)["peer"]["role"] == "master", 2, "the slave knows the master's role")
    for node in pair:
        wait_until(partial(are_ready, node), what="both can serve, as each of them sees it")
    assert f"This is the slave; changes are made on the master, {master.name} ({master.address})." in texts(
        slave
    )
    assert not any("slave" in text for text in texts(master))


def test_a_restore_on_the_slave_takes_its_own_document_alone(pair: Nodes) -> None:
    master, slave = pair
    backup = slave.get("/backup")
    changed = master.rest("PATCH", SETTINGS, {"redispatch": False})
    assert changed.status == 200
    wait_until(lambda: not slave.get(SETTINGS)["redispatch"], what="the change is on the slave")
    oldest = slave.get("/history/cluster")["revisions"][-1]["revision"]
    assert leads_to(slave.rest("POST", f"/history/cluster/{oldest}/restore"), master)
    assert leads_to(slave.rest("POST", "/backup/restore", {"backup": backup, "node": True}), master)
    assert slave.rest("PATCH", "/node", {"dns": ["192.168.2.1"]}).status == 200
    restored = slave.rest("POST", "/backup/restore", {"backup": backup, "cluster": False, "node": True})
    assert restored.status == 200, restored.body
    assert slave.get("/node")["dns"] == []
    assert not slave.get(SETTINGS)["redispatch"]
    wait_until_settled(*pair)


def test_settings_of_high_availability_are_shared_and_have_a_revision(pair: Nodes) -> None:
    master, slave = pair
    found = master.rest("GET", "/ha")
    assert found.body["sensitivity"] == "normal"
    changed = master.rest(
        "PATCH", "/ha", {"floating_addresses": ["192.168.2.20"]}, revision=found.headers["etag"]
    )
    assert changed.status == 200, changed.body
    assert master.rest("PATCH", "/ha", {"fail_back": True}, revision=found.headers["etag"]).status == 412
    wait_until(
        lambda: slave.get("/ha")["floating_addresses"] == ["192.168.2.20"], what="the slave has it, too"
    )
    refused = master.rest("PATCH", "/ha", {"floating_addresses": [master.address]})
    assert (refused.status, refused.body["errors"][0]["field"]) == (422, "ha.floating_addresses.0")
    assert leads_to(slave.rest("PUT", "/ha", {}), master)
    assert master.rest("PUT", "/ha", {}).status == 200
    wait_until_settled(*pair)


def test_a_damaged_revision_is_given_anew(pair: Nodes) -> None:
    slave = pair[1]
    newest = max((slave.state / "cluster").glob("*.json"))
    slave.kill()
    newest.write_bytes(newest.read_bytes()[:-20])
    slave.start()
    slave.wait_until_up()
    wait_until_settled(*pair)
    assert slave.get("/status")["node"]["cluster_revision"] == int(newest.stem)
    assert slave.get("/history/cluster")["revisions"][0]["revision"] == int(newest.stem)


def test_a_peer_that_is_away_is_an_alarm_on_the_page_and_once_in_the_journal(pair: Nodes) -> None:
    master, slave = pair
    name = f"{slave.name} ({slave.address})"
    slave.kill()
    wait_until(lambda: view(master)["sync"] == "unreachable", what="the master misses the slave")
    assert any(text.startswith(f"{name} can't be reached") for text in texts(master))
    alarm = f"lbadmin.pair.alarms: {name} can't be reached"
    wait_until(lambda: alarm in master.journal("lbadmind"), what="the alarm is in the journal")
    slave.start()
    slave.wait_until_up()
    wait_until_settled(*pair)
    wait_until(lambda: f"over: {name} can't" in master.journal("lbadmind"), what="so is its end")
    assert master.journal("lbadmind").count(f"WARNING {alarm}") == 1


def test_a_large_configuration_travels_whole(pair: Nodes) -> None:
    """Many requests may put together more than any one of them may hold."""
    master, slave = pair
    for number in range(40):
        script = {"label": f"look-{number}", "text": "#!/bin/sh\n" + "# nothing\n" * 6_000}
        assert master.rest("POST", "/layer7/check-scripts", script).status == 201
    assert sum(len(each["text"]) for each in master.get("/config")["check_scripts"]) > 2 * 1024 * 1024
    wait_until_settled(*pair)
    assert slave.get("/config") == master.get("/config")
