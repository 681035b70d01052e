"""A pair of native appliances is broken: both are usable, whether the other hears of it or not."""

from functools import partial

import pytest

from tests.image.nodes import Node
from tests.image.pairs import SERVICE, VIP, is_single, master_and_slave, pair_up, view, wait_until_settled
from tests.image.servers import wait_until

Nodes = tuple[Node, Node]
OWN_VIP = "192.168.10.40"


@pytest.fixture
def pair(two_nodes: Nodes) -> Nodes:
    """lb1 with a service, and lb2 paired to it."""
    one, other = two_nodes
    answer = one.rest("POST", "/layer7/virtual-services", SERVICE)
    assert answer.status == 201, answer.body
    pair_up(one, other)
    return one, other


def services(node: Node) -> list[str]:
    return [each["label"] for each in node.get("/config")["virtual_services"]]


def wait_until_apart(stays: Node, leaves: Node) -> None:
    """Wait until both are single, and the services and their address are where they belong."""
    for node in (stays, leaves):
        wait_until(partial(is_single, node), 30, f"{node.name} is single")
    wait_until(lambda: stays.has_address(VIP), what="who stays has the address")
    assert not leaves.has_address(VIP)
    assert (services(stays), services(leaves)) == (["OCS-Front-End"], [])


def is_usable(node: Node) -> None:
    """Add a service of the node's own, which nobody else has, and take it away again."""
    own = {**SERVICE, "label": "own", "ip": OWN_VIP, "ports": [8080]}
    added = node.rest("POST", "/layer7/virtual-services", own)
    assert added.status == 201, added.body
    assert node.rest("DELETE", "/layer7/virtual-services/own").status in {200, 204}


@pytest.mark.parametrize("stays", ["lb1", "lb2"])
def test_the_master_breaks_the_pair_and_both_are_usable(pair: Nodes, stays: str) -> None:
    master, slave = master_and_slave(pair)
    if master.name != stays:
        # A keepalived that has just been restarted waits before it may be master.
        wait_until(lambda: slave.rest("POST", "/pair/take-over").status == 200, what="the slave takes over")
        wait_until_settled(*pair)
        master, slave = slave, master
    answer = master.rest("DELETE", "/pair")
    assert (answer.status, answer.body["state"]) == (200, "single"), answer.body
    wait_until_apart(master, slave)
    for node in pair:
        is_usable(node)
    # What the leaving node had is in its history.
    revisions = slave.get("/history/cluster")["revisions"]
    kept = [slave.get(f"/history/cluster/{each['revision']}")["document"] for each in revisions[:3]]
    assert any(document["virtual_services"] for document in kept)


def test_the_slave_breaks_nothing_and_leads_to_the_master(pair: Nodes) -> None:
    master, slave = master_and_slave(pair)
    answer = slave.rest("DELETE", "/pair")
    assert (answer.status, master.address in answer.body["detail"]) == (409, True), answer.body
    wait_until_settled(*pair)


def test_a_broken_pair_can_be_made_again(pair: Nodes) -> None:
    one, other = pair
    assert one.rest("DELETE", "/pair").status == 200
    wait_until_apart(one, other)
    pair_up(one, other)
    assert services(other) == ["OCS-Front-End"]


def test_a_peer_that_is_away_learns_of_it_when_it_returns(pair: Nodes) -> None:
    one, other = pair
    other.kill()
    answer = one.rest("DELETE", "/pair")
    assert (answer.status, answer.body["state"]) == (200, "leaving"), answer.body
    assert services(one) == ["OCS-Front-End"]
    wait_until(lambda: one.has_address(VIP), what="who stays has the address")
    other.start()
    other.wait_until_up()
    wait_until_apart(one, other)


def test_who_is_leaving_can_restart_meanwhile(pair: Nodes) -> None:
    one, other = pair
    other.kill()
    assert one.rest("DELETE", "/pair").body["state"] == "leaving"
    one.restart()
    assert view(one)["state"] == "leaving"
    wait_until(lambda: one.has_address(VIP), what="who stays has the address")
    other.start()
    other.wait_until_up()
    wait_until_apart(one, other)


def test_a_peer_that_never_returns_can_be_forgotten(pair: Nodes) -> None:
    one, other = pair
    other.kill()
    assert one.rest("DELETE", "/pair").body["state"] == "leaving"
    assert one.rest("DELETE", "/pair").body["state"] == "single"
    assert is_single(one)
    wait_until(lambda: one.has_address(VIP), what="who stays has the address")
    is_usable(one)
    # The forgotten one comes back, finds that it is in no pair any more, and does not fight for the address.
    other.start()
    other.wait_until_up()
    wait_until(lambda: not other.has_address(VIP) and one.has_address(VIP), 30, "one alone has the address")


def test_a_single_node_has_nothing_to_break(two_nodes: Nodes) -> None:
    answer = two_nodes[0].rest("DELETE", "/pair")
    assert answer.status in {404, 409}, answer.body
