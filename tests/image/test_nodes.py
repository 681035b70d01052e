"""Two native appliances beside each other: what tests of the pair stand on."""

from collections.abc import Iterator

import pytest

from tests.image.nodes import Node, cut, join
from tests.image.servers import FrontEnd, connect, wait_until

Nodes = tuple[Node, Node]


CONNECT = """
import socket, sys
try:
    socket.create_connection((sys.argv[1], 9443), timeout=1)
except OSError:
    sys.exit(1)
print("reached")
"""


def reaches(node: Node, address: str) -> bool:
    return node.run("python3", "-c", CONNECT, address, check=False) == "reached\n"


def test_each_node_is_an_appliance_of_its_own(two_nodes: Nodes) -> None:
    for node, host in zip(two_nodes, (21, 22), strict=True):
        assert node.get("/status")["node"]["hostname"] == node.name
        assert node.https("GET", "/status", password="wrong")[0] == 401
        assert node.has_address(f"192.168.2.{host}")
        assert node.has_address(f"192.168.10.{host}")
        assert not node.has_address("192.168.10.30")
        assert node.run("systemctl", "--failed", "--no-legend") == ""


def test_nodes_that_are_cut_apart_are_reached_by_all_others(two_nodes: Nodes) -> None:
    one, other = two_nodes
    assert reaches(one, other.address)
    cut(one, other)
    assert not reaches(one, other.address)
    assert not reaches(other, one.service_address)
    assert other.https("GET", "/status")[0] == 200
    join(one, other)
    assert reaches(one, other.address)
    other.link(1, "down")
    assert not reaches(one, other.service_address)
    other.link(1, "up")
    wait_until(lambda: reaches(one, other.service_address), what="the cable is in again")


@pytest.fixture
def front_end(two_nodes: Nodes) -> Iterator[FrontEnd]:
    made = FrontEnd("FE-1", "192.168.10.31", (5060,))
    made.start()
    yield made
    made.stop()


def test_a_power_cut_leaves_what_the_disk_holds(two_nodes: Nodes, front_end: FrontEnd) -> None:
    one, other = two_nodes
    service = {"label": "web", "ip": "192.168.10.30", "ports": [5060]}
    service["real_servers"] = [{"label": "FE-1", "ip": "192.168.10.31"}]
    answer = one.rest("POST", "/layer7/virtual-services", service)
    assert answer.status == 201, answer.body
    wait_until(lambda: one.has_address("192.168.10.30"), what="the virtual address is there")
    one.kill()
    assert other.https("GET", "/status")[0] == 200
    with pytest.raises(OSError, match=r"No route to host|timed out"):
        one.https("GET", "/status")
    one.start()
    one.wait_until_up()
    wait_until(lambda: one.has_address("192.168.10.30"), what="the virtual address is there again")
    connection, name = connect("192.168.10.30", 5060, "192.168.10.100")
    connection.close()
    assert name == "FE-1"
