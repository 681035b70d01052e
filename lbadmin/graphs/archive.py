"""The files: a round robin database for each object, in one folder, within one budget."""

import contextlib
import logging
from pathlib import Path

import rrdtool

from lbadmin.graphs.layout import (
    ARCHIVES,
    BUDGET_BYTES,
    HEARTBEAT_S,
    KINDS,
    SEPARATOR,
    SPARE_BYTES,
    STEP_S,
    kind_of,
    size_of,
    within_budget,
)
from lbadmin.graphs.sampling import Samples, Values

SUFFIX = ".rrd"
DAMAGED = "damaged"
"""Where the last file that could not be read is kept, for whoever wants to know why."""

TICKS_KEPT = 6
"""Samples that wait in memory, so that a file is written once a minute: a power cut loses these."""
KEEP_GONE_S = 30 * 86_400
"""How long the file of an object that is gone stays, if there is room."""
BACK_S = 600
"""A clock that jumps back by more begins an object anew; by less, what is too old is left out."""

log = logging.getLogger(__name__)


class Archive:
    """Keeps samples. No method raises for what is wrong with a file: it is put aside, and begun anew."""

    def __init__(self, folder: Path, budget: int = BUDGET_BYTES) -> None:
        self._folder = folder
        self._budget = budget
        self._waiting: dict[str, list[tuple[int, Values]]] = {}
        self._last: dict[str, int] = {}
        self.graphed: list[str] = []
        self.known: list[str] = []
        self._tick = 0

    def path(self, object_id: str) -> Path:
        """Return where the file of an object lies."""
        return self._folder / f"{object_id}{SUFFIX}"

    def record(self, now: int, samples: Samples) -> None:
        """Take the samples of a moment (seconds since 1970); a sixth of all files is written each time."""
        if list(samples) != self.known:
            self.known = list(samples)
            self.graphed = within_budget(self.known, self._budget)
            self._make_room()
        self._tick += 1
        for number, each in enumerate(self.graphed):
            self._waiting.setdefault(each, []).append((now, samples[each]))
            if number % TICKS_KEPT == self._tick % TICKS_KEPT:
                self.flush(each)

    def flush(self, object_id: str) -> None:
        """Write what waits for an object."""
        waiting = self._waiting.pop(object_id, [])
        if not waiting:
            return
        try:
            self._write(object_id, waiting)
        except Exception as error:  # noqa: BLE001 - whatever the binding meets in a file
            log.warning("%s can't be written: %s", self.path(object_id).name, error)
            self._put_aside(object_id)

    def flush_all(self) -> None:
        """Write all that waits."""
        for each in list(self._waiting):
            self.flush(each)

    def size(self) -> int:
        """Return the bytes of all files."""
        return sum(path.stat().st_size for path in self._folder.glob(f"*{SUFFIX}"))

    def remove_gone(self, now: int) -> None:
        """Remove the files of objects that have been gone for KEEP_GONE_S."""
        for path in self._gone():
            if now - path.stat().st_mtime > KEEP_GONE_S:
                path.unlink(missing_ok=True)

    def _write(self, object_id: str, waiting: list[tuple[int, Values]]) -> None:
        last = self._last.get(object_id)
        if last is None:
            last = self._open(object_id, waiting[0][0])
        if last > waiting[-1][0] + BACK_S:
            log.warning("the clock was turned back: %s begins anew", object_id)
            self.path(object_id).unlink()
            last = self._open(object_id, waiting[0][0])
        lines = []
        for when, values in waiting:
            if when > last:
                lines.append(":".join([str(when), *("U" if each is None else str(each) for each in values)]))
                last = when
        if lines:
            rrdtool.update(str(self.path(object_id)), *lines)
        self._last[object_id] = last

    def _open(self, object_id: str, now: int) -> int:
        """Return when an object's file was written last (seconds since 1970); make it if there is none."""
        path = self.path(object_id)
        if path.exists():
            problem = damage_of(path)
            if problem is None:
                return int(rrdtool.last(str(path)))
            log.warning("%s is damaged: %s", path.name, problem)
            self._put_aside(object_id)
        kind = object_id.partition(SEPARATOR)[0]
        self._make_room(size_of(kind))
        create(path, kind, now)
        return now - 1

    def _put_aside(self, object_id: str) -> None:
        self._last.pop(object_id, None)
        with contextlib.suppress(OSError):
            self.path(object_id).replace(self._folder / DAMAGED)

    def _make_room(self, wanted: int = 0) -> None:
        """Remove files of objects that are gone, the oldest first, until all that is graphed fits."""
        missing = (
            size_of(each.partition(SEPARATOR)[0]) for each in self.graphed if not self.path(each).exists()
        )
        room = self._budget - SPARE_BYTES - max(sum(missing), wanted)
        total = self.size()
        for path in self._gone():
            if total <= room:
                return
            total -= path.stat().st_size
            log.info("%s makes room", path.name)
            path.unlink(missing_ok=True)
        for each in set(self._waiting) - set(self.graphed):
            del self._waiting[each]
        for each in set(self._last) - set(self.graphed):
            del self._last[each]

    def _gone(self) -> list[Path]:
        """Return the files of what is not graphed now, those first that were written longest ago."""
        graphed = {self.path(each) for each in self.graphed}
        files = [path for path in self._folder.glob(f"*{SUFFIX}") if path not in graphed]
        return sorted(files, key=lambda path: path.stat().st_mtime)


def create(path: Path, kind: str, now: int) -> None:
    """Make an empty file, whole or not at all. Raises rrdtool.OperationalError or OSError."""
    temporary = path.with_suffix(".new")
    with contextlib.suppress(FileNotFoundError):
        temporary.unlink()
    rrdtool.create(
        str(temporary),
        "--step",
        str(STEP_S),
        "--start",
        str(now - 1),
        *(f"DS:{each.name}:{each.kind}:{HEARTBEAT_S}:0:U" for each in KINDS[kind].sources),
        *(f"RRA:AVERAGE:0.5:{steps}:{rows}" for steps, rows in ARCHIVES),
    )
    temporary.rename(path)


def damage_of(path: Path) -> str | None:
    """Return what is wrong with a file, None when it can be written: RRDtool itself trusts what it reads."""
    kind = kind_of(path.stem)
    if kind is None:
        return "it is none of ours"
    if path.stat().st_size != size_of(kind):
        return f"it has {path.stat().st_size} bytes, not {size_of(kind)}"
    try:
        told = rrdtool.info(str(path))
        rrdtool.last(str(path))
    except Exception as error:  # noqa: BLE001 - whatever the binding meets in a file
        return str(error)
    for name, expected in _form(kind):
        if told.get(name) != expected:
            return f"its {name} is {told.get(name)!r}, not {expected!r}"
    for number, (_, rows) in enumerate(ARCHIVES):
        if not 0 <= int(told[f"rra[{number}].cur_row"]) < rows:
            return f"its archive {number} goes on outside of it"
    return None


def _form(kind: str) -> list[tuple[str, object]]:
    form: list[tuple[str, object]] = [("step", STEP_S)]
    for index, source in enumerate(KINDS[kind].sources):
        form += [(f"ds[{source.name}].index", index), (f"ds[{source.name}].type", source.kind)]
    for number, (steps, rows) in enumerate(ARCHIVES):
        form += [(f"rra[{number}].rows", rows), (f"rra[{number}].pdp_per_row", steps)]
    return form
