"""The roles as keepalived says them, through the program that notes them (pair/role.py, overlay)."""

import subprocess
import time
from pathlib import Path

import pytest

from lbadmin.pair.hooks import quoted
from lbadmin.pair.role import Roles
from lbadmin.system import System

PROGRAM = Path(__file__).parents[3] / "overlay/usr/lib/lbva/role-changed"


@pytest.fixture
def system(tmp_path: Path) -> System:
    (tmp_path / "run/lbadmin").mkdir(parents=True)
    return System(root=tmp_path)


def say(system: System, *states: str) -> None:
    """Let the program note what keepalived writes to its FIFO."""
    folder = system.path("/run/lbadmin")
    text = PROGRAM.read_text().replace("folder=/run/lbadmin", f"folder={folder}")
    lines = "".join(f'INSTANCE "lbva" {state} 253\n' for state in states)
    subprocess.run(
        ["/bin/dash", "-c", text, "role-changed", "/dev/stdin"], input=lines, text=True, check=True
    )


def taken(roles: Roles) -> list[str]:
    roles.put_aside()
    with roles.taken() as changes:
        return [change.role for change in changes]


def test_the_role_is_the_last_that_keepalived_said(system: System) -> None:
    roles = Roles(system, lambda: True)
    assert (roles.role(), roles.since()) == ("unknown", None)
    before = time.time()
    say(system, "BACKUP", "MASTER")
    since = roles.since()
    assert roles.role() == "master"
    assert since is not None
    assert before - 0.01 <= since.timestamp() <= time.time()


def test_what_is_no_role_changes_none(system: System) -> None:
    say(system, "MASTER", "MASTER_RX_LOWER_PRI")
    assert Roles(system, lambda: True).role() == "master"


def test_a_single_node_has_no_role(system: System) -> None:
    say(system, "MASTER")
    assert Roles(system, lambda: False).role() == "single"


def test_changes_are_taken_in_order_and_once(system: System) -> None:
    roles = Roles(system, lambda: True)
    say(system, "BACKUP", "MASTER", "FAULT", "STOP")
    assert taken(roles) == ["slave", "master", "fault", "unknown"]
    say(system, "BACKUP")
    assert taken(roles) == ["slave"]
    assert taken(roles) == []


def test_changes_are_there_again_when_lbadmind_dies_over_them(system: System) -> None:
    roles = Roles(system, lambda: True)
    say(system, "MASTER")
    roles.put_aside()
    with pytest.raises(KeyError), roles.taken():
        raise KeyError
    say(system, "BACKUP")
    later = Roles(system, lambda: True)
    assert taken(later) == ["master"]
    assert taken(later) == ["slave"]


def test_a_line_that_can_not_be_read_is_passed_over(system: System) -> None:
    system.path("/run/lbadmin/role-changes").write_text("MASTER\nBACKUP soon\nFAULT 12.5\n")
    assert taken(Roles(system, lambda: True)) == ["fault"]


def test_values_for_hooks_are_one_line_and_nothing_but_text() -> None:
    assert quoted('a "b" $c `d` \\ e\nf') == '"a \\"b\\" \\$c \\`d\\` \\\\ ef"'


def test_who_took_over_goes_first_until_the_peer_is_known_to_be_its_slave(system: System) -> None:
    roles, precedence = Roles(system, lambda: True), system.path("/run/lbadmin/precedence")
    say(system, "BACKUP", "MASTER")
    assert precedence.read_text() == "4\n"
    roles.acknowledge()
    say(system, "MASTER")  # as after a reload
    assert precedence.read_text() == "2\n"
    say(system, "BACKUP")
    roles.acknowledge()
    assert precedence.read_text() == "0\n"
