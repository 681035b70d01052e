"""Follows this node's role: records each change of the master, learns why from the peer, runs the hooks."""

import json
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime

from pydantic import ValidationError

from lbadmin.change import Changes
from lbadmin.errors import LbadminError, UnavailableError
from lbadmin.pair.channel import Channel
from lbadmin.pair.failovers import (
    KEEP,
    STARTING_S,
    Failover,
    Left,
    Names,
    Record,
    Told,
    merged,
    refined,
    silence_ms,
    taken_over,
)
from lbadmin.pair.hooks import run_hooks
from lbadmin.pair.model import PairConfig, joined
from lbadmin.pair.readiness import keepalived_started, link_troubles
from lbadmin.pair.role import Role, RoleChange, Roles
from lbadmin.pair.watch import Watch, blamed
from lbadmin.render.keepalived import STARTUP_DELAY_S

RECORD = "failovers.json"
ENDED = "heartbeat-ended"
"""In the state: when keepalived ended as the machine went down (overlay/usr/lib/lbva/heartbeat-ended)."""
MEMORY = "/run/lbadmin/role-last"
"""Since when roles are followed, the last one, and when this node was master last: gone with a reboot."""

POLL_S = 0.5
ASIDE_S = 0.05
ANSWER_S = 2.0
"""Hooks wait so long for what the peer knows of it."""
ASK_S, ASK_LATER_S = 2.0, 10.0
"""Between two questions while there is something to learn; later when the peer is away for long."""
PATIENT_AFTER = 10

log = logging.getLogger(__name__)


class Chronicle:
    """The record of this node; `work` is called by one thread, all else may be by others."""

    def __init__(self, changes: Changes, channel: Channel, roles: Roles, watch: Watch) -> None:
        self.on_role_change: Callable[[], None] = lambda: None
        """Told of each new role; has to return at once."""
        self._changes = changes
        self._system = changes.system
        self._channel = channel
        self._roles = roles
        self._watch = watch
        self._record = Record(changes.system.state / RECORD)
        self._memory = changes.system.path(MEMORY)
        self._begun = time.time()
        self._last: RoleChange | None = None
        self._left: Left | None = None
        self._remember()
        self._untold: deque[tuple[Role, RoleChange, str]] = deque(maxlen=KEEP)
        self._lock = threading.Lock()
        self._open = True
        self._asked = 0
        self._ask_at = 0.0

    def failovers(self) -> list[Failover]:
        """Return the record, newest first."""
        return self._record.failovers

    def is_starting(self) -> bool:
        """Tell whether keepalived has just started: it listens before it takes a role."""
        return time.time() - keepalived_started(self._system) < STARTUP_DELAY_S + STARTING_S

    def tell(self) -> Told:
        """Return what this node tells the peer."""
        asked = time.time()
        pair = joined(self._changes.current.pair)
        if pair is not None:
            self._catch_up(pair)
        return Told(
            hostname=self._own_name(),
            role=self._roles.role(),
            not_ready=self._watch.readiness(),
            starting=self.is_starting(),
            left=self._left,
            begun=self._begun,
            asked=asked,
            now=time.time(),
            failovers=self._record.failovers,
        )

    def ask(self, timeout_s: float = ANSWER_S) -> tuple[Told, float]:
        """Return what the peer tells, and how much its clock is ahead (s), as NTP has it (RFC 5905, 8).

        Raises UnavailableError, or PeerRefusedError in its words.
        """
        sent = time.time()
        answer = self._channel.call("GET", "/peer/heartbeat", timeout_s=timeout_s)
        try:
            told = Told.model_validate(answer)
        except ValidationError as error:
            raise UnavailableError(
                "the peer's answer can't be understood; see that both nodes run the same version"
            ) from error
        return told, (told.asked - sent + told.now - time.time()) / 2

    def work(self) -> float | None:
        """Follow what is new; return the seconds until the next time, None: not before there is a pair."""
        pair = joined(self._changes.current.pair)
        if pair is None:
            self._forget()
            return None
        self._catch_up(pair)
        if self._open and time.monotonic() >= self._ask_at:
            self._learn()
        self._run_hooks(pair)
        return POLL_S

    def _catch_up(self, pair: PairConfig) -> None:
        """Follow all that keepalived has said."""
        with self._lock:
            if not self._roles.put_aside():
                return
            time.sleep(ASIDE_S)
            with self._roles.taken() as changes:
                for change in changes:
                    self._follow(change, pair)
        self.on_role_change()

    def _follow(self, change: RoleChange, pair: PairConfig) -> None:
        before = self._last
        if before is not None and before.role == change.role:
            return
        cause = "start"
        if change.role == "master":
            cause = self._took_over(change, pair)
        elif before is not None and before.role == "master":
            cause = self._why(change)
            self._left = Left(when=change.when, cause=cause)
        elif self._left is not None:
            cause = self._left.cause
        self._last, self._open, self._asked, self._ask_at = change, True, 0, 0.0
        self._memorize()
        was: Role = "unknown" if before is None else before.role
        log.info("this node is %s, was %s: %s", change.role, was, cause)
        self._untold.append((was, change, cause))

    def _run_hooks(self, pair: PairConfig) -> None:
        """Tell the administrator's programs of the changes, with what the peer has said of them by now."""
        causes = {each.when: each.cause for each in self._record.failovers if each.to == self._own_name()}
        while self._untold:
            was, change, cause = self._untold.popleft()
            when = datetime.fromtimestamp(change.when, UTC)
            environment = {
                "LBVA_OLD_ROLE": was,
                "LBVA_NEW_ROLE": change.role,
                "LBVA_CAUSE": causes.get(when, cause) if change.role == "master" else cause,
                "LBVA_WHEN": when.isoformat(timespec="milliseconds"),
                "LBVA_HOSTNAME": self._own_name(),
                "LBVA_PEER": self._peer_name(pair),
            }
            run_hooks(self._system, f"{change.when:.3f}", environment)

    def _took_over(self, change: RoleChange, pair: PairConfig) -> str:
        leader = self._record.failovers[0].to if self._record.failovers else None
        names = Names(self._own_name(), self._peer_name(pair))
        silence = silence_ms(self._changes.current.cluster.ha, primary=pair.primary)
        failover = taken_over(change, self._last, self._left, leader=leader, names=names, silence=silence)
        self._record.keep(
            merged([failover, *self._record.failovers], [], self._own_name()), self._record.peer
        )
        self._left = None
        return failover.cause

    def _why(self, change: RoleChange) -> str:
        """Return why this node is not master any more, as far as it knows."""
        known = self._watch.take_cause(change.when)
        if known is not None:
            return known
        current, name = self._changes.current, self._own_name()
        if change.role == "unknown" or abs(keepalived_started(self._system) - change.when) < STARTING_S:
            return f"on {name} keepalived had ended"
        links = link_troubles(current.cluster, current.node)
        if links:
            return blamed(links[0], name)
        if change.role == "fault":
            return f"on {name} HAProxy or a link was lost"
        if current.cluster.ha.fail_back and current.pair is not None and not current.pair.primary:
            return f"{self._peer_name(current.pair)} is back, and nodes fail back"
        return f"{name} was frozen or cut off"

    def _learn(self) -> None:
        """Hear the peer's end of the story; there is no more to learn once the newest failover is settled."""
        self._asked += 1
        self._ask_at = time.monotonic() + (ASK_S if self._asked < PATIENT_AFTER else ASK_LATER_S)
        try:
            told, ahead_s = self.ask()
        except LbadminError:
            return
        own = self._own_name()
        with self._lock:
            ours = self._record.failovers
            if ours and ours[0].to == own and not ours[0].settled:
                ours = [refined(ours[0], told, ahead_s), *ours[1:]]
            known = merged(ours, told.failovers, own)
            self._record.keep(known, told.hostname)
            self._open = self._expects_more(known)

    def _expects_more(self, known: list[Failover]) -> bool:
        """Tell whether the newest failover is not understood yet, or is missing: another is master by now."""
        role = self._roles.role()
        if not known:
            return role != "master"
        return not known[0].settled or (role != "master" and known[0].to == self._own_name())

    def _own_name(self) -> str:
        return self._changes.current.node.hostname

    def _peer_name(self, pair: PairConfig) -> str:
        return self._record.peer or str(pair.peer_ip)

    def _remember(self) -> None:
        """Take up where the last lbadmind stopped; after a reboot that is when the machine went down."""
        try:
            stored = json.loads(self._memory.read_bytes())
            self._begun = float(stored["begun"])
            self._last = RoleChange(*stored["last"]) if stored["last"] else None
            self._left = Left.model_validate(stored["left"]) if stored["left"] else None
        except FileNotFoundError:
            self._note_reboot()
            self._memorize()
        except (OSError, ValueError, KeyError, TypeError):
            log.exception("%s could not be read; the last change of role is unknown", self._memory)

    def _note_reboot(self) -> None:
        ended = self._system.state / ENDED
        try:
            _, when = ended.read_text(encoding="ascii").split()
            self._left = Left(when=float(when), cause=f"{self._own_name()} was restarted or switched off")
            ended.unlink()
        except (OSError, ValueError):
            return

    def _memorize(self) -> None:
        left = None if self._left is None else self._left.model_dump()
        memory = {"begun": self._begun, "last": self._last, "left": left}
        try:
            self._memory.parent.mkdir(parents=True, exist_ok=True)
            self._memory.write_text(json.dumps(memory), encoding="utf-8")
        except OSError:
            log.exception("%s could not be written", self._memory)

    def _forget(self) -> None:
        self._roles.forget()
        self._untold.clear()
        self._last, self._left, self._open = None, None, True
        self._memorize()
        self._record.keep([], None)
