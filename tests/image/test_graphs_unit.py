"""lbva-graphs.service as systemd starts it: sandboxed it measures and draws, and its folders are its own."""

from tests.image.nodes import Node
from tests.image.servers import wait_until

UNIT = "lbva-graphs.service"


def test_the_sandboxed_service_measures_and_draws(two_nodes: tuple[Node, Node]) -> None:
    node, _ = two_nodes
    wait_until(lambda: node.run("systemctl", "is-active", UNIT, check=False) == "active\n", 60, UNIT)
    wait_until(lambda: "cpu" in node.run("lbcli", "graphs", check=False), 60, "the first sample")
    node.run("lbcli", "graph", "memory", "--png", "/run/memory.png", "--csv", "/run/memory.csv")
    assert node.path("/run/memory.png").read_bytes().startswith(b"\x89PNG")
    owners = node.run("stat", "--format", "%U %a", "/var/lib/lbadmin/graphs", "/run/lbva-graphs")
    assert owners == "lbva-graphs 700\nlbva-graphs 700\n"
    assert node.run("stat", "--format", "%G %a", "/run/haproxy/graphs.sock") == "lbva-graphs 660\n"
    assert node.run("systemctl", "show", "--value", "-p", "NRestarts", UNIT) == "0\n"
    node.run("lbcli", "set-node", "--graphs", "false")
    wait_until(lambda: node.run("systemctl", "is-active", UNIT, check=False) == "inactive\n", 30, "its end")
