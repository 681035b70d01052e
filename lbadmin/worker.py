"""A thread that does one thing again and again: when it is woken, and when its time has come."""

import logging
import threading
from collections.abc import Callable

STOP_S = 2.0
"""How long `stop` waits for what the thread is doing; the process may end without it."""

log = logging.getLogger(__name__)


class Worker:
    """Calls `work` once started; its answer is the seconds until the next call, None: not before `wake`."""

    def __init__(self, name: str, work: Callable[[], float | None]) -> None:
        self._work = work
        self._woken = threading.Event()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin with the first call."""
        self._thread.start()

    def wake(self) -> None:
        """Let the next call be at once; one that goes on now is followed by another."""
        self._woken.set()

    def stop(self) -> None:
        """Make no further call, and wait a moment for the one that goes on."""
        self._stopped = True
        self.wake()
        if self._thread.ident is not None:
            self._thread.join(STOP_S)

    def _run(self) -> None:
        while not self._stopped:
            self._woken.clear()
            try:
                pause_s = self._work()
            except Exception:  # the pair goes on, whatever one call met
                log.exception("%s failed", self._thread.name)
                pause_s = STOP_S
            self._woken.wait(pause_s)
