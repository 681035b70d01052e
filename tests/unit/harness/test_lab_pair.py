"""When a pair counts as settled, and what is said when it does not."""

from pathlib import Path
from typing import Any

import pytest

from harness.libvirt_machine import moved_xml
from harness.pair import credentials_of, unsettled
from lbadmin.rules import parse_node
from lbadmin.unattended import NAMES, PREFIX


def told(role: str, **other: object) -> dict[str, Any]:
    status = {"state": "paired", "role": role, "sync": "in sync", "sync_detail": None}
    return {**status, "restart_heartbeat": False, **other}


def test_a_master_and_a_slave_in_sync_are_settled_whichever_is_which() -> None:
    assert unsettled({"lb1": told("master"), "lb2": told("slave")}) == ""
    assert unsettled({"lb1": told("slave"), "lb2": told("master")}) == ""


@pytest.mark.parametrize(
    ("second", "said"),
    [
        (None, "lb2 does not answer"),
        (told("master"), "lb1 is master, lb2 is master"),
        (told("slave", sync="behind", sync_detail="by 1"), "lb2 is paired and behind: by 1"),
        (told("slave", restart_heartbeat=True), "lb2 waits for Restart Heartbeat"),
    ],
)
def test_anything_else_is_not_and_is_named(second: dict[str, Any] | None, said: str) -> None:
    assert unsettled({"lb1": told("master"), "lb2": second}) == said


def test_the_credentials_are_what_an_appliance_takes() -> None:
    credentials = credentials_of("lb2")
    assert set(credentials) == {PREFIX + name for name in NAMES if name != "prefix"}, "the address has it"
    node = parse_node({"hostname": credentials["lbva.hostname"], "gateway": credentials["lbva.gateway"]})
    assert (node.hostname, str(node.gateway)) == ("lb2", "192.168.2.1")


def test_a_saved_machine_moves_with_all_its_files() -> None:
    saved = """<domain><os><nvram>/old/lb1/variables.fd</nvram></os><devices>
        <disk><source file="/old/lb1/disk.qcow2"/></disk>
        <serial><log file="/old/lb1/console.log"/><source path="/run/lab/consoles/lb1"/></serial>
        </devices></domain>"""
    moved = moved_xml(saved, Path("/new/lab/lb1"))
    assert "/old/" not in moved
    for file in ("variables.fd", "disk.qcow2", "console.log"):
        assert f"/new/lab/lb1/{file}" in moved
    assert "/run/lab/consoles/lb1" in moved
