"""A pair of native nodes: made, waited for, and looked at as a whole."""

import contextlib
import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from lbadmin.client import RequestError
from tests.image.nodes import Node, appliances
from tests.image.servers import wait_until

SETTLED_S = 30.0
VIP = "192.168.10.30"
SERVICE = {
    "label": "OCS-Front-End",
    "ip": VIP,
    "ports": [5060, 5061],
    "health_check": {"type": "none"},
    "real_servers": [{"label": "FE-1", "ip": "192.168.10.31"}, {"label": "FE-2", "ip": "192.168.10.32"}],
}
"""The guide's, short of ports and checks."""

_OWN = ("tls/node.pem", "access", "pair", "failovers", "alerts.json", "graphs/")
"""State that is looked at apart, that asking for an identity may make, or that grows by itself."""


Nodes = tuple[Node, Node]


@contextlib.contextmanager
def paired_nodes(folder: Path, software: Path) -> Iterator[Nodes]:
    """Two appliances that are a pair with the guide's service: the one that made it, and the other."""
    with appliances(folder, software, 21, 22) as (one, other):
        answer = one.rest("POST", "/layer7/virtual-services", SERVICE)
        assert answer.status == 201, answer.body
        pair_up(one, other)
        yield one, other


def wish(one: Node, other: Node, **different: str) -> dict[str, str]:
    """Return the request to pair `one` with `other`."""
    return {"local_ip": one.address, "peer_ip": other.address, "password": other.password, **different}


def pair_up(one: Node, other: Node) -> None:
    """Pair `other` to `one` and wait until all is well."""
    answer = one.rest("POST", "/pair", wish(one, other))
    assert answer.status == 201, answer.body
    restarted = one.rest("POST", "/services/heartbeat/restart")
    assert restarted.status < 300, restarted.body
    wait_until_settled(one, other)


def wait_until_settled(*nodes: Node) -> None:
    """Wait until exactly one is master, the other is its slave, and both say that they are in sync."""
    try:
        wait_until(lambda: is_settled(*nodes), SETTLED_S)
    except AssertionError:
        raise AssertionError(f"the pair did not settle: {[view(node) for node in nodes]}") from None


def is_settled(*nodes: Node) -> bool:
    """Tell whether exactly one is master, the other is its slave, and both say that they are in sync."""
    views = [view(node) for node in nodes]
    return (
        sorted(str(each.get("role")) for each in views) == ["master", "slave"]
        and all(each["state"] == "paired" and each["sync"] == "in sync" for each in views)
        and len({digest(node, "cluster") for node in nodes}) == 1
    )


def is_single(node: Node) -> bool:
    """Tell whether the node is a single one, with nothing left of a pair."""
    seen = view(node)
    return (
        (seen.get("state"), seen.get("role"), seen.get("sync")) == ("single", "single", "single")
        and not node.path("/etc/haproxy/peer.cfg").exists()
        and "unicast_peer" not in node.path("/etc/keepalived/keepalived.conf").read_text()
        and node.run("systemctl", "is-active", "lbva-peer.service", check=False) == "inactive\n"
    )


def view(node: Node) -> dict[str, Any]:
    """Return what a node says of the pair, nothing while it does not answer."""
    with contextlib.suppress(RequestError, OSError, RuntimeError):
        seen: dict[str, Any] = node.get("/pair")
        return seen
    return {}


def master_and_slave(nodes: Sequence[Node]) -> tuple[Node, Node]:
    """Return the two by their roles."""
    one, other = nodes
    return (one, other) if view(one)["role"] == "master" else (other, one)


def digest(node: Node, document: str) -> str:
    """Return a digest of a document in effect: "cluster" or "node"."""
    path = {"cluster": "/config", "node": "/node"}[document]
    return hashlib.sha256(repr(node.get(path)).encode()).hexdigest()


def picture(node: Node) -> dict[str, str]:
    """Return all that a refused pairing must leave alone: state, rendered files, the daemons' processes."""
    files = {
        str(path.relative_to(node.state)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(node.state.rglob("*"))
        if path.is_file() and not str(path.relative_to(node.state)).startswith(_OWN)
    }
    rendered: dict[str, str] = node.get("/files")["files"]
    units = ("haproxy", "keepalived", "lbva-peer", "lbadmind")
    daemons = {
        unit: node.run("systemctl", "show", "--property=MainPID,NRestarts,ActiveState", unit)
        for unit in units
    }
    return {**files, **rendered, **daemons}
