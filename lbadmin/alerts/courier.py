"""A queue of events for one way out, and the thread that delivers them: it bundles, tries again, gives up."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

from lbadmin.alerts.event import Event
from lbadmin.worker import Worker

MAX_WAITING = 1_000
"""Events; the oldest are dropped."""
MAX_BUNDLE = 200
BUNDLE_S = 5.0
"""How long the first event waits for others: many real servers at once are one message."""
PAUSES_S = (5.0, 15.0, 30.0, 60.0, 120.0, 300.0)
"""Between tries; the last one again and again."""
GIVE_UP_S = 3_600.0

log = logging.getLogger(__name__)


class DeliveryError(Exception):
    """Events were not taken; `again`: it may be different later."""

    def __init__(self, message: str, *, again: bool = True) -> None:
        super().__init__(message)
        self.again = again


class Courier:
    """Delivers events in their order. `rest_s` is the least time between two deliveries."""

    def __init__(
        self,
        name: str,
        deliver: Callable[[Sequence[Event]], None],
        rest_s: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name = name
        self._deliver = deliver
        self._rest_s = rest_s
        self._clock = clock
        self._lock = threading.Lock()
        self._waiting: deque[Event] = deque(maxlen=MAX_WAITING)
        self._due = 0.0
        self._free = 0.0
        self._tries = 0
        self._since = 0.0
        self._worker = Worker(name, self.work)

    def start(self) -> None:
        """Begin to deliver."""
        self._worker.start()

    def stop(self) -> None:
        """Deliver no more; what waits is lost."""
        self._worker.stop()

    def take(self, events: Sequence[Event]) -> None:
        """Queue events; return at once."""
        with self._lock:
            if not self._waiting:
                self._due = max(self._clock() + BUNDLE_S, self._free)
            lost = len(self._waiting) + len(events) - MAX_WAITING
            if lost > 0:
                log.warning("%s: %d alerts were dropped, because too many wait", self._name, lost)
            self._waiting.extend(events)
        self._worker.wake()

    def work(self) -> float | None:
        """Deliver what is due; return the seconds until there is more to do, None when nothing waits."""
        with self._lock:
            if not self._waiting:
                return None
            left = self._due - self._clock()
            if left > 0:
                return left
            bundle = list(self._waiting)[:MAX_BUNDLE]
        try:
            self._deliver(bundle)
        except DeliveryError as error:
            return self._failed(bundle, error)
        self._done(bundle)
        return 0.0

    def _failed(self, bundle: list[Event], error: DeliveryError) -> float:
        now = self._clock()
        if self._tries == 0:
            self._since = now
            log.warning("%s: %s", self._name, error)
        pause_s = PAUSES_S[min(self._tries, len(PAUSES_S) - 1)]
        self._tries += 1
        if not error.again or now - self._since > GIVE_UP_S:
            log.warning("%s: %d alerts were dropped: %s", self._name, len(bundle), error)
            self._done(bundle)
            return 0.0
        self._due = now + pause_s
        return pause_s

    def _done(self, bundle: list[Event]) -> None:
        self._tries = 0
        self._free = self._clock() + self._rest_s
        with self._lock:
            self._due = self._free
            # A full queue may have dropped some of them meanwhile.
            for each in bundle:
                if self._waiting and self._waiting[0] is each:
                    self._waiting.popleft()
