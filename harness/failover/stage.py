"""A pair at the moment at which a fault strikes it."""

import time
from dataclasses import dataclass

from harness.failover.analysis import Span
from harness.faults import Faults, Undo
from harness.lab import Lab
from harness.libvirt_machine import LibvirtMachine


@dataclass(frozen=True)
class Struck:
    """The time in which a fault was brought about, and when it ended if the clients were to see that."""

    brought_about: Span
    healed: float | None = None

    @classmethod
    def by(cls, undo: Undo) -> "Struck":
        """What lasts until it is undone."""
        return cls(Span(undo.began, undo.acted))


@dataclass(frozen=True)
class Stage:
    """Whom a fault can strike, in the run `repeat` counted from 0."""

    lab: Lab
    faults: Faults
    master: LibvirtMachine
    slave: LibvirtMachine
    repeat: int

    def heal(self, undo: Undo, after_s: float) -> Struck:
        """Undo a fault so long after it was brought about."""
        time.sleep(max(0.0, undo.acted + after_s - time.time()))
        healed = time.time()
        undo()
        return Struck(Span(undo.began, undo.acted), healed)
