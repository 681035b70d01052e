"""How much of the trial is used up: counted where neither a factory reset nor a restore reaches.

What counts is the time since the first boot, by the clock. The clock may be turned back, so the time that the
appliance has been running counts at the least, and what was counted once stays so. (A clock that was once
years ahead has used the trial up: hypervisors set it right, and a licence mends it.)
"""

import json
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from lbadmin.store import write_durably
from lbadmin.system import System

TRIAL = timedelta(days=30)
RECORD = "/data/trial/record.json"
"""On the data partition, and not in the state: that is what a factory reset empties."""
GRACE = timedelta(days=30)
"""How long a node without a licence of its own stands in for one of a licensed pair: time to ask for one."""
GRACE_RECORD = "/data/trial/grace.json"

SAVE_EVERY_S = 600
"""A power cut costs the vendor ten minutes at most."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Clocks:
    """The machine's clock (seconds since 1970), its running time (seconds), and the id of this boot."""

    wall: Callable[[], float] = time.time
    running: Callable[[], float] = lambda: time.clock_gettime(time.CLOCK_BOOTTIME)
    boot: Callable[[], str] = lambda: (
        Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    )


@dataclass(frozen=True)
class _Record:
    """What was counted up to a moment; `wall` is that moment by a clock that never goes back."""

    used_s: float
    wall: float
    running: float
    boot: str


class Trial:
    """Counts the trial of one appliance, or another time given once. Safe to use from several threads."""

    def __init__(
        self,
        system: System,
        clocks: Clocks | None = None,
        *,
        record: str = RECORD,
        whole: timedelta = TRIAL,
    ) -> None:
        """Go on counting where the record ends; without one it begins now."""
        self._path = system.path(record)
        self._whole = whole
        self._clocks = clocks or Clocks()
        self._lock = threading.Lock()
        self._record = self._load()
        self._saved_s = self._record.used_s
        self.count()
        self._save()

    def left(self) -> timedelta:
        """Return what is left, nothing when it has ended."""
        return max(timedelta(), self._whole - timedelta(seconds=self.count()))

    def today(self) -> date:
        """Return the day (UTC) by a clock that does not go back."""
        self.count()
        return datetime.fromtimestamp(self._record.wall, UTC).date()

    def count(self) -> float:
        """Count up to now; return the seconds of the trial that are used up."""
        with self._lock:
            now = _Record(0, self._clocks.wall(), self._clocks.running(), self._clocks.boot())
            last = self._record
            ran = now.running - last.running if now.boot == last.boot else now.running
            passed = max(ran, now.wall - last.wall, 0)
            used_s = last.used_s + passed
            self._record = _Record(used_s, last.wall + passed, now.running, now.boot)
            if used_s - self._saved_s >= SAVE_EVERY_S:
                self._save()
            return used_s

    def _load(self) -> _Record:
        """Return the record of the last time; the beginning when there is none."""
        beginning = _Record(0, self._clocks.wall(), self._clocks.running(), self._clocks.boot())
        try:
            stored = json.loads(self._path.read_text(encoding="ascii"))
            return _Record(
                float(stored["used_s"]), float(stored["wall"]), float(stored["running"]), str(stored["boot"])
            )
        except FileNotFoundError:
            return beginning
        except (OSError, ValueError, KeyError, TypeError):
            log.exception("%s can't be read; the trial is counted from now on", self._path)
            return beginning

    def _save(self) -> None:
        """Write the record, whole or not at all; a full disk is not the appliance's end."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_durably(self._path, json.dumps(asdict(self._record)).encode(), mode=0o600)
        except OSError as error:
            log.warning("%s can't be written: %s", self._path, error)
        self._saved_s = self._record.used_s
