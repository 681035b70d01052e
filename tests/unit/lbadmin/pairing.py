"""One node of a pair for unit tests: its stores, its clock, and a channel that answers as it is told."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lbadmin.change import Changes, Point
from lbadmin.haproxy import HAProxy
from lbadmin.pair.channel import Channel
from lbadmin.pair.model import PairConfig, parse_pair
from lbadmin.pair.parts import build
from lbadmin.pair.sync import Sync
from lbadmin.pair.truth import PeerTruth
from lbadmin.store import Store, hash_of
from lbadmin.system import System

CERTIFICATE = "-----BEGIN CERTIFICATE-----\nYQ==\n-----END CERTIFICATE-----\n"
PAIR: dict[str, Any] = {
    "state": "paired",
    "id": "0" * 32,
    "primary": True,
    "local_ip": "192.168.2.21",
    "peer_ip": "192.168.2.22",
    "router_id": 21,
    "local_certificate": CERTIFICATE,
    "peer_certificate": CERTIFICATE,
    "peer_web_fingerprint": "a" * 64,
}
Answers = Callable[[str, str, Any], Any]


def pair_config(**fields: object) -> PairConfig:
    """Return a PairConfig with these fields."""
    pair = parse_pair({**PAIR, **fields})
    assert pair is not None
    return pair


def document(maxconn: int) -> dict[str, Any]:
    """Return a ClusterConfig that differs from others by this."""
    return {"layer7": {"maxconn": maxconn}}


def point(revision: int, content: Mapping[str, Any]) -> Point:
    """Return the point of a document under that number."""
    return Point(revision, hash_of(content))


def truth(at: Point, **fields: object) -> PeerTruth:
    """Return what a peer with that ClusterConfig tells."""
    about: dict[str, object] = {"hostname": "lb2", "version": "1", "uptime_s": 1, "role": "slave"}
    return PeerTruth.model_validate(
        {**about, "cluster_revision": at.revision, "cluster_hash": at.hash, **fields}
    )


class Line(Channel):
    """The way to a peer that answers by a function; what is sent is kept."""

    def __init__(self, answers: Answers) -> None:
        self.answers = answers
        self.sent: list[tuple[str, str, Any]] = []

    def call(self, method: str, path: str, body: object = None, *, timeout_s: float = 0) -> Any:  # noqa: ANN401, ARG002 - as Channel has it
        """Answer as the function does."""
        self.sent.append((method, path, body))
        return self.answers(method, path, body)

    def paths(self) -> list[str]:
        """Return what was asked for, in order."""
        return [path for _, path, _ in self.sent]


class OneNode:
    """A node whose ClusterConfigs are these documents, numbered from 1, in a pair."""

    def __init__(self, root: Path, documents: list[dict[str, Any]], answers: Answers) -> None:
        self.system = System(root=root)
        clusters = Store(self.system.state / "cluster")
        for each in documents:
            clusters.commit(each, "loadbalancer", "change")
        Store(self.system.state / "pair").commit(PAIR, "loadbalancer", "pair")
        self.now = 1000.0
        self.line = Line(answers)
        self.restart()

    def restart(self) -> None:
        """Begin as lbadmind does."""
        self.changes = Changes(self.system, HAProxy(self.system))
        self.witness = build(self.system, self.changes).witness
        self.sync = Sync(self.changes, self.line, self.witness, lambda: self.now)

    def change(self) -> None:
        """Make a new revision."""
        self.changes.renumber(self.changes.current.cluster_revision + 1, "loadbalancer", "change")
