"""Whether this node may be master: what keepalived can't see for itself, told it through a file.

keepalived tracks the file "unfit": 0, or what is added to this node's priority. -254 takes the role away in
milliseconds. Links and, with some patience, HAProxy's process are keepalived's own to watch: it goes on
without lbadmind.
"""

import contextlib
import logging
import os
import select
import threading
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

from lbadmin.activate import HEARTBEAT_PENDING
from lbadmin.change import Changes
from lbadmin.pair.model import joined
from lbadmin.pair.readiness import KEEPALIVED_PID, GatewayWatch, HAProxyProbe, homeless, link_troubles
from lbadmin.render.keepalived import UNFIT
from lbadmin.worker import STOP_S

TICK_S = 1.0
NOT_MASTER = -254
"""Takes so much from either node's priority that keepalived counts the instance as failed."""
GIVEN_AWAY_S = 2.0
"""keepalived acts within milliseconds; on a busy machine the note of it may take longer."""
SECOND = -100
"""Lets the other node be master, and this one only when the other can't."""

ENDED = "/usr/lib/lbva/heartbeat-ended"
LONE_TICKS = 2
"""So often keepalived has to be found gone before its addresses are removed: systemd starts it anew, and then
it does that itself."""

log = logging.getLogger(__name__)


def _hurry() -> None:
    """Let this thread run before all that is no real-time one (sched(7)), where that is allowed.

    It sleeps but for milliseconds a second. To end a dead HAProxy's thousand connections the kernel takes
    half a second of an emulated processor, with HAProxy's weight; until then this thread would hardly run.
    """
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))


class Findings(NamedTuple):
    """What speaks against this node, as sentences.

    `own` troubles are there whatever the peer has; `relative` ones count only while the peer can do better,
    else both would refuse to serve for what keeps neither from it.
    """

    own: tuple[str, ...] = ()
    relative: tuple[str, ...] = ()


def blamed(trouble: str, name: str) -> str:
    """Return a trouble of the node of that name as the cause of what came of it, without the remedy."""
    return f"on {name} {trouble.partition(';')[0]}"


class Watch:
    """Keeps the file up to date while this node is in a pair. Safe to use from several threads."""

    def __init__(self, changes: Changes) -> None:
        self.peer_can_serve: Callable[[], bool] = lambda: False
        """Tells whether the peer was heard lately and has nothing to say against itself."""
        self._changes = changes
        self._file = changes.system.path(UNFIT)
        self._haproxy = HAProxyProbe(changes.system)
        self._gateway = GatewayWatch()
        self._findings = Findings()
        self._lock = threading.Lock()
        self._restarts = 0
        self._lone_ticks = 0
        self._standing_by: str | None = None
        self._second = False
        self._given_away: tuple[float, str] | None = None
        self._waker = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def stop(self) -> None:
        """Watch no longer; what keepalived was told stays."""
        self._stopped = True
        self.wake()
        if self._thread.ident is not None:
            self._thread.join(STOP_S)

    def wake(self) -> None:
        """Look at once, as after a change of the pair."""
        os.eventfd_write(self._waker, 1)

    def readiness(self) -> list[str]:
        """Return why this node can't serve, sentences; none when it can, or is in no pair.

        What keepalived has acted on is looked at now, so that it is told along with the role.
        """
        current, findings = self._changes.current, self._findings
        if joined(current.pair) is None:
            return []
        links = link_troubles(current.cluster, current.node)
        return [*findings.own, *links, *self._keepalived_troubles(), *findings.relative]

    def take_cause(self, when: float) -> str | None:
        """Return, once, why this node was kept from being master about then; None when it was not."""
        given, self._given_away = self._given_away, None
        return given[1] if given is not None and abs(given[0] - when) < GIVEN_AWAY_S else None

    @contextlib.contextmanager
    def planned_restart(self) -> Iterator[None]:
        """Let HAProxy end in this block without giving the role away."""
        with self._lock:
            self._restarts += 1
        try:
            yield
        finally:
            with self._lock:
                self._restarts -= 1
            self.wake()

    @contextlib.contextmanager
    def standing_by(self, cause: str) -> Iterator[None]:
        """Keep this node from being master in this block. Afterwards it is second where a node fails back."""
        with self._lock:
            self._standing_by = cause
            self._write()
        try:
            yield
        finally:
            with self._lock:
                self._standing_by = None
                self._second = self._changes.current.cluster.ha.fail_back
                self._write()

    def be_first(self) -> None:
        """Undo what `standing_by` has left: this node was asked to be master."""
        with self._lock:
            self._second = False
            self._write()

    def _run(self) -> None:
        _hurry()
        while not self._stopped:
            try:
                pause_s = self._look()
            except Exception:  # keepalived is to be told the next thing, whatever this one met
                log.exception("the watch failed")
                pause_s = TICK_S
            self._wait(pause_s)

    def _wait(self, pause_s: float | None) -> None:
        """Wait for the time, a call of `wake`, or HAProxy's end, which is told at once."""
        poll = select.poll()
        poll.register(self._waker, select.POLLIN)
        if self._haproxy.handle is not None:
            poll.register(self._haproxy.handle, select.POLLIN)
        ready = [number for number, _ in poll.poll(None if pause_s is None else pause_s * 1000)]
        if self._haproxy.handle in ready:
            self._haproxy_ended()
        if self._waker in ready:
            os.eventfd_read(self._waker)

    def _haproxy_ended(self) -> None:
        with self._lock:
            self._haproxy.ended(planned=self._restarts > 0)
            if self._restarts == 0:
                self._findings = self._findings._replace(own=("HAProxy is not running",))
                self._write()

    def _look(self) -> float | None:
        """Look at everything; return the seconds until the next time, None: not before `wake`."""
        current = self._changes.current
        if joined(current.pair) is None:
            self._haproxy.close()
            with self._lock:
                self._findings, self._second = Findings(), False
                self._file.unlink(missing_ok=True)
            return None
        with self._lock:
            restarting = self._restarts > 0
        # A probe takes its time, and nobody is to wait for it.
        haproxy = None if restarting else self._haproxy.trouble()
        gateway = self._gateway.trouble(current.cluster, current.node)
        relative = [*homeless(current.cluster, current.node), *([gateway] if gateway else [])]
        self._clean_up()
        with self._lock:
            own = () if haproxy is None or self._restarts > 0 else (haproxy,)
            self._findings = Findings(own, tuple(relative))
            self._second = self._second and current.cluster.ha.fail_back
            self._write()
        return TICK_S

    def _keepalived_troubles(self) -> list[str]:
        # The status says apart that a restart is pending.
        if self._is_pending() or self._changes.system.runs(KEEPALIVED_PID):
            return []
        return ["keepalived is not running; restart heartbeat"]

    def _is_pending(self) -> bool:
        return self._changes.system.path(HEARTBEAT_PENDING).exists()

    def _clean_up(self) -> None:
        """Remove the addresses of a keepalived that was killed and does not come back."""
        if self._is_pending() or self._changes.system.runs(KEEPALIVED_PID):
            self._lone_ticks = 0
            return
        self._lone_ticks += 1
        if self._lone_ticks == LONE_TICKS:
            log.warning("keepalived has ended and is not back; its addresses are removed")
            self._changes.system.run([ENDED])

    def _unfit(self) -> tuple[int, str]:
        """Return what is added to the priority, and why."""
        name = self._changes.current.node.hostname
        findings = self._findings
        if self._standing_by is not None:
            return NOT_MASTER, self._standing_by
        if findings.own:
            return NOT_MASTER, blamed(findings.own[0], name)
        if findings.relative and self.peer_can_serve():
            return NOT_MASTER, blamed(findings.relative[0], name)
        return (SECOND, "") if self._second else (0, "")

    def _write(self) -> None:
        """Tell keepalived; the lock is held."""
        value, cause = self._unfit()
        text = f"{value}\n"
        with contextlib.suppress(OSError):
            if self._file.read_text(encoding="ascii") == text:
                return
        if value == NOT_MASTER:
            self._given_away = time.time(), cause
        # In place: keepalived reads it when it is closed. The journal can wait.
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._file.write_text(text, encoding="ascii")
        if value == NOT_MASTER:
            log.warning("this node is kept from being master: %s", cause)
        elif value == 0:
            log.info("this node may be master")
