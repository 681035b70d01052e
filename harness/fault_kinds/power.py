"""Faults of a whole machine: power, processor, kernel."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Self

from harness.at_once import at_once
from harness.deadline import Deadline
from harness.errors import LabError
from harness.fault_kinds.base import OnMachine
from harness.lab import Lab
from harness.libvirt_machine import LibvirtMachine

WEB_PORT = 9443
LOST_S = 30.0
"""How long a machine may take to go down after it was told to."""

_PANIC = "Kernel panic"


def _power_on(machine: LibvirtMachine, deadline: Deadline) -> None:
    if not machine.is_on():
        machine.power_on()
    machine.wait_for_port(WEB_PORT, deadline)


@dataclass(frozen=True)
class Crash(OnMachine):
    """The machine loses its power."""

    verb: ClassVar[str] = "crash"

    def touches(self, lab: Lab) -> Sequence[str]:  # noqa: ARG002 - as the others
        """The machine's power."""
        return [f"{self.machine} power"]

    def begin(self, lab: Lab) -> None:
        """Kill QEMU."""
        self.its_machine(lab).power_off()

    def end(self, lab: Lab, deadline: Deadline) -> None:
        """Switch it on and wait until it serves its web page."""
        _power_on(self.its_machine(lab), deadline)


@dataclass(frozen=True)
class BothDown:
    """Both appliances lose their power in the same moment."""

    verb: ClassVar[str] = "both_down"

    def touches(self, lab: Lab) -> Sequence[str]:
        """The power of all."""
        return [f"{machine} power" for machine in lab.machines]

    def prepared(self, lab: Lab) -> Self:
        """Check that there is one that is on."""
        if not any(machine.is_on() for machine in lab.machines.values()):
            raise LabError("no machine of the lab is on", "`lab mend` undoes the faults that are active")
        return self

    def begin(self, lab: Lab) -> None:
        """Kill QEMU, all of them."""
        at_once(LibvirtMachine.power_off, [machine for machine in lab.machines.values() if machine.is_on()])

    def end(self, lab: Lab, deadline: Deadline) -> None:
        """Switch all on and wait until they serve their web pages."""
        at_once(lambda machine: _power_on(machine, deadline), list(lab.machines.values()))


@dataclass(frozen=True)
class Freeze(OnMachine):
    """The machine stops in the middle of whatever it does, and notices nothing."""

    verb: ClassVar[str] = "freeze"

    def touches(self, lab: Lab) -> Sequence[str]:  # noqa: ARG002 - as the others
        """The machine's processor."""
        return [f"{self.machine} processor"]

    def begin(self, lab: Lab) -> None:
        """Stop its processor."""
        self.its_machine(lab).freeze()

    def end(self, lab: Lab, deadline: Deadline) -> None:  # noqa: ARG002 - it takes no time
        """Let it go on."""
        machine = self.its_machine(lab)
        if machine.is_frozen():
            machine.thaw()


@dataclass(frozen=True)
class _Restart(OnMachine):
    """A fault after which the machine comes back by itself; `boot` is the one that it ends."""

    boot: str = ""

    def touches(self, lab: Lab) -> Sequence[str]:  # noqa: ARG002 - as the others
        """The machine's power."""
        return [f"{self.machine} power"]

    def prepared(self, lab: Lab) -> Self:
        """Note which boot of the machine this one ends."""
        super().prepared(lab)
        return replace(self, boot=_boot(self.its_machine(lab)))

    def end(self, lab: Lab, deadline: Deadline) -> None:
        """Wait until it has booted again and serves its web page."""
        machine = self.its_machine(lab)
        deadline.wait_until(
            lambda: _boot(machine) != self.boot, f"{self.machine} to boot again", ignoring=(LabError,)
        )
        machine.wait_for_port(WEB_PORT, deadline)


def _boot(machine: LibvirtMachine) -> str:
    """The id of the machine's current boot (random(4))."""
    return machine.run("cat /proc/sys/kernel/random/boot_id", timeout_s=LOST_S).stdout.strip()


@dataclass(frozen=True)
class KernelPanic(_Restart):
    """The machine's kernel panics, and boots anew as it is told to (kernel.panic)."""

    verb: ClassVar[str] = "kernel_panic"

    def begin(self, lab: Lab) -> None:
        """Panic by the magic key (admin-guide/sysrq); returns when the console tells of it."""
        machine = self.its_machine(lab)
        before = machine.console_text().count(_PANIC)
        deadline = Deadline(LOST_S)
        machine.run_last("echo c > /proc/sysrq-trigger", deadline)
        deadline.wait_until(
            lambda: machine.console_text().count(_PANIC) > before,
            f"the kernel of {self.machine} to panic",
            interval_s=0.01,
        )


@dataclass(frozen=True)
class Reboot(_Restart):
    """The machine is restarted in order."""

    verb: ClassVar[str] = "reboot"

    def begin(self, lab: Lab) -> None:
        """Tell systemd."""
        self.its_machine(lab).run("systemctl --no-block reboot")
