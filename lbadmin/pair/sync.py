"""Replication: the two nodes tell each other the truth, and who is ahead gives the other its ClusterConfig.

One exchange informs both, so the node whose turn comes first asks and the other listens. Whole documents are
pushed by whoever has the newer one, master or slave: the slave may have been master while the other was away.
"""

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from pydantic import ValidationError

from lbadmin.change import Changes, Point
from lbadmin.errors import LbadminError, PairError, UnavailableError
from lbadmin.pair.agreement import Agreement
from lbadmin.pair.channel import Channel, PeerRefusedError
from lbadmin.pair.model import PairConfig, joined
from lbadmin.pair.protocol import sent_cluster
from lbadmin.pair.truth import HelloAnswer, PeerTruth, Witness
from lbadmin.pair.verdict import SyncState, Verdict, decide, describe

HELLO_S = 2.0
SHARED_S = 1.5
"""A peer that said hello so long ago needs not be asked: the answer it got informed both."""
UNREACHABLE_S = 6.0
AWAY_S = 5.0
"""Pause between two attempts while the peer is away."""
FAILURES = 2
"""Exchanges in a row that have to fail: one may meet a peer that is restarting its lbadmind."""
LASTING_S = 15.0
"""A change is on both nodes before that; what takes longer is worth an alarm."""
RETRY_S = 300.0
"""Pause before a ClusterConfig that the peer refused is offered again: its disk may have been full."""
PUSH_TIMEOUT_S = 180.0
"""The peer checks it and reloads HAProxy; under software emulation that is many seconds."""
PATIENCE_S = 10.0
"""How long a request waits for an exchange that goes on."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Heard:
    """The peer's truth, and when it was heard: monotonic, and by this node's clock (seconds since 1970).

    `ahead_s` is how much the peer's clock is ahead of this node's.
    """

    truth: PeerTruth
    at: float
    when: float
    ahead_s: float


@dataclass(frozen=True)
class Rebuff:
    """What the peer refused to take in place of what it has, why, and when it was told (monotonic)."""

    ours: Point
    theirs: Point
    reason: str
    at: float


class Sync:
    """Replication on this node. Safe to use from several threads."""

    def __init__(
        self,
        changes: Changes,
        channel: Channel,
        witness: Witness,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._changes = changes
        self._channel = channel
        self._witness = witness
        self._clock = clock
        self._agreement = Agreement(changes.system.state / "pair-agreed.json")
        self._equal_at = clock()
        self._exchange = threading.Lock()
        self._heard: Heard | None = None
        self._failures = 0
        self._trouble = ""
        self._known: tuple[Point, Point, bool] | None = None
        self._rebuff: Rebuff | None = None

    def heard(self) -> Heard | None:
        """Return what the peer said last, however long ago."""
        return self._heard

    def age_s(self, heard: Heard) -> float:
        """Return how long ago the peer said that."""
        return self._clock() - heard.at

    def peer(self) -> PeerTruth | None:
        """Return the peer's truth, None when it is too old to go by."""
        heard = self._heard
        return None if heard is None or self._is_away(heard) else heard.truth

    def peer_is_slave_since(self, moment: datetime | None) -> bool:
        """Tell whether the peer was heard after a moment, and said that it is not the master."""
        heard, peer = self._heard, self.peer()
        later = heard is not None and moment is not None and heard.when > moment.timestamp()
        return later and peer is not None and peer.role in {"slave", "fault"}

    def peer_can_serve(self) -> bool:
        """Tell whether the peer was heard lately, and has nothing to say against itself."""
        peer = self.peer()
        return peer is not None and not peer.not_ready

    def peer_is_licensed(self) -> bool:
        """Tell whether the peer was heard lately, and has a licence of its own."""
        peer = self.peer()
        return peer is not None and peer.licensed

    def state(self) -> SyncState:
        """Return how the two stand, without asking anybody."""
        pair = joined(self._changes.current.pair)
        if pair is None:
            return SyncState("single")
        heard = self._heard
        if heard is None or self._is_away(heard):
            return SyncState("unreachable", self._absence(pair, heard))
        return self._described(heard.truth)

    def is_worrying(self) -> bool:
        """Tell whether the nodes are out of sync for a reason that does not go away by itself in a moment."""
        word = self.state().word
        if word == "behind":
            return self._is_refused() or self._clock() - self._equal_at > LASTING_S
        return word == "conflict" or (
            word == "unreachable" and (self._heard is not None or self._clock() - self._equal_at > LASTING_S)
        )

    def _is_refused(self) -> bool:
        heard = self._heard
        return heard is not None and (
            self._rebuffed(heard.truth) is not None or self._witness.refusal_of(heard.truth.point) is not None
        )

    def greeted(self, truth: PeerTruth, their_time: float) -> bool:
        """Take the peer's truth as it says hello; tell whether this node knows its ClusterConfig.

        The caller wakes the thread when `needs_work` says so.
        """
        self._hear(truth, their_time - time.time())
        return self._knows(truth.point)

    def needs_work(self) -> bool:
        """Tell whether the peer has to be given something, or asked."""
        heard = self._heard
        return heard is not None and (self._offers(heard.truth) or self._verdict(heard.truth) == "unknown")

    def work(self) -> float:
        """Exchange truths with the peer and give it what it lacks; return the seconds until the next time."""
        try:
            with self._alone():
                heard = self._heard
                if heard is None or self._is_due(heard):
                    heard = self._hello()
                if self._offers(heard.truth):
                    # What it refused is remembered, and shown.
                    with contextlib.suppress(PeerRefusedError):
                        self._push(heard.truth.point)
        except (LbadminError, OSError) as error:
            self._failures += 1
            self._trouble = str(error)
        return AWAY_S if self._failures >= FAILURES else HELLO_S

    def ask(self) -> PeerTruth:
        """Exchange truths with the peer now. Raises UnavailableError, or PeerRefusedError in its words."""
        with self._alone():
            return self._hello().truth

    def forget(self) -> None:
        """Forget the peer: this node is single."""
        self._agreement.forget()
        self._heard, self._known, self._rebuff = None, None, None
        self._failures, self._equal_at = 0, self._clock()

    def keep_ours(self, who: str) -> None:
        """Give the peer this node's ClusterConfig in place of its own: the way out of a conflict.

        Raises PairError when both have the same, UnavailableError or PeerRefusedError.
        """
        with self._alone():
            theirs = self._differing()
            if self._verdict(theirs) != "ahead":
                revision = max(theirs.cluster_revision, self._changes.current.cluster_revision) + 1
                self._changes.renumber(revision, who, "keep this node's configuration")
            self._push(theirs.point)

    def keep_theirs(self, who: str) -> None:
        """Have the peer give this node its ClusterConfig; see `keep_ours`."""
        with self._alone():
            self._differing()
            body = {"id": self._pair().id, "who": who}
            self._channel.call("POST", "/peer/resolve", body, timeout_s=PUSH_TIMEOUT_S)
            self._hello()

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        # Two nodes that are told to resolve a conflict at the same time must not wait for each other.
        if not self._exchange.acquire(timeout=PATIENCE_S):
            raise UnavailableError("the nodes are exchanging a configuration; try again in a minute")
        try:
            yield
        finally:
            self._exchange.release()

    def _differing(self) -> PeerTruth:
        theirs = self._hello().truth
        if self._verdict(theirs) == "in sync":
            raise PairError("both nodes have the same configuration; there is nothing to resolve")
        return theirs

    def _hello(self) -> Heard:
        pair, truth = self._pair(), self._witness.tell()
        sent = time.time()
        body = {"id": pair.id, "truth": truth.model_dump(mode="json", by_alias=True), "time": sent}
        answer = self._channel.call("POST", "/peer/hello", body)
        return self._take(answer, truth.point, sent)

    def _pair(self) -> PairConfig:
        pair = joined(self._changes.current.pair)
        if pair is None:
            raise PairError("this node is in no pair; create one first")
        return pair

    def _take(self, body: object, ours: Point, sent: float) -> Heard:
        """Note what the peer answered to a request that told it of `ours`. Raises UnavailableError."""
        try:
            answer = HelloAnswer.model_validate(body)
        except ValidationError as error:
            raise UnavailableError(
                "the peer's answer can't be understood; see that both nodes run the same version"
            ) from error
        self._known = ours, answer.truth.point, answer.knows_yours
        return self._hear(answer.truth, answer.time - (sent + time.time()) / 2)

    def _hear(self, truth: PeerTruth, ahead_s: float) -> Heard:
        self._failures, self._trouble = 0, ""
        self._heard = heard = Heard(truth, self._clock(), time.time(), ahead_s)
        pair, ours = joined(self._changes.current.pair), self._changes.point()
        if pair is not None and truth.point == ours:
            self._equal_at = heard.at
            self._agreement.note(pair.id, ours)
        return heard

    def _push(self, theirs: Point) -> None:
        ours, sent = self._changes.point(), time.time()
        cluster = sent_cluster(self._changes)
        body = {**cluster.model_dump(mode="json"), "id": self._pair().id, "replaces": theirs._asdict()}
        try:
            answer = self._channel.call("PUT", "/peer/cluster", body, timeout_s=PUSH_TIMEOUT_S)
        except PeerRefusedError as error:
            self._rebuff = Rebuff(ours, theirs, str(error), self._clock())
            raise
        self._rebuff = None
        heard = self._take(answer, ours, sent)
        log.info("%s has taken revision %d", heard.truth.hostname, ours.revision)

    def _verdict(self, truth: PeerTruth) -> Verdict:
        ours, theirs = self._changes.point(), truth.point
        known = self._known
        return decide(
            ours,
            theirs,
            theirs_known=self._knows(theirs),
            ours_known=known[2] if known is not None and known[:2] == (ours, theirs) else None,
        )

    def _knows(self, point: Point) -> bool:
        """Tell whether this node's ClusterConfig was made from that one."""
        pair = joined(self._changes.current.pair)
        return self._changes.knows(point) or (pair is not None and self._agreement.holds(pair.id, point))

    def _is_due(self, heard: Heard) -> bool:
        old = self._clock() - heard.at > SHARED_S or self._failures > 0
        return old or self._witness.has_news() or self._verdict(heard.truth) == "unknown"

    def _is_away(self, heard: Heard) -> bool:
        return self._clock() - heard.at > UNREACHABLE_S or self._failures >= FAILURES

    def _offers(self, truth: PeerTruth) -> bool:
        """Tell whether the peer is to be given this node's ClusterConfig."""
        if self._verdict(truth) != "ahead":
            return False
        rebuff = self._rebuffed(truth)
        return rebuff is None or self._clock() - rebuff.at > RETRY_S

    def _rebuffed(self, truth: PeerTruth) -> Rebuff | None:
        rebuff = self._rebuff
        points = self._changes.point(), truth.point
        return rebuff if rebuff is not None and (rebuff.ours, rebuff.theirs) == points else None

    def _described(self, truth: PeerTruth) -> SyncState:
        rebuff = self._rebuffed(truth)
        refused = self._witness.refusal_of(truth.point) if rebuff is None else rebuff.reason
        ours = self._changes.current.cluster_revision
        return describe(self._verdict(truth), ours, truth.cluster_revision, truth.hostname, refused)

    def _absence(self, pair: PairConfig, heard: Heard | None) -> str:
        if heard is None:
            known = f"{pair.peer_ip} was not heard since lbadmind started"
        else:
            known = f"{heard.truth.hostname} ({pair.peer_ip}) was heard {self._clock() - heard.at:.0f} s ago"
        return f"{known}: {self._trouble}" if self._trouble else known
