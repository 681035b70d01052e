"""Who gives whom the configuration, and what a node says of it."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from lbadmin.change import Point
from lbadmin.errors import PairError, UnavailableError
from lbadmin.pair.channel import PeerRefusedError
from lbadmin.pair.role import ROLE_FILE, Role
from lbadmin.pair.sync import AWAY_S, FAILURES, HELLO_S, LASTING_S, RETRY_S, SHARED_S, UNREACHABLE_S
from lbadmin.pair.verdict import Verdict, decide
from lbadmin.store import KEEP
from tests.unit.lbadmin.pairing import OneNode, document, point, truth

A, B, C = document(1000), document(2000), document(3000)
FIRST, SECOND = point(1, A), point(2, B)
FOREIGN = point(2, C)


class Peer:
    """What the other node has and does; a push is taken, or refused for a reason."""

    def __init__(self, at: Point, *, knows: bool = False) -> None:
        self.at, self.knows = at, knows
        self.refuses = ""
        self.away = False

    def __call__(self, _: str, path: str, body: Any) -> Any:  # noqa: ANN401 - JSON is any shape
        if self.away:
            raise UnavailableError("the peer does not answer")
        if path == "/peer/cluster":
            if self.refuses:
                raise PeerRefusedError(self.refuses)
            self.at, self.knows = point(body["revision"], body["document"]), True
        return {
            "truth": truth(self.at).model_dump(mode="json"),
            "time": 0.0,
            "knows_yours": self.knows,
            "later": "versions may tell more",
        }


def node(root: Path, peer: Peer) -> OneNode:
    return OneNode(root, [A, B], peer)


@pytest.mark.parametrize(
    ("theirs", "theirs_known", "ours_known", "verdict"),
    [
        (SECOND, True, None, "in sync"),
        (SECOND, True, True, "in sync"),
        (FIRST, True, None, "ahead"),
        (FIRST, True, False, "ahead"),
        (FIRST, True, True, "ahead"),
        (FIRST, False, None, "unknown"),
        (FIRST, False, False, "conflict"),
        (FIRST, False, True, "conflict"),
        (FOREIGN, False, False, "conflict"),
        (FOREIGN, False, None, "unknown"),
        (point(3, C), False, True, "behind"),
        (point(3, C), False, False, "conflict"),
        (point(3, C), False, None, "unknown"),
        # One that is on this node's disk, and could not be read.
        (point(3, C), True, True, "behind"),
        (point(3, C), True, None, "unknown"),
    ],
)
def test_the_newer_of_two_that_were_made_from_each_other_leads(
    theirs: Point, theirs_known: bool, ours_known: bool | None, verdict: Verdict
) -> None:
    assert decide(SECOND, theirs, theirs_known=theirs_known, ours_known=ours_known) == verdict


def test_equal_nodes_exchange_truths_and_nothing_else(tmp_path: Path) -> None:
    lb1 = node(tmp_path, Peer(SECOND, knows=True))
    assert lb1.sync.state().word == "unreachable"
    assert lb1.sync.work() == HELLO_S
    assert lb1.sync.state() == ("in sync", None)
    assert lb1.line.paths() == ["/peer/hello"]
    assert lb1.line.sent[0][2]["truth"]["cluster_hash"] == SECOND.hash


def test_a_peer_that_is_behind_gets_the_document_as_it_is_stored(tmp_path: Path) -> None:
    lb1 = node(tmp_path, Peer(FIRST))
    lb1.sync.work()
    assert lb1.line.paths() == ["/peer/hello", "/peer/cluster"]
    push = lb1.line.sent[1][2]
    assert (push["revision"], push["document"]) == (2, B)
    assert push["replaces"] == {"revision": 1, "hash": FIRST.hash}
    assert lb1.sync.state().word == "in sync"


def test_a_factory_fresh_peer_gets_it_too(tmp_path: Path) -> None:
    lb1 = node(tmp_path, Peer(point(0, {})))
    lb1.sync.work()
    assert lb1.sync.state().word == "in sync"


def test_a_peer_that_missed_more_than_the_history_keeps_is_behind_and_no_more(tmp_path: Path) -> None:
    peer = Peer(SECOND, knows=True)
    lb1 = node(tmp_path, peer)
    lb1.sync.work()
    peer.away = True
    for _ in range(KEEP + 1):
        lb1.change()
    lb1.restart()
    assert not lb1.changes.knows(SECOND)
    peer.away, peer.knows = False, False
    assert lb1.sync.greeted(truth(SECOND), 0.0) is True
    lb1.sync.work()
    assert peer.at == lb1.changes.point()
    assert lb1.sync.state().word == "in sync"


def test_a_node_that_is_behind_waits_to_be_given_it(tmp_path: Path) -> None:
    lb1 = node(tmp_path, Peer(point(3, C), knows=True))
    lb1.sync.work()
    assert lb1.line.paths() == ["/peer/hello"]
    word, detail = lb1.sync.state()
    assert word == "behind"
    assert detail == "this node has revision 2 and is to get revision 3 of lb2"


def test_one_exchange_informs_both(tmp_path: Path) -> None:
    lb1 = node(tmp_path, Peer(SECOND, knows=True))
    assert lb1.sync.greeted(truth(SECOND), 0.0) is True
    lb1.witness.tell()
    assert lb1.sync.state().word == "in sync"
    lb1.now += SHARED_S / 2
    lb1.sync.work()
    assert lb1.line.sent == []
    lb1.now += SHARED_S
    lb1.sync.work()
    assert lb1.line.paths() == ["/peer/hello"]


def test_a_new_role_is_told_at_once(tmp_path: Path) -> None:
    lb1 = node(tmp_path, Peer(SECOND, knows=True))
    role = lb1.system.path(ROLE_FILE)
    role.parent.mkdir(parents=True, exist_ok=True)
    role.write_text("BACKUP 1795359361.82\n")
    lb1.sync.work()
    role.write_text("MASTER 1795359362.82\n")
    lb1.sync.work()
    assert [body["truth"]["role"] for _, _, body in lb1.line.sent] == ["slave", "master"]


def test_a_greeting_that_leaves_it_open_who_leads_is_asked_back(tmp_path: Path) -> None:
    lb1 = node(tmp_path, Peer(point(3, C), knows=True))
    assert lb1.sync.greeted(truth(point(3, C)), 0.0) is False
    assert lb1.sync.needs_work()
    lb1.sync.work()
    assert lb1.line.paths() == ["/peer/hello"]
    assert not lb1.sync.needs_work()


def test_a_change_is_pushed_to_a_peer_that_was_heard_without_asking_again(tmp_path: Path) -> None:
    lb1 = node(tmp_path, Peer(SECOND, knows=True))
    lb1.sync.work()
    lb1.change()
    assert lb1.sync.state().detail == "lb2 has revision 2 and is to get revision 3"
    assert not lb1.sync.is_worrying(), "it is on its way"
    lb1.sync.work()
    assert lb1.line.paths() == ["/peer/hello", "/peer/cluster"]


def test_what_the_peer_refused_is_told_and_not_offered_again_and_again(tmp_path: Path) -> None:
    peer = Peer(FIRST)
    peer.refuses = "address 192.168.10.22 of OCS is this node's own address on eth1; choose a free one"
    lb1 = node(tmp_path, peer)
    for _ in range(5):
        lb1.sync.work()
        lb1.now += 2
    assert lb1.line.paths().count("/peer/cluster") == 1
    assert lb1.sync.state() == ("behind", f"lb2 refused revision 2: {peer.refuses}")
    assert lb1.sync.is_worrying()
    lb1.change()
    lb1.sync.work()
    assert lb1.line.paths().count("/peer/cluster") == 2, "another one is offered at once"
    peer.refuses = ""
    lb1.now += RETRY_S + 1
    lb1.sync.work()
    assert lb1.sync.state().word == "in sync", "a full disk may have been emptied"


def test_this_nodes_own_refusal_is_told(tmp_path: Path) -> None:
    theirs = point(3, C)
    lb1 = node(tmp_path, Peer(theirs, knows=True))
    lb1.witness.refuse(theirs, PairError("HAProxy said no"))
    lb1.sync.work()
    assert lb1.sync.state() == ("behind", "this node refused revision 3 of lb2: HAProxy said no")
    assert lb1.witness.tell().refused is not None


def test_a_peer_is_away_when_two_exchanges_fail_and_back_with_the_next(tmp_path: Path) -> None:
    peer = Peer(SECOND, knows=True)
    lb1 = node(tmp_path, peer)
    lb1.sync.work()
    peer.away = True
    for _ in range(FAILURES):
        assert lb1.sync.state().word == "in sync"
        lb1.now += 2
        pause_s = lb1.sync.work()
    assert pause_s == AWAY_S
    word, detail = lb1.sync.state()
    assert word == "unreachable"
    assert detail == "lb2 (192.168.2.22) was heard 4 s ago: the peer does not answer"
    assert lb1.sync.peer() is None
    peer.away = False
    lb1.sync.work()
    assert lb1.sync.state().word == "in sync"
    assert lb1.sync.peer() is not None


def test_a_silent_peer_is_away_after_a_while(tmp_path: Path) -> None:
    lb1 = node(tmp_path, Peer(SECOND, knows=True))
    lb1.sync.work()
    lb1.now += UNREACHABLE_S + 1
    assert lb1.sync.state().word == "unreachable"


def test_a_node_that_has_just_started_does_not_worry_yet(tmp_path: Path) -> None:
    lb1 = node(tmp_path, Peer(SECOND))
    assert lb1.sync.state().word == "unreachable"
    assert not lb1.sync.is_worrying()
    lb1.now += LASTING_S + 1
    assert lb1.sync.is_worrying()


def test_an_answer_that_is_none_counts_as_no_answer(tmp_path: Path) -> None:
    lb1 = OneNode(tmp_path, [A], lambda *_: {"truth": 7})
    for _ in range(FAILURES):
        lb1.sync.work()
    assert "can't be understood" in str(lb1.sync.state().detail)


def test_a_conflict_is_left_to_a_person_and_ended_by_one_choice(tmp_path: Path) -> None:
    peer = Peer(FOREIGN)
    lb1 = node(tmp_path, peer)
    for _ in range(3):
        lb1.sync.work()
        lb1.now += 2
    assert "/peer/cluster" not in lb1.line.paths()
    assert lb1.sync.state().word == "conflict"
    lb1.sync.keep_ours("loadbalancer")
    push = lb1.line.sent[-1][2]
    assert (push["revision"], push["replaces"]) == (3, {"revision": 2, "hash": FOREIGN.hash})
    assert (push["who"], push["what"]) == ("loadbalancer", "keep this node's configuration")
    assert lb1.sync.state().word == "in sync"
    with pytest.raises(PairError, match="nothing to resolve"):
        lb1.sync.keep_ours("loadbalancer")


def test_a_choice_against_this_node_is_carried_out_by_the_peer(tmp_path: Path) -> None:
    lb1 = node(tmp_path, Peer(FOREIGN))
    lb1.sync.keep_theirs("loadbalancer")
    method, path, body = lb1.line.sent[1]
    assert (method, path, body["who"]) == ("POST", "/peer/resolve", "loadbalancer")
    assert lb1.changes.current.cluster_revision == 2


def test_a_single_node_asks_nobody(tmp_path: Path) -> None:
    lb1 = node(tmp_path, Peer(FIRST))
    lb1.changes.pairs.commit({}, "loadbalancer", "break")
    lb1.restart()
    assert lb1.sync.state() == ("single", None)
    with pytest.raises(PairError, match="in no pair"):
        lb1.sync.ask()
    assert lb1.line.sent == []


@pytest.mark.parametrize(("role", "acknowledged"), [("master", False), ("slave", True), ("fault", True)])
def test_a_peer_heard_after_a_take_over_knows_of_it_by_its_role(
    tmp_path: Path, role: Role, acknowledged: bool
) -> None:
    lb1 = node(tmp_path, Peer(SECOND))
    before = datetime.now(UTC)
    assert not lb1.sync.peer_is_slave_since(before)
    lb1.sync.greeted(truth(SECOND, role=role), 0.0)
    assert lb1.sync.peer_is_slave_since(before) is acknowledged
    assert not lb1.sync.peer_is_slave_since(datetime.now(UTC))
    assert not lb1.sync.peer_is_slave_since(None)
    lb1.now += UNREACHABLE_S + 1
    assert not lb1.sync.peer_is_slave_since(before)
