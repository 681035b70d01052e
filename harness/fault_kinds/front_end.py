"""Faults of a mock front end: it fails as real ones do."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self, get_args

from harness.deadline import Deadline
from harness.errors import LabError
from harness.front_ends import FrontEnd
from harness.lab import Lab
from harness.ocs.behaviour import NORMAL, Behaviour, Kind

BEHAVIOURS: dict[str, Kind] = {kind: kind for kind in get_args(Kind) if kind != NORMAL.kind}
_PROCESS: dict[str, tuple[Callable[[FrontEnd], None], Callable[[FrontEnd], None]]] = {
    "stop": (FrontEnd.stop, FrontEnd.start),
    "restart": (FrontEnd.restart, FrontEnd.start),
    "freeze": (FrontEnd.hang, FrontEnd.resume),
}
"""What is done to the process, and its undo; what is not among them is a way to behave."""

_WAYS = (*BEHAVIOURS, *_PROCESS)


@dataclass(frozen=True)
class FrontEndFails:
    """A front end fails: slow, overloaded, hang, reset, refuse, stop, restart or freeze."""

    front_end: str
    way: str
    delay_s: float = NORMAL.delay_s
    retry_after_s: int = NORMAL.retry_after_s
    verb: ClassVar[str] = "front_end"

    def touches(self, lab: Lab) -> Sequence[str]:  # noqa: ARG002 - as the others
        """The front end."""
        return [self.front_end]

    def prepared(self, lab: Lab) -> Self:
        """Check its name and the way."""
        self._its_front_end(lab)
        if self.way not in _WAYS:
            raise LabError(f"no front end can {self.way!r}", f"choose one of {', '.join(_WAYS)}")
        return self

    def begin(self, lab: Lab) -> None:
        """Let it fail."""
        front_end = self._its_front_end(lab)
        if self.way in _PROCESS:
            _PROCESS[self.way][0](front_end)
        else:
            front_end.behave(Behaviour(BEHAVIOURS[self.way], self.delay_s, self.retry_after_s))

    def end(self, lab: Lab, deadline: Deadline) -> None:  # noqa: ARG002 - it has one of its own
        """Let it be as it should."""
        front_end = self._its_front_end(lab)
        if self.way in _PROCESS:
            _PROCESS[self.way][1](front_end)
        else:
            front_end.behave(NORMAL)

    def _its_front_end(self, lab: Lab) -> FrontEnd:
        found = {front_end.name: front_end for front_end in lab.front_ends}
        if self.front_end not in found:
            raise LabError(f"the lab has no front end {self.front_end!r}", f"it has {', '.join(found)}")
        return found[self.front_end]
