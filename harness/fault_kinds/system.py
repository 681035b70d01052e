"""Faults within a machine: services, disk, clock."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from harness.deadline import Deadline
from harness.errors import LabError
from harness.fault_kinds.base import OnMachine
from harness.lab import Lab

UNITS = {
    "haproxy": ("haproxy.service",),
    "keepalived": ("keepalived.service",),
    "lbadmind": ("lbadmind.service", "lbadmind.socket"),
}
"""The services that can be killed; with those that wait for their connections."""

_FILL = "/data/lab-fill"


@dataclass(frozen=True)
class KillService(OnMachine):
    """A service of the machine is killed; with `comes_back` false nothing starts it again."""

    service: str
    comes_back: bool = True
    verb: ClassVar[str] = "kill_service"

    def touches(self, lab: Lab) -> Sequence[str]:  # noqa: ARG002 - as the others
        """The service."""
        return [f"{self.machine} {self.service}"]

    def prepared(self, lab: Lab) -> Self:
        """Check the service, and keep systemd from starting it again where that is wanted."""
        if self.service not in UNITS:
            raise LabError(f"{self.service!r} can't be killed", f"choose one of {', '.join(UNITS)}")
        return super().prepared(lab)

    def begin(self, lab: Lab) -> None:
        """SIGKILL to all its processes."""
        unit = UNITS[self.service][0]
        mask = "" if self.comes_back else f"systemctl --quiet --runtime mask {unit}; "
        self.its_machine(lab).run(f"{mask}systemctl kill --kill-whom=all --signal=KILL {unit}")

    def end(self, lab: Lab, deadline: Deadline) -> None:
        """Start it again and wait until it is active."""
        machine = self.its_machine(lab)
        units = shlex.join(UNITS[self.service])
        if machine.is_on():
            machine.run(
                f"systemctl --quiet --runtime unmask {units}; systemctl reset-failed {units}; "
                f"systemctl start {units}",
                timeout_s=deadline.remaining(),
            )


@dataclass(frozen=True)
class FillDisk(OnMachine):
    """The partition of the machine's state is full to the last block."""

    verb: ClassVar[str] = "fill_disk"

    def touches(self, lab: Lab) -> Sequence[str]:  # noqa: ARG002 - as the others
        """The disk."""
        return [f"{self.machine} disk"]

    def begin(self, lab: Lab) -> None:
        """Take all room, in ever smaller pieces; they are only reserved, so the host's disk does not grow."""
        self.its_machine(lab).run(
            f"mkdir -p {_FILL}; number=0; for size in 1G 64M 4M 256K 16K 4K; do "
            f"while fallocate --length $size {_FILL}/$number 2>/dev/null; do number=$((number + 1)); done; "
            f"rm -f {_FILL}/$number; done"
        )

    def end(self, lab: Lab, deadline: Deadline) -> None:
        """Give the room back."""
        machine = self.its_machine(lab)
        if not machine.is_on():
            raise LabError(f"{self.machine} is off and its disk still full", "switch it on and mend again")
        machine.run(["rm", "-rf", _FILL], timeout_s=deadline.remaining())


@dataclass(frozen=True)
class SkewClock(OnMachine):
    """The machine's clock is wrong by so many seconds."""

    seconds: int
    verb: ClassVar[str] = "skew_clock"

    def touches(self, lab: Lab) -> Sequence[str]:  # noqa: ARG002 - as the others
        """The clock."""
        return [f"{self.machine} clock"]

    def begin(self, lab: Lab) -> None:
        """Set it."""
        self.its_machine(lab).run(f'date --utc --set="@$(($(date +%s) + {self.seconds:d}))"')

    def end(self, lab: Lab, deadline: Deadline) -> None:
        """Set it right."""
        machine = self.its_machine(lab)
        if machine.is_on():
            machine.set_clock(deadline)
