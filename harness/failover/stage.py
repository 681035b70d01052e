"""A pair at the moment at which a fault strikes it."""

import time
from dataclasses import dataclass

from harness.faults import Faults, Undo
from harness.lab import Lab
from harness.libvirt_machine import LibvirtMachine


@dataclass(frozen=True)
class Struck:
    """When a fault began, and when it ended if that was while the clients looked on (time.time())."""

    began: float
    healed: float | None


@dataclass(frozen=True)
class Stage:
    """Whom a fault can strike, in the run `repeat` counted from 0."""

    lab: Lab
    faults: Faults
    master: LibvirtMachine
    slave: LibvirtMachine
    repeat: int

    def heal(self, undo: Undo, after_s: float) -> Struck:
        """Undo a fault so long after it began."""
        time.sleep(max(0.0, undo.began + after_s - time.time()))
        healed = time.time()
        undo()
        return Struck(undo.began, healed)
