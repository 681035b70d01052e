"""Faults as verbs on a running lab, each with its undo, and all undone whatever happens.

`with Faults(lab) as faults: undo = faults.crash(machine)`: the machine is back behind the block, if not
before. Active faults are written down in the lab's folder: `lab mend` can undo what another process began.
"""

import contextlib
import fcntl
import json
import logging
import time
import uuid
from collections.abc import Iterator
from dataclasses import asdict
from types import TracebackType
from typing import Any

from harness import fault_kinds as kinds
from harness.deadline import Deadline
from harness.errors import LabError
from harness.fault_kinds import KINDS, Fault
from harness.front_ends import FrontEnd
from harness.lab import Lab
from harness.machine import Machine

MEND_S = 300.0
"""For undoing one fault; booting an emulated machine on a busy computer takes the longest."""

_log = logging.getLogger(__name__)


class Undo:
    """Undoes one fault when called; the second time nothing happens.

    `began` and `acted` are the moments (time.time()) right before and after the fault was brought about.
    """

    def __init__(self, faults: "Faults", name: str, fault: Fault, began: float, acted: float) -> None:
        self.fault = fault
        self.began = began
        self.acted = acted
        self._faults = faults
        self._name = name

    def __call__(self) -> None:
        """Undo the fault and wait until that holds; raises LabError when it can't be."""
        self._faults.end(self._name)


class Faults:
    """The faults that this process has brought about in a lab."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self._own: list[str] = []

    def __enter__(self) -> "Faults":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Undo all of its own, the last one first; what went wrong in the block matters more than in here."""
        failed = self._end_all(reversed(self._own))
        if failed and kind is None:
            raise failed[0]

    def crash(self, machine: Machine) -> Undo:
        """Cut the machine's power; undone by switching it on."""
        return self.begin(kinds.Crash(machine.name))

    def both_down(self) -> Undo:
        """Cut the power of all machines in the same moment."""
        return self.begin(kinds.BothDown())

    def freeze(self, machine: Machine) -> Undo:
        """Stop the machine in the middle of whatever it does."""
        return self.begin(kinds.Freeze(machine.name))

    def kill_service(self, machine: Machine, service: str, *, comes_back: bool) -> Undo:
        """SIGKILL haproxy, keepalived or lbadmind; unless it `comes_back`, nothing starts it again."""
        return self.begin(kinds.KillService(machine.name, service, comes_back))

    def kernel_panic(self, machine: Machine) -> Undo:
        """Let the machine's kernel panic; undone by waiting for it to come back by itself."""
        return self.begin(kinds.KernelPanic(machine.name))

    def reboot(self, machine: Machine) -> Undo:
        """Restart the machine in order; undone by waiting for it to come back."""
        return self.begin(kinds.Reboot(machine.name))

    def link_down(self, machine: Machine, nic: int) -> Undo:
        """Pull the cable of a network card: 0 management, 1 service."""
        return self.begin(kinds.LinkDown(machine.name, nic))

    def partition(self, a: Machine, b: Machine) -> Undo:
        """Cut the two machines from each other on all networks, and from nothing else."""
        return self.begin(kinds.Partition(a.name, b.name))

    def partition_from_front_ends(self, machine: Machine) -> Undo:
        """Cut the machine from the front ends, and from nothing else."""
        return self.begin(kinds.PartitionFromFrontEnds(machine.name))

    def slow(self, machine: Machine, nic: int, delay_ms: float, jitter_ms: float = 0.0) -> Undo:
        """Delay what a network card sends."""
        return self.begin(kinds.Slow(machine.name, nic, delay_ms, jitter_ms))

    def flaky(self, machine: Machine, nic: int, loss_percent: float) -> Undo:
        """Lose a part of what a network card sends."""
        return self.begin(kinds.Flaky(machine.name, nic, loss_percent))

    def fill_disk(self, machine: Machine) -> Undo:
        """Fill the partition of the machine's state to the last block."""
        return self.begin(kinds.FillDisk(machine.name))

    def skew_clock(self, machine: Machine, seconds: int) -> Undo:
        """Set the machine's clock wrong by so many seconds."""
        return self.begin(kinds.SkewClock(machine.name, seconds))

    def front_end(self, front_end: FrontEnd, way: str) -> Undo:
        """Let a front end fail in a way that harness.fault_kinds.front_end knows."""
        return self.begin(kinds.FrontEndFails(front_end.name, way))

    def begin(self, fault: Fault) -> Undo:
        """Bring a fault about; raises LabError when it can't be, or one like it is active."""
        fault = fault.prepared(self.lab)
        name = uuid.uuid4().hex
        with self._written() as active:
            for other in map(_read, active.values()):
                if set(other.touches(self.lab)) & set(fault.touches(self.lab)):
                    raise LabError(f"{other.verb} of the same part is active", "undo it first (`lab mend`)")
            active[name] = {"verb": fault.verb, "values": asdict(fault)}  # type: ignore[call-overload]
        self._own.append(name)
        began = time.time()
        try:
            fault.begin(self.lab)
        except BaseException:
            # It may have begun all the same.
            self._end_all([name])
            raise
        return Undo(self, name, fault, began, time.time())

    def end(self, name: str) -> None:
        """Undo an active fault; nothing happens when it is undone already."""
        with self._written() as active:
            written = active.get(name)
        if written is None:
            return
        _read(written).end(self.lab, Deadline(MEND_S))
        with self._written() as active:
            active.pop(name, None)

    def mend(self) -> list[str]:
        """Undo all active faults of the lab, whoever began them, the last one first; return their verbs.

        Raises the first error once all have been tried.
        """
        with self._written() as active:
            names = list(reversed(active))
            verbs = [active[name]["verb"] for name in names]
        if failed := self._end_all(names):
            raise failed[0]
        return verbs

    def _end_all(self, names: Iterator[str] | list[str]) -> list[Exception]:
        """Undo faults; what fails is logged, stays written down, and is returned."""
        failed = []
        for name in list(names):
            try:
                self.end(name)
            except Exception as error:  # noqa: BLE001 - the others must be undone all the same
                _log.exception("a fault could not be undone; `lab mend` tries again")
                failed.append(error)
        return failed

    @contextlib.contextmanager
    def _written(self) -> Iterator[dict[str, Any]]:
        """The active faults of the lab by name, oldest first; what is changed in the block is written."""
        path = self.lab.folder.path / "faults.json"
        with path.open("a+", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            before = file.read()
            active = json.loads(before) if before else {}
            yield active
            file.seek(0)
            file.truncate()
            json.dump(active, file)


def _read(written: dict[str, Any]) -> Fault:
    return KINDS[written["verb"]](**written["values"])
