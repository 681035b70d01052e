"""What is told of a pair, and where its configuration may be changed."""

import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lbadmin.messages import Message
from lbadmin.pair.alarms import Journal, pair_messages
from lbadmin.pair.heartbeat import Role
from lbadmin.pair.mastery import is_elsewhere, webui_of
from lbadmin.pair.status import PairStatus
from tests.unit.lbadmin.pairing import pair_config

NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
PEER: dict[str, Any] = {
    "hostname": "lb2",
    "version": "1.0",
    "uptime_s": 100,
    "role": "slave",
    "role_since": None,
    "cluster_revision": 7,
    "cluster_hash": "a" * 64,
    "ready": True,
    "not_ready": [],
    "refused": None,
    "heard_s_ago": 1,
}
HEALTHY: dict[str, Any] = {
    "state": "paired",
    "primary": True,
    "role": "master",
    "role_since": NOW - timedelta(hours=1),
    "local_ip": "192.168.2.21",
    "peer_ip": "192.168.2.22",
    "fingerprint": None,
    "peer_fingerprint": None,
    "sync": "in sync",
    "sync_detail": None,
    "ready": True,
    "not_ready": [],
    "restart_heartbeat": False,
    "peer": PEER,
    "last_failover": None,
    "failovers": [],
    "progress": None,
}
FAILOVER: dict[str, Any] = {
    "when": NOW - timedelta(hours=2),
    "from": "lb1",
    "to": "lb2",
    "cause": "lb1 was not heard",
    "duration_ms": 304,
}


def told(*, lasting: bool = False, **fields: object) -> list[tuple[str, str | None, str]]:
    status = PairStatus.model_validate({**HEALTHY, **fields})
    messages = pair_messages(status, "1.0", NOW, lasting=lasting)
    return [(each.level, each.action, each.text) for each in messages]


def test_a_healthy_master_has_nothing_to_tell_and_neither_has_a_single_node() -> None:
    assert told() == []
    assert told(state="single", role="single", peer=None, not_ready=["HAProxy is not running"]) == []


@pytest.mark.parametrize(
    ("fields", "level", "action", "words"),
    [
        ({"sync": "unreachable"}, "danger", "pair", "lb2 (192.168.2.22) can't be reached"),
        ({"sync": "unreachable", "peer": None}, "danger", "pair", "The peer 192.168.2.22 can't be reached"),
        ({"sync": "behind", "sync_detail": "lb2 refused revision 7: full"}, "danger", "pair", "revision 7"),
        ({"sync": "conflict", "sync_detail": "choose"}, "danger", "resolve-conflict", "choose"),
        ({"peer": {**PEER, "role": "master"}}, "danger", "pair", "Both nodes are master"),
        ({"not_ready": ["HAProxy is not running"]}, "danger", "pair", "This node can't serve: HAProxy is"),
        (
            {"peer": {**PEER, "not_ready": ["no link"]}},
            "danger",
            "pair",
            "lb2 (192.168.2.22) can't serve: no",
        ),
        ({"peer": {**PEER, "version": "1.1"}}, "warning", "pair", "runs version 1.1 and this node 1.0"),
        ({"restart_heartbeat": True}, "info", "restart-heartbeat", "Restart Heartbeat"),
        ({"role": "slave"}, "info", "pair", "made on the master, lb2 (192.168.2.22)"),
        ({"state": "pairing", "peer": None}, "warning", "pair", "192.168.2.22 has not confirmed"),
        ({"state": "leaving"}, "warning", "pair", "has not been told yet"),
        (
            {"last_failover": FAILOVER},
            "warning",
            "pair",
            "lb2 took over from lb1 on 2026-11-22 at 13:00:00 UTC, after 304 ms without a master: lb1",
        ),
        (
            {"last_failover": {**FAILOVER, "when": NOW - timedelta(seconds=6), "settled": False}},
            "warning",
            "pair",
            "lb1 was not heard",
        ),
        ({"last_failover": {**FAILOVER, "cause": "take-over by root"}}, "info", "pair", "take-over by root"),
        (
            {"last_failover": {**FAILOVER, "from": None, "cause": "start"}},
            "info",
            "pair",
            "became the master",
        ),
    ],
)
def test_what_is_not_as_it_should_be_is_one_message(
    fields: dict[str, Any], level: str, action: str, words: str
) -> None:
    ((its_level, its_action, text),) = told(lasting=True, **fields)
    assert (its_level, its_action) == (level, action)
    assert words in text


@pytest.mark.parametrize(
    "fields",
    [
        {"sync": "behind", "sync_detail": "lb2 is to get revision 7"},
        {"sync": "unreachable"},
        {"last_failover": {**FAILOVER, "when": NOW - timedelta(days=2)}},
        {"last_failover": {**FAILOVER, "when": NOW - timedelta(seconds=4), "settled": False}},
        # What was heard of the peer is older than this node's role.
        {"peer": {**PEER, "role": "master"}, "role_since": NOW - timedelta(seconds=2)},
        {"peer": {**PEER, "role": "master"}, "role": "single"},
    ],
)
def test_what_passes_by_itself_is_not_told(fields: dict[str, Any]) -> None:
    assert told(**fields) == []


def test_before_the_first_restart_of_heartbeat_nobody_complains_that_it_does_not_run() -> None:
    reason = ["the heartbeat was not restarted since the pair was made; restart heartbeat"]
    ((_, action, _),) = told(restart_heartbeat=True, not_ready=reason, peer={**PEER, "not_ready": reason})
    assert action == "restart-heartbeat"


def test_the_journal_tells_each_alarm_once_and_its_end(caplog: pytest.LogCaptureFixture) -> None:
    alarm = Message(level="danger", text="lb2 can't be reached.")
    journal = Journal()
    with caplog.at_level(logging.INFO):
        journal.note([Message(level="info", text="This is the slave.")])
        journal.note([alarm])
        journal.note([alarm])
        journal.note([])
    assert [(each.levelname, each.getMessage()) for each in caplog.records] == [
        ("WARNING", "lb2 can't be reached."),
        ("INFO", "over: lb2 can't be reached."),
    ]


@pytest.mark.parametrize(
    ("primary", "role", "peer_role", "pending", "elsewhere"),
    [
        (True, "master", "slave", False, False),
        (False, "master", "slave", False, False),
        (True, "slave", "master", False, True),
        (True, "slave", None, False, True),
        (False, "fault", "master", False, True),
        # A configuration that keeps both from serving can be mended on either.
        (False, "fault", "fault", False, False),
        (False, "unknown", None, False, False),
        (True, "unknown", "unknown", True, False),
        (False, "unknown", "unknown", True, True),
        (True, "single", None, False, False),
    ],
)
def test_the_configuration_is_changed_on_one_node(
    primary: bool, role: Role, peer_role: Role | None, pending: bool, elsewhere: bool
) -> None:
    pair = pair_config(primary=primary)
    assert is_elsewhere(pair, role, peer_role, pending=pending) == elsewhere


def test_the_masters_webui_is_named_as_a_browser_takes_it() -> None:
    assert webui_of(pair_config(peer_ip="192.168.2.21").peer_ip) == "https://192.168.2.21:9443/lbadmin/"
    assert webui_of(pair_config(peer_ip="2001:db8::21").peer_ip) == "https://[2001:db8::21]:9443/lbadmin/"
