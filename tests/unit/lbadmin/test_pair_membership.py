"""Which pair a node is in: what it tells of it, and what it refuses to join."""

import threading
from pathlib import Path
from typing import NoReturn

import pytest

from lbadmin.errors import PairError
from lbadmin.pair.membership import BusyError, Membership
from lbadmin.pair.protocol import Invitation
from tests.unit.lbadmin.pairing import CERTIFICATE, PAIR, OneNode, document, point

OTHER = "f" * 32


def no_answer(method: str, path: str, _: object) -> NoReturn:
    raise AssertionError(f"{method} {path}")


@pytest.fixture
def node(tmp_path: Path) -> OneNode:
    """A node in a pair."""
    return OneNode(tmp_path, [document(1000)], no_answer)


def single(node: OneNode) -> Membership:
    """Take the node out of its pair, as if it had never been in one."""
    node.changes.pairs.withdraw(1)
    node.restart()
    return Membership(node.system, node.changes)


def invitation(**fields: object) -> Invitation:
    cluster = {"revision": 7, "document": {}, "keys": {}, "who": "loadbalancer", "what": "pair"}
    given: dict[str, object] = {
        "id": OTHER,
        "local_ip": "192.168.2.21",
        "peer_ip": "192.168.2.22",
        "router_id": 22,
        "certificate": CERTIFICATE,
        "web_fingerprint": "a" * 64,
        "version": "unknown",
        "cluster": cluster,
    }
    return Invitation.model_validate({**given, **fields})


def test_a_member_proves_it_with_its_configuration(node: OneNode) -> None:
    membership = Membership(node.system, node.changes)
    assert membership.is_member(PAIR["id"])
    assert membership.prove(PAIR["id"]).point() == point(1, document(1000))


def test_nobody_proves_to_be_in_another_pair(node: OneNode) -> None:
    membership = Membership(node.system, node.changes)
    assert not membership.is_member(OTHER)
    with pytest.raises(PairError):
        membership.prove(OTHER)


def test_a_node_in_a_pair_joins_no_other(node: OneNode) -> None:
    with pytest.raises(PairError, match="already"):
        Membership(node.system, node.changes).join(invitation(), "loadbalancer")
    assert node.changes.current.pair is not None
    assert node.changes.current.pair.id == PAIR["id"]


def test_who_was_told_no_is_never_joined(node: OneNode) -> None:
    """The node that asked has gone back to what it was, so a late invitation of it must not hold."""
    membership = single(node)
    assert not membership.is_member(OTHER)
    with pytest.raises(PairError, match="does not join"):
        membership.join(invitation(), "loadbalancer")
    assert node.changes.current.pair is None


@pytest.mark.parametrize(
    ("fields", "words"),
    [({"version": "2"}, "update one"), ({"local_ip": "192.168.2.99"}, "not an address of lbva")],
)
def test_an_invitation_that_does_not_fit_is_refused(
    node: OneNode, fields: dict[str, object], words: str
) -> None:
    membership = single(node)
    with pytest.raises(PairError, match=words):
        membership.join(invitation(**fields), "loadbalancer")
    assert node.changes.current.pair is None


def test_a_node_with_services_joins_nothing(node: OneNode) -> None:
    service = {"label": "OCS", "ip": "192.168.10.30", "ports": [5060]}
    node.changes.clusters.commit({"virtual_services": [service]}, "loadbalancer", "add")
    with pytest.raises(PairError, match="has a virtual service"):
        single(node).join(invitation(), "loadbalancer")


def test_only_a_pair_that_was_broken_here_is_told_as_broken(node: OneNode) -> None:
    """A node that was set back to before the pair must not send its master away."""
    assert not Membership(node.system, node.changes).has_broken(PAIR["id"])
    assert not single(node).has_broken(PAIR["id"])
    node.changes.pairs.commit(PAIR, "loadbalancer", "pair")
    node.changes.pairs.commit({**PAIR, "state": "leaving"}, "loadbalancer", "break the pair")
    node.changes.pairs.commit({}, "loadbalancer", "forget")
    node.restart()
    membership = Membership(node.system, node.changes)
    assert not membership.is_member(PAIR["id"])
    assert membership.has_broken(PAIR["id"])
    assert not membership.has_broken(OTHER)


def test_a_node_that_is_told_to_leave_another_pair_stays(node: OneNode) -> None:
    Membership(node.system, node.changes).leave(OTHER)
    assert node.changes.current.pair is not None


def test_of_two_that_break_the_pair_at_once_the_primary_stays(node: OneNode) -> None:
    node.changes.pairs.commit({**PAIR, "state": "leaving"}, "loadbalancer", "break the pair")
    node.restart()
    with pytest.raises(PairError, match="itself"):
        Membership(node.system, node.changes).leave(PAIR["id"])
    assert node.changes.current.pair is not None


def test_a_pair_is_made_by_one_at_a_time(node: OneNode) -> None:
    membership = single(node)
    refused = threading.Event()

    def other() -> None:
        with pytest.raises(BusyError), membership.alone():
            pass
        refused.set()

    with membership.alone():
        thread = threading.Thread(target=other)
        thread.start()
        thread.join(10)
    assert refused.is_set()
    with membership.alone():
        assert not thread.is_alive()
