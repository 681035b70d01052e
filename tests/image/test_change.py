"""The one path of a change, on the shipped HAProxy: what is refused, what fails, what a boot finds."""

import re
import socket
from collections.abc import Sequence
from typing import Any

import pytest

from lbadmin import edits
from lbadmin.boot import files_for
from lbadmin.change import Changes
from lbadmin.errors import ActivationError, CheckError, StorageError
from lbadmin.files import install
from lbadmin.model import ClusterConfig, NodeConfig
from lbadmin.rules import parse_cluster
from lbadmin.system import Result
from tests.image.conftest import Appliance
from tests.image.servers import FrontEnd, connect, wait_until

TAKEN = 5099


def cluster(ports: Sequence[int] = (5060,), **layer7: Any) -> ClusterConfig:  # noqa: ANN401 - fields of a document
    server = {"label": "FE-1", "ip": "192.168.10.31"}
    service = {"label": "web", "ip": "192.168.10.30", "ports": list(ports), "real_servers": [server]}
    settings: dict[str, object] = {"maxconn": 1000, **layer7}
    return parse_cluster({"layer7": settings, "virtual_services": [service]})


@pytest.fixture
def changes(appliance: Appliance, front_ends: dict[str, FrontEnd]) -> Changes:
    made = appliance.changes()
    made.change_cluster(lambda _: cluster(), "root", "a service")
    wait_until(lambda: appliance.has_address("192.168.10.30"), what="the virtual address is there")
    return made


def serves() -> bool:
    connection, name = connect("192.168.10.30", 5060, "192.168.10.100")
    connection.close()
    return name == "FE-1"


def test_what_haproxy_itself_refuses_changes_nothing(
    changes: Changes, appliance: Appliance, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = changes.current
    # No valid document renders to what HAProxy refuses, so a broken renderer stands in for an unknown rule.
    monkeypatch.setattr("lbadmin.render.render_haproxy", lambda *_: "listen broken\n    bind nonsense\n")
    with pytest.raises(
        CheckError, match=r"^HAProxy refuses this configuration: .*nonsense.*; nothing was changed$"
    ):
        changes.change_cluster(lambda _: cluster(client_timeout_ms="31m"), "root", "break it")
    assert changes.current == before
    assert changes.clusters.numbers()[-1] == before.cluster_revision
    assert serves()


def test_a_change_that_does_not_take_effect_is_taken_back(changes: Changes, appliance: Appliance) -> None:
    before = changes.current
    # HAProxy's checker does not see that another program listens on the port.
    with (
        socket.create_server(("192.168.10.30", TAKEN)),
        pytest.raises(ActivationError, match=r"HAProxy refused to reload: .*; the change was taken back$"),
    ):
        changes.change_cluster(lambda _: cluster(ports=[5060, TAKEN]), "root", "another port")
    assert changes.current.cluster == before.cluster
    assert [(each.who, each.what) for each in changes.clusters.headings()[:2]] == [
        ("lbadmind", "take back: another port"),
        ("root", "another port"),
    ]
    assert str(TAKEN) not in (appliance.root / "etc/haproxy/haproxy.cfg").read_text()
    assert serves()
    assert Changes(appliance.system, appliance.haproxy).current == changes.current


def test_only_what_changed_is_touched(changes: Changes, appliance: Appliance) -> None:
    appliance.commands.clear()
    changes.change_cluster(lambda _: cluster(client_timeout_ms="30m"), "root", "a timeout")
    programs = [command[0] for command in appliance.commands]
    assert programs == ["chgrp", "setpriv"], "HAProxy's check, and keepalived left alone"
    appliance.commands.clear()
    before = changes.current.cluster_revision
    assert changes.change_cluster(lambda old: old, "root", "nothing").cluster_revision == before
    assert appliance.commands == []


def test_a_haproxy_that_is_gone_is_started(changes: Changes, appliance: Appliance) -> None:
    appliance.stop("haproxy")
    changes.change_cluster(lambda _: cluster(client_timeout_ms="30m"), "root", "a timeout")
    assert ["systemctl", "start", "haproxy.service"] in appliance.commands
    assert serves()


def test_the_next_boot_copies_what_the_last_change_rendered(
    changes: Changes, appliance: Appliance, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = changes.current.rendering.files
    with monkeypatch.context() as patch:
        patch.delattr("lbadmin.boot.rendered")
        assert files_for(appliance.system) == expected, "from the cache, nothing was rendered"
    newest = changes.clusters.path(changes.current.cluster_revision)
    newest.write_bytes(newest.read_bytes()[:-20])
    files = files_for(appliance.system)
    assert "listen web" not in files["/etc/haproxy/haproxy.cfg"], "a damaged newest revision: the one before"
    assert "maxconn 1000\n" in files["/etc/haproxy/haproxy.cfg"]


def test_a_daemon_that_died_in_a_change_catches_up(changes: Changes, appliance: Appliance) -> None:
    old = changes.current.rendering.files
    changes.change_cluster(lambda _: cluster(client_timeout_ms="30m"), "root", "a timeout")
    install(appliance.system, old)
    again = Changes(appliance.system, appliance.haproxy)
    again.reconcile()
    text = (appliance.root / "etc/haproxy/haproxy.cfg").read_text()
    assert re.search(r"timeout client 1800000$", text, re.MULTILINE)
    assert serves()


def test_a_daemon_that_died_between_files_and_reload_catches_up(
    changes: Changes, appliance: Appliance, front_ends: dict[str, FrontEnd], monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("lbadmin.change.activate", die)
    with pytest.raises(KeyboardInterrupt):
        changes.change_cluster(lambda _: edits.LAYER7.with_state(cluster(), "web", "halt"), "root", "halt")
    assert serves(), "the files are there, and HAProxy was not told"
    Changes(appliance.system, appliance.haproxy).reconcile()
    assert [row["status"] for row in appliance.haproxy.statistics() if row["svname"] == "FE-1"] == ["MAINT"]


def test_a_checker_that_is_missing_is_told(changes: Changes, appliance: Appliance) -> None:
    def run(command: Sequence[str]) -> Result:
        return Result(127, f"{command[0]} could not be started: No such file or directory")

    broken = Changes(type(appliance.system)(root=appliance.root, run=run), appliance.haproxy)
    with pytest.raises(CheckError, match="could not be started"):
        broken.change_cluster(lambda _: cluster(client_timeout_ms="30m"), "root", "a timeout")


def both(old: ClusterConfig, node: NodeConfig) -> tuple[ClusterConfig, NodeConfig]:
    return cluster(client_timeout_ms="30m"), node.model_copy(update={"hostname": "other"})


def test_both_documents_change_as_one(changes: Changes, appliance: Appliance) -> None:
    revisions = changes.current.cluster_revision, changes.current.node_revision
    current = changes.change(both, "root", "both")
    assert (current.cluster_revision, current.node_revision) == (revisions[0] + 1, revisions[1] + 1)
    assert (appliance.root / "etc/hostname").read_text() == "other\n"
    assert changes.nodes.headings()[0].what == changes.clusters.headings()[0].what == "both"


def test_when_one_document_can_not_be_written_neither_is(changes: Changes, appliance: Appliance) -> None:
    before = changes.current
    nodes = changes.nodes.folder
    # A file where the folder should be: nothing can be written into it, also by root.
    nodes.touch()
    with pytest.raises(StorageError, match="nothing was changed"):
        changes.change(both, "root", "both")
    assert changes.current == before
    assert changes.clusters.numbers()[-1] == before.cluster_revision
    nodes.unlink()
    assert changes.change(both, "root", "both").cluster_revision == before.cluster_revision + 1


def test_both_documents_are_taken_back_when_the_change_does_not_take_effect(
    changes: Changes, appliance: Appliance
) -> None:
    before = changes.current

    def blocked(_: ClusterConfig, node: NodeConfig) -> tuple[ClusterConfig, NodeConfig]:
        return cluster(ports=[5060, TAKEN]), node.model_copy(update={"hostname": "other"})

    with (
        socket.create_server(("192.168.10.30", TAKEN)),
        pytest.raises(ActivationError, match="the change was taken back"),
    ):
        changes.change(blocked, "root", "both")
    assert (changes.current.cluster, changes.current.node) == (before.cluster, before.node)
    assert (appliance.root / "etc/hostname").read_text() == "lbva\n"
    for store in (changes.clusters, changes.nodes):
        assert [each.what for each in store.headings()[:2]] == ["take back: both", "both"]
    assert serves()
