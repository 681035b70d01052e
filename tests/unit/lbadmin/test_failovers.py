"""What two nodes know of a change of the master, put together (pair/failovers.py)."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from lbadmin.model import HaSettings, Sensitivity
from lbadmin.pair.failovers import (
    KEEP,
    Failover,
    Left,
    Names,
    Record,
    Told,
    merged,
    refined,
    silence_ms,
    taken_over,
)
from lbadmin.pair.role import RoleChange

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
T = NOON.timestamp()
NAMES = Names("lb2", "lb1")


def failover(**different: object) -> Failover:
    known = {"when": NOON, "from_": "lb1", "to": "lb2", "cause": "lb1 was not heard", "duration_ms": 301}
    return Failover.model_validate({**known, "settled": False, **different})


def told(**different: object) -> Told:
    """What lb1 tells a minute later, slave again."""
    said: dict[str, object] = {
        "hostname": "lb1",
        "role": "slave",
        "not_ready": [],
        "starting": False,
        "left": None,
        "failovers": [],
    }
    return Told.model_validate({**said, "begun": T - 1e6, "asked": T + 60, "now": T + 60, **different})


def test_a_role_given_away_is_measured_from_leaving_to_taking_over() -> None:
    found = refined(failover(), told(left=Left(when=T - 0.004, cause="take-over by root")), 0.0)
    assert (found.cause, found.duration_ms, found.measured, found.settled) == (
        "take-over by root", 4, True, True,
    )  # fmt: skip


def test_a_gap_that_is_shorter_than_the_clocks_differ_is_none() -> None:
    found = refined(failover(), told(left=Left(when=T + 0.3, cause="take-over by root")), 0.0)
    assert (found.duration_ms, found.measured) == (0, True)


def test_clocks_that_differ_are_put_right() -> None:
    left = Left(when=T + 3600 - 0.02, cause="take-over by root")
    assert refined(failover(), told(left=left, now=T + 3660), 3600.0).duration_ms == 20


def test_a_role_that_was_left_long_ago_is_another_story() -> None:
    found = refined(failover(), told(left=Left(when=T - 900, cause="take-over by root"), now=T + 1), 0.0)
    assert found == failover()


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        ({"begun": T + 40}, "lb1 had crashed or lost power"),
        ({"left": Left(when=T + 30, cause="lb1 was frozen or cut off")}, "lb1 was frozen or cut off"),
        ({}, "lb1 was not heard"),
    ],
)
def test_a_silent_master_that_is_back_tells_why(said: dict[str, Any], cause: str) -> None:
    found = refined(failover(), told(**said), 0.0)
    assert (found.cause, found.duration_ms, found.measured, found.settled) == (cause, 301, False, True)


@pytest.mark.parametrize("said", [{"role": "master"}, {"now": T + 5}])
def test_a_peer_that_does_not_know_yet_is_asked_again(said: dict[str, Any]) -> None:
    assert refined(failover(), told(**said), 0.0) == failover()


def test_a_slave_that_takes_over_names_the_silent_master() -> None:
    found = taken_over(
        RoleChange("master", T), RoleChange("slave", T - 500), None, leader=None, names=NAMES, silence=301
    )
    assert (found.from_, found.to, found.cause, found.duration_ms, found.measured, found.settled) == (
        "lb1", "lb2", "lb1 was not heard", 301, False, False,
    )  # fmt: skip


def test_the_first_master_of_all_replaces_nobody() -> None:
    found = taken_over(
        RoleChange("master", T), RoleChange("slave", T - 0.31), None, leader=None, names=NAMES, silence=301
    )
    assert (found.from_, found.cause, found.duration_ms) == (None, "start", None)
    assert refined(found, told(), 0.0).settled


def test_a_peer_that_was_master_last_is_replaced_however_short_this_node_listened() -> None:
    left = Left(when=T - 2.5, cause="on lb2 HAProxy is not running")
    found = taken_over(
        RoleChange("master", T), RoleChange("slave", T - 0.31), left, leader="lb1", names=NAMES, silence=301
    )
    assert (found.from_, found.cause, found.duration_ms) == ("lb1", "lb1 was not heard", 301)


def test_a_node_that_begins_to_listen_as_the_master_leaves_takes_over_from_it() -> None:
    found = taken_over(
        RoleChange("master", T), RoleChange("slave", T - 0.31), None, leader=None, names=NAMES, silence=301
    )
    found = refined(found, told(left=Left(when=T - 0.001, cause="lb2 is back, and nodes fail back")), 0.0)
    assert (found.from_, found.cause, found.duration_ms) == ("lb1", "lb2 is back, and nodes fail back", 1)


def test_a_lone_node_that_was_unfit_for_a_moment_replaces_itself() -> None:
    left = Left(when=T - 2.5, cause="on lb2 HAProxy is not running")
    found = taken_over(
        RoleChange("master", T), RoleChange("slave", T - 0.3), left, leader="lb2", names=NAMES, silence=301
    )
    assert (found.from_, found.to, found.cause) == ("lb2", "lb2", "on lb2 HAProxy is not running")
    assert (found.duration_ms, found.measured) == (2500, True)


@pytest.mark.parametrize(
    ("sensitivity", "primary", "expected"),
    [("fast", True, 151), ("normal", False, 242), ("tolerant", False, 3027)],
)
def test_silence_is_three_advertisements_and_the_skew(
    sensitivity: Sensitivity, primary: bool, expected: int
) -> None:
    assert silence_ms(HaSettings(sensitivity=sensitivity), primary=primary) == expected


def test_each_node_is_believed_about_its_own_taking_over() -> None:
    own = failover(cause="take-over by root", settled=True)
    theirs = [failover(), failover(to="lb1", from_="lb2", when=NOON + timedelta(minutes=1))]
    assert merged([own], theirs, "lb2") == [theirs[1], own]


def test_the_record_is_bounded_and_outlives_lbadmind(tmp_path: Path) -> None:
    path = tmp_path / "failovers.json"
    many = merged([failover(when=NOON + timedelta(minutes=n)) for n in range(100)], [], "lb2")
    Record(path).keep(many, "lb1")
    read = Record(path)
    assert len(read.failovers) == KEEP
    assert read.failovers[0].when == NOON + timedelta(minutes=99)
    assert (read.failovers, read.peer) == (many, "lb1")


def test_a_damaged_record_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "failovers.json"
    path.write_text('{"peer": "lb1", "failovers": [{"to"')
    assert Record(path).failovers == []
