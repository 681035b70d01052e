"""What every kind of fault is.

A fault is data so that it can be written down before it begins: whoever reads it can end it, also after the
process that began it is gone. `end` may be called when the fault is over by itself (a restart forgets most).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol, Self

from harness.deadline import Deadline
from harness.errors import LabError
from harness.lab import Lab
from harness.libvirt_machine import LibvirtMachine


class Fault(Protocol):
    """A kind of fault with its values."""

    verb: ClassVar[str]

    def touches(self, lab: Lab) -> Sequence[str]:
        """Name what it breaks: two faults that break the same could not be undone each by itself."""

    def prepared(self, lab: Lab) -> Self:
        """Check the values and note what `end` will need; raises LabError when it can't be done."""

    def begin(self, lab: Lab) -> None:
        """Let it happen; returns at once when it has."""

    def end(self, lab: Lab, deadline: Deadline) -> None:
        """Undo it and wait until that holds; nothing happens when it is over already."""


@dataclass(frozen=True)
class OnMachine:
    """A fault of one machine."""

    machine: str

    def prepared(self, lab: Lab) -> Self:
        """Check that the machine is there and on."""
        if not lab.machine(self.machine).is_on():
            raise LabError(f"{self.machine} is off", "`lab mend` undoes the faults that are active")
        return self

    def its_machine(self, lab: Lab) -> LibvirtMachine:
        """Return the machine."""
        return lab.machine(self.machine)
