"""What a node of a pair tells the other about itself, with every hello."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, Field

from lbadmin.change import Changes, Point
from lbadmin.errors import LbadminError
from lbadmin.pair.heartbeat import Heartbeat, Role
from lbadmin.pair.model import PairId, PairState

MAX_TEXT = 1_000
"""Characters of a text from the peer, and below it its lists: a peer gone mad fills no memory."""

Text = Annotated[str, Field(max_length=MAX_TEXT)]


class Refusal(BaseModel):
    """A revision of the ClusterConfig that a node could not take, and why."""

    revision: int
    reason: Text


class PeerTruth(BaseModel):
    """A node as it sees itself. The other's version may know fields more, or fewer."""

    hostname: Text
    version: Text
    uptime_s: int
    boot_id: Text = ""
    role: Role
    role_since: datetime | None = None
    state: PairState | None = None
    cluster_revision: int
    cluster_hash: Text
    not_ready: Annotated[list[Text], Field(max_length=100)] = []
    refused: Refusal | None = None
    licensed: bool = False

    @property
    def point(self) -> Point:
        """Which ClusterConfig that node has in effect."""
        return Point(self.cluster_revision, self.cluster_hash)


class Hello(BaseModel):
    """What a node says to the other: the pair's id, its truth, and its clock (seconds since 1970)."""

    id: PairId
    truth: PeerTruth
    time: float


class HelloAnswer(BaseModel):
    """The other's truth and clock, and whether it knows the asker's ClusterConfig."""

    truth: PeerTruth
    time: float
    knows_yours: bool


class Witness:
    """Tells the truth about this node."""

    def __init__(self, changes: Changes, heartbeat: Heartbeat) -> None:
        self._changes = changes
        self._heartbeat = heartbeat
        self._version = changes.system.version()
        self._boot_id = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        self._refused: tuple[Point, Refusal] | None = None
        self._told: tuple[Role, list[str]] | None = None
        self.is_licensed: Callable[[], bool] = lambda: False
        """Whether this node has a licence of its own."""

    def has_news(self) -> bool:
        """Tell whether the role, or what speaks against this node, is not what was told last."""
        return self._told != (self._heartbeat.role(), self._heartbeat.readiness())

    def refuse(self, point: Point, error: LbadminError) -> None:
        """Note that a ClusterConfig of the peer could not be taken."""
        self._refused = point, Refusal(revision=point.revision, reason=error.sentence[:MAX_TEXT])

    def refusal_of(self, point: Point) -> str | None:
        """Return why this node did not take that ClusterConfig, None when it never was given it."""
        return self._refused[1].reason if self._refused is not None and self._refused[0] == point else None

    def tell(self) -> PeerTruth:
        """Return the truth of this moment."""
        current = self._changes.current
        self._told = role, not_ready = self._heartbeat.role(), self._heartbeat.readiness()
        return PeerTruth(
            hostname=current.node.hostname,
            version=self._version,
            uptime_s=self._changes.system.uptime_s(),
            boot_id=self._boot_id,
            role=role,
            role_since=self._heartbeat.since(),
            state=None if current.pair is None else current.pair.state,
            cluster_revision=current.cluster_revision,
            cluster_hash=current.cluster_hash,
            not_ready=not_ready,
            refused=None if self._refused is None else self._refused[1],
            licensed=self.is_licensed(),
        )
