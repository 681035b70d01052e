"""The master's role given and taken on purpose, and the heartbeat of both nodes restarted."""

import logging
import time
from collections.abc import Callable
from contextlib import closing

from lbadmin.change import Changes
from lbadmin.errors import PairError, UnavailableError
from lbadmin.pair.advertisements import Advertisements
from lbadmin.pair.channel import Channel, PeerRefusedError
from lbadmin.pair.failovers import STARTING_S, Told
from lbadmin.pair.heartbeat import Heartbeat
from lbadmin.render.keepalived import STARTUP_DELAY_S

DEADLINE_S = 3.0
"""Until a slave that was ready is master; it takes milliseconds."""
TOLD_S = 10.0
"""Until its lbadmind knows, too, or answers at all: clients go first, and all have just moved there."""
START_S = STARTUP_DELAY_S + STARTING_S
"""A slave whose keepalived has just started is waited for: it is deaf for a moment."""
PAUSE_S = 0.02
ANSWER_S = DEADLINE_S + TOLD_S + 5.0

log = logging.getLogger(__name__)


class TakeOver:
    """What an administrator asks of the pair. Safe to use from several threads."""

    def __init__(self, changes: Changes, heartbeat: Heartbeat, channel: Channel) -> None:
        self._changes = changes
        self._heartbeat = heartbeat
        self._channel = channel

    def take_over(self, who: str) -> None:
        """Make this node the master, when it can be.

        Raises PairError with nothing changed, or UnavailableError when the peer can't be reached.
        """
        chronicle = self._heartbeat.chronicle
        _holds(lambda: not chronicle.is_starting(), time.monotonic() + START_S)
        reasons = self._heartbeat.readiness()
        if reasons and self._heartbeat.role() != "master":
            raise PairError(f"this node can't take over: {reasons[0]}")
        self._be("slave", "take over")
        self._channel.call("POST", "/peer/stand-by", {"who": who}, timeout_s=ANSWER_S)
        if not _holds(lambda: self._heartbeat.role() == "master", time.monotonic() + TOLD_S):
            raise PairError("the peer stood by, but this node did not become master; see Logs for the reason")
        self._heartbeat.watch.be_first()
        self._heartbeat.wake()

    def hand_over(self, who: str) -> None:
        """Make the peer the master, when it can be; see `take_over`."""
        self._be("master", "hand over")
        _holds(lambda: not self._told().starting, time.monotonic() + START_S)
        told = self._told()
        if told.not_ready:
            raise PairError(f"{told.hostname} can't take over: {told.not_ready[0]}")
        if told.role != "slave":
            raise PairError(f"{told.hostname} can't take over: its role is {told.role}, not slave")
        self._stand_by(f"hand-over by {who}")
        _holds(self._peer_knows, time.monotonic() + TOLD_S)

    def stand_by(self, who: str) -> None:
        """Give the role away, as the peer has asked. Raises PairError with nothing changed."""
        self._be("master", "stand by")
        self._stand_by(f"take-over by {who}")

    def restart(self) -> str | None:
        """Restart the heartbeat on both nodes, the master's first, so that it stays the master.

        Returns why the peer's was not, None when it was. Raises ActivationError.
        """
        role = self._heartbeat.role()
        if role == "single":
            self._heartbeat.restart()
            return None
        if role == "slave":
            missed = self._restart_peer()
            self._heartbeat.restart()
            return missed
        self._heartbeat.restart()
        return self._restart_peer()

    def _restart_peer(self) -> str | None:
        try:
            self._channel.call("POST", "/peer/heartbeat/restart", timeout_s=ANSWER_S)
        except (UnavailableError, PeerRefusedError) as error:
            log.warning("the peer's heartbeat was not restarted: %s", error)
            return f"the heartbeat was restarted here, but not on the peer: {error}"
        return None

    def _stand_by(self, cause: str) -> None:
        pair = self._changes.current.pair
        if pair is None:
            raise PairError("this node is in no pair any more")
        with closing(Advertisements(pair)) as advertisements, self._heartbeat.watch.standing_by(cause):
            taken = _holds(advertisements.peer_is_master, time.monotonic() + DEADLINE_S)
        if not taken:
            raise PairError("the peer did not become master in time; this node is master again")

    def _peer_knows(self) -> bool:
        try:
            return self._told().role == "master"
        except (UnavailableError, PeerRefusedError):
            return False

    def _told(self) -> Told:
        return self._heartbeat.chronicle.ask(TOLD_S)[0]

    def _be(self, role: str, act: str) -> None:
        now = self._heartbeat.role()
        if now == "single":
            raise PairError(f"this node can't {act}: it is in no pair; create one first")
        if now != role:
            raise PairError(f"this node can't {act}: its role is {now}, not {role}")


def _holds(condition: Callable[[], bool], deadline: float) -> bool:
    """Wait until the condition holds; tell whether it does by the deadline (monotonic)."""
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(PAUSE_S)
    return True
