"""Addresses, MTU and routes of a native appliance, whose networkd is the one that ships, seen from outside.

The build machine's kernel need not know bonds and VLANs: those are proven on the booted appliance.
"""

import contextlib
import http.client
import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.image.nodes import Node, appliances
from tests.image.servers import wait_until
from tests.packets import is_heard, sniffer

OWN, MOVED, SERVED = "192.168.2.21", "192.168.2.60", "192.168.10.21"
FAR, FARTHER = "10.99.0.1", "172.30.0.1"
ETH0 = {"name": "eth0", "addresses": [f"{OWN}/24"]}
ETH1 = {"name": "eth1", "addresses": [f"{SERVED}/24"]}
HTTPS_PORT = 9443
TAKEN_BACK_S = 90.0
VIRTUAL = "192.168.10.30"


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory, software: Path) -> Iterator[Node]:
    with appliances(tmp_path_factory.mktemp("node"), software, 21) as (made,):
        service = {"label": "web", "ip": VIRTUAL, "ports": [80]}
        assert made.rest("POST", "/layer7/virtual-services", service).status == 201
        yield made


@pytest.fixture(autouse=True)
def as_deployed(node: Node) -> Iterator[None]:
    yield
    change(node, interfaces=[ETH0, ETH1], gateway=None, gateway6=None, routes=[])
    wait_until(lambda: segment_size(OWN) > 1400, what="the node is as it was deployed")


def change(node: Node, *, confirmed: bool = True, **fields: object) -> None:
    answer = node.rest("PATCH", f"/node?confirmed={json.dumps(confirmed)}", fields)
    assert answer.status == 200, answer.body


def segment_size(address: str) -> int:
    """Return the most that a TCP segment to the address may hold, as its owner says; 0 without an answer."""
    try:
        connection = socket.create_connection((address, HTTPS_PORT), timeout=1)
    except OSError:
        return 0
    with connection:
        return connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG)


def pinged(node: Node, heard: socket.socket, source: str, target: str) -> Callable[[], bool]:
    """Whether what the node sends to an address, from one of its own, arrives where one listens."""

    def arrived() -> bool:
        node.run("ping", "-c", "1", "-W", "1", "-I", source, target, check=False)
        return is_heard(heard, source, target)

    return arrived


def test_each_of_several_addresses_answers_and_virtual_ones_stay(node: Node) -> None:
    wait_until(lambda: node.has_address(VIRTUAL), what="the virtual address is there")
    change(node, confirmed=False, interfaces=[{**ETH0, "addresses": [f"{OWN}/24", f"{MOVED}/24"]}, ETH1])
    # What is only added can't cut anybody off.
    assert node.get("/node/unconfirmed")["seconds_left"] is None
    for address in (OWN, MOVED):
        wait_until(lambda asked=address: segment_size(asked) > 0, what=f"{address} answers")  # type: ignore[misc]
    assert node.has_address(VIRTUAL)


def test_packets_are_as_large_as_the_mtu_and_grow_again_without_it(node: Node) -> None:
    change(node, interfaces=[ETH0, {**ETH1, "mtu": 1000}])
    wait_until(lambda: 900 < segment_size(SERVED) <= 960, what="small packets")
    assert node.has_address(VIRTUAL)
    change(node, interfaces=[ETH0, ETH1])
    wait_until(lambda: segment_size(SERVED) > 1400, what="full packets")


def test_routes_lead_packets_to_their_routers_and_go_again(node: Node) -> None:
    routes = ["10.99.0.0/16 via 192.168.10.100", "default via 192.168.10.100 from 192.168.10.0/24"]
    change(node, interfaces=[ETH0, ETH1], gateway="192.168.2.1", routes=routes)
    with (
        contextlib.closing(sniffer("service")) as service,
        contextlib.closing(sniffer("management")) as gateway,
    ):
        for heard, source, target in (
            (service, OWN, FAR),
            (service, SERVED, FARTHER),
            (gateway, OWN, FARTHER),
        ):
            wait_until(pinged(node, heard, source, target), what=f"{source} to {target}")
        # The node's own networks are reached as before, also from the policy's addresses.
        wait_until(pinged(node, gateway, SERVED, "192.168.2.1"), what="the other network")
        change(node, gateway="192.168.2.1", routes=[])
        wait_until(pinged(node, gateway, OWN, FAR), what="the default gateway for all")
        wait_until(pinged(node, gateway, SERVED, FARTHER), what="the default gateway for all")


def move(node: Node) -> None:
    change(node, confirmed=False, interfaces=[{**ETH0, "addresses": [f"{MOVED}/24"]}, ETH1])
    wait_until(lambda: segment_size(MOVED) > 0, what="the new address answers")
    assert segment_size(OWN) == 0


def taken_back(node: Node) -> bool:
    return any("was taken back" in each["text"] for each in node.get("/messages")["messages"])


def test_a_move_that_nobody_confirms_is_taken_back_and_told(node: Node) -> None:
    move(node)
    wait_until(lambda: segment_size(OWN) > 0, TAKEN_BACK_S, what="the old address answers again")
    wait_until(lambda: segment_size(MOVED) == 0, what="the new address is gone")
    assert taken_back(node)
    with contextlib.suppress(http.client.HTTPException):
        assert node.https("GET", "/status")[0] == 200


def test_a_power_cut_takes_back_what_waits_and_leaves_what_is_confirmed(node: Node) -> None:
    move(node)
    node.restart()
    assert segment_size(OWN) > 0
    assert taken_back(node)
    move(node)
    assert not taken_back(node)
    assert node.rest("POST", "/node/confirm").status == 204
    node.kill()
    node.start()
    wait_until(lambda: segment_size(MOVED) > 0, TAKEN_BACK_S, what="the new address after a start")
    assert node.get("/node/unconfirmed")["seconds_left"] is None
