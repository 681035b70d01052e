"""What every page says when a daemon of layer 4 is not there, and when the data partition fills up."""

import os
import socket
import threading
from pathlib import Path

import pytest

from lbadmin.activate import Rendering
from lbadmin.layer4 import LAYER4_PID, layer4_messages
from lbadmin.model import ClusterConfig, NodeConfig
from lbadmin.render.layer4_checks import CHECKS_SOCKET
from lbadmin.rules import parse_node
from lbadmin.storage import storage_messages
from lbadmin.system import System


def rendered(**fields: object) -> Rendering:
    server = {"label": "FE-1", "ip": "192.168.10.31"}
    service = {"label": "OCS", "ip": "192.168.10.30", "ports": [5060], "real_servers": [server], **fields}
    return Rendering.of(ClusterConfig.model_validate({"layer4_services": [service]}), NodeConfig())


def told(system: System, rendering: Rendering) -> list[str]:
    return [each.text.partition(",")[0] for each in layer4_messages(system, rendering)]


def answer(listener: socket.socket) -> None:
    connection, _ = listener.accept()
    with connection:
        connection.recv(100)


def test_daemons_that_are_not_there_are_told_of_while_they_have_something_to_do(tmp_path: Path) -> None:
    system = System(tmp_path)
    missing = ["lbva-layer4 does not run", "lbva-checks does not answer"]
    assert told(system, rendered()) == missing
    assert told(system, rendered(health_check={"type": "none"})) == missing[:1]
    assert told(system, rendered(enabled=False)) == []
    assert told(system, Rendering.of(ClusterConfig(), NodeConfig())) == []


def test_a_node_without_a_script_for_firewall_marks_is_told_of(tmp_path: Path) -> None:
    system = System(tmp_path)
    marked = rendered(protocol="mark", firewall_mark=7, ports=None, health_check={"type": "none"})
    running = "lbva-layer4 does not run"
    assert told(system, marked) == ["No firewall script marks packets on this node", running]
    script = parse_node({"firewall": {"script": "table ip mine {\n}\n"}})
    assert told(system, Rendering.of(marked.cluster, script)) == [running]


def test_nothing_is_told_of_daemons_that_run(tmp_path: Path) -> None:
    system = System(tmp_path)
    for name in (LAYER4_PID, CHECKS_SOCKET):
        system.path(name).parent.mkdir(parents=True)
    system.path(LAYER4_PID).write_text(f"{os.getpid()}\n")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(system.path(CHECKS_SOCKET)))
        listener.listen()
        threading.Thread(target=answer, args=(listener,), daemon=True).start()
        assert told(system, rendered()) == []
    # A process id that nobody has, as after a crash.
    system.path(LAYER4_PID).write_text("4194304\n")
    assert told(system, rendered(health_check={"type": "none"})) == ["lbva-layer4 does not run"]


def test_a_partition_that_fills_up_is_warned_of_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Else each percent would be another message, and another alert."""
    real = os.statvfs(tmp_path)

    def used(share: float) -> list[str]:
        sizes = [4096, 4096, 1_000_000, round(1_000_000 * (1 - share)), *tuple(real)[4:]]
        monkeypatch.setattr(os, "statvfs", lambda _: os.statvfs_result(sizes))
        return [each.text for each in storage_messages(System(tmp_path))]

    assert used(0.89) == []
    assert used(0.91) == used(0.95)
    assert used(0.91)[0].startswith("The data partition is more than 90 % full.")
