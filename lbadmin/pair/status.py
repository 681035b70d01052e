"""PairStatus: the pair as this node knows it, for pages, programs and alarms; nothing is asked for it."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel

from lbadmin.change import Changes
from lbadmin.pair.failovers import Failover
from lbadmin.pair.heartbeat import Heartbeat, Role
from lbadmin.pair.identity import fingerprint_of, known_certificate
from lbadmin.pair.model import PairState
from lbadmin.pair.progress import Progress, StepState
from lbadmin.pair.sync import Heard, Sync
from lbadmin.pair.truth import Refusal
from lbadmin.pair.verdict import SyncWord


class PeerStatus(BaseModel):
    """What the peer said last, `heard_s_ago`."""

    hostname: str
    version: str
    uptime_s: int
    role: Role
    role_since: datetime | None
    cluster_revision: int
    cluster_hash: str
    ready: bool
    not_ready: list[str]
    refused: Refusal | None
    heard_s_ago: int


class ProgressStep(BaseModel):
    """One step of pairing."""

    text: str
    state: StepState


class PairingProgress(BaseModel):
    """How far the last attempt to pair came since lbadmind started."""

    steps: list[ProgressStep]
    error: str | None


class PairStatus(BaseModel):
    """The pair: `ready` tells whether this node can serve, and `not_ready` why it can't."""

    state: Literal["single"] | PairState
    primary: bool
    role: Role
    role_since: datetime | None
    local_ip: str | None
    peer_ip: str | None
    fingerprint: str | None
    peer_fingerprint: str | None
    sync: SyncWord
    sync_detail: str | None
    ready: bool
    not_ready: list[str]
    restart_heartbeat: bool
    peer: PeerStatus | None
    last_failover: Failover | None
    failovers: list[Failover]
    progress: PairingProgress | None


def pair_status(changes: Changes, heartbeat: Heartbeat, sync: Sync, progress: Progress | None) -> PairStatus:
    """Return the pair as it is now."""
    pair = changes.current.pair
    own = known_certificate(changes.system) if pair is None else pair.local_certificate
    heard = None if pair is None else sync.heard()
    state = sync.state()
    not_ready, failovers = heartbeat.readiness(), heartbeat.failovers()
    return PairStatus(
        state="single" if pair is None else pair.state,
        primary=pair is not None and pair.primary,
        role=heartbeat.role(),
        role_since=heartbeat.since(),
        local_ip=None if pair is None else str(pair.local_ip),
        peer_ip=None if pair is None else str(pair.peer_ip),
        fingerprint=None if own is None else fingerprint_of(own),
        peer_fingerprint=None if pair is None else fingerprint_of(pair.peer_certificate),
        sync=state.word,
        sync_detail=state.detail,
        ready=not not_ready,
        not_ready=not_ready,
        restart_heartbeat=heartbeat.restart_pending(),
        peer=None if heard is None else _peer(heard, sync.age_s(heard)),
        last_failover=failovers[0] if failovers else None,
        failovers=failovers,
        progress=None if progress is None else _progress(progress),
    )


def _peer(heard: Heard, age_s: float) -> PeerStatus:
    truth = heard.truth
    return PeerStatus(
        hostname=truth.hostname,
        version=truth.version,
        uptime_s=truth.uptime_s,
        role=truth.role,
        role_since=truth.role_since,
        cluster_revision=truth.cluster_revision,
        cluster_hash=truth.cluster_hash,
        ready=not truth.not_ready,
        not_ready=truth.not_ready,
        refused=truth.refused,
        heard_s_ago=int(age_s),
    )


def _progress(progress: Progress) -> PairingProgress:
    steps = [ProgressStep(text=step.text, state=step.state) for step in progress.steps]
    return PairingProgress(steps=steps, error=progress.error)
