"""The record of who was master when, and why it changed: what two nodes know of it, put together."""

import json
import logging
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lbadmin.model import HaSettings
from lbadmin.pair.role import Role, RoleChange
from lbadmin.render.keepalived import ADVERTISEMENT_MS, PRIORITIES
from lbadmin.store import write_durably

KEEP = 20
MAX_TEXT = 1_000
"""Characters of a text from the peer: one gone mad fills no memory."""

UNHEARD_ADVERTISEMENTS = 3
"""After so many a silent master is replaced (RFC 9568, 6.1)."""
STARTING_S = 1.0
"""What an emulated machine needs beside that from the role of slave to that of master."""
GAVE_AWAY_S = (-1.0, 10.0)
"""A master that left so long before another took over gave its role to it. How much their
clocks differ is known but roughly: a gap that comes out negative was too short to be measured."""
GIVE_UP_S = 20.0
"""How long a peer that is back may take to say why it left."""

Text = Annotated[str, Field(max_length=MAX_TEXT)]

log = logging.getLogger(__name__)


class Names(NamedTuple):
    """Host names of this node and of its peer."""

    own: str
    peer: str


class Failover(BaseModel):
    """A change of the master: host names, why, and how long there was none.

    `duration_ms` is measured from when the old one left to when the new one took over, or what the protocol
    waits for a silent one. While it is not `settled` the old master has not said why it left.
    """

    model_config = ConfigDict(populate_by_name=True, frozen=True)

    when: datetime
    from_: Annotated[Text | None, Field(alias="from")] = None
    to: Text
    cause: Text
    duration_ms: int | None = None
    measured: bool = False
    settled: bool = True


class Left(BaseModel):
    """When a node was master last (seconds since 1970, its clock), and why it is not any more."""

    model_config = ConfigDict(frozen=True)

    when: float
    cause: Text


class Told(BaseModel):
    """What a node tells the other of its role; times are by its clock, seconds since 1970.

    It is `starting` while it listens before it takes a role; `left` is None once it is master again; `begun`
    is when it began to follow the roles since the machine was started. It was `asked` and answers `now`.
    """

    model_config = ConfigDict(frozen=True)

    hostname: Text
    role: Role
    not_ready: Annotated[list[Text], Field(max_length=1_000)]
    starting: bool
    left: Left | None
    begun: float
    asked: float
    now: float
    failovers: Annotated[list[Failover], Field(max_length=KEEP)]


def silence_ms(ha: HaSettings, *, primary: bool) -> int:
    """Return how long this node waits for a silent master (RFC 9568, 6.1)."""
    advertisement_ms = ADVERTISEMENT_MS[ha.sensitivity]
    skew_ms = (256 - PRIORITIES[0 if primary else 1]) * advertisement_ms / 256
    return round(UNHEARD_ADVERTISEMENTS * advertisement_ms + skew_ms)


def taken_over(
    change: RoleChange,
    before: RoleChange | None,
    left: Left | None,
    *,
    leader: str | None,
    names: Names,
    silence: int,
) -> Failover:
    """Return what is known when this node has become master.

    It replaces the peer when that was the last `leader` that is known of. If not, one that had just begun to
    listen replaces nobody: there was no master since it `left` that role itself.
    """
    own, peer = names
    when = datetime.fromtimestamp(change.when, UTC)
    fresh = before is None or change.when - before.when < silence / 1000 + STARTING_S
    if leader == peer or not fresh:
        cause = f"{peer} was not heard"
        return Failover(when=when, from_=peer, to=own, cause=cause, duration_ms=silence, settled=False)
    if left is not None:
        gone_ms = _ms(change.when - left.when)
        return Failover(
            when=when, from_=own, to=own, cause=left.cause, duration_ms=gone_ms, measured=True, settled=False
        )
    return Failover(when=when, to=own, cause="start", settled=False)


def refined(failover: Failover, told: Told, ahead_s: float) -> Failover:
    """Return a failover to this node with the peer's end of it; the peer's clock is so much ahead."""
    took = failover.when.timestamp()
    left = told.left.when - ahead_s if told.left else None
    if told.left is not None and left is not None and GAVE_AWAY_S[0] <= took - left <= GAVE_AWAY_S[1]:
        settled = {
            "from_": told.hostname,
            "cause": told.left.cause,
            "duration_ms": _ms(took - left),
            "measured": True,
            "settled": True,
        }
        return failover.model_copy(update=settled)
    cause = _cause_of_silence(failover, told, ahead_s)
    return failover if cause is None else failover.model_copy(update={"cause": cause, "settled": True})


def _cause_of_silence(failover: Failover, told: Told, ahead_s: float) -> str | None:
    """Return why the peer, which gave nothing away, was not heard; None while it can't be told."""
    took = failover.when.timestamp()
    if told.role == "master":
        return None  # both are, or the peer does not know yet that it is no longer
    if failover.from_ != told.hostname:
        return failover.cause
    if told.left is not None and told.left.when - ahead_s > took:
        return told.left.cause
    if told.begun - ahead_s > took:
        return f"{told.hostname} had crashed or lost power"
    return failover.cause if told.now - ahead_s - took > GIVE_UP_S else None


def _ms(seconds: float) -> int:
    return max(0, round(seconds * 1000))


def merged(ours: Iterable[Failover], theirs: Iterable[Failover], own: str) -> list[Failover]:
    """Return both nodes' records as one, newest first: each is the one to ask about its own taking over."""
    kept = {(each.to, each.when): each for each in ours}
    kept |= {(each.to, each.when): each for each in theirs if each.to != own}
    return sorted(kept.values(), key=lambda each: each.when, reverse=True)[:KEEP]


class Record:
    """The newest failovers and the peer's name, on the disk."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.peer: str | None = None
        self.failovers: list[Failover] = []
        try:
            stored = json.loads(path.read_bytes())
            self.peer = stored["peer"]
            self.failovers = [Failover.model_validate(each) for each in stored["failovers"]]
        except FileNotFoundError:
            pass
        except (OSError, ValueError, KeyError, TypeError, ValidationError):
            log.exception("the record of failovers could not be read; it begins anew")

    def keep(self, failovers: list[Failover], peer: str | None) -> None:
        """Replace what is there; a disk that is full loses it with the next start alone."""
        if (failovers, peer) == (self.failovers, self.peer):
            return
        self.failovers, self.peer = failovers, peer
        stored = [each.model_dump(mode="json", by_alias=True) for each in failovers]
        try:
            write_durably(self._path, json.dumps({"peer": peer, "failovers": stored}).encode(), mode=0o600)
        except OSError:
            log.exception("the record of failovers could not be written")
