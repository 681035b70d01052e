"""Faults of cables, cards and what lies between machines."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from harness import topology
from harness.deadline import Deadline
from harness.errors import LabError
from harness.fault_kinds.base import OnMachine
from harness.inside import Inside
from harness.lab import Lab

MAX_LOSS_PERCENT = {0: 50.0}
"""Losses at which the lab itself still gets in, by SSH over the management network (card 0)."""


def _check_nic(nic: int) -> None:
    if nic not in range(len(topology.MACHINE_NETWORKS)):
        raise LabError(f"a machine has no network card {nic}", "use 0 for management or 1 for service")


@dataclass(frozen=True)
class LinkDown(OnMachine):
    """The cable of a network card is pulled: 0 management, 1 service."""

    nic: int
    verb: ClassVar[str] = "link_down"

    def touches(self, lab: Lab) -> Sequence[str]:  # noqa: ARG002 - as the others
        """The cable."""
        return [f"{self.machine} cable {self.nic}"]

    def prepared(self, lab: Lab) -> Self:
        """Check the card."""
        _check_nic(self.nic)
        return super().prepared(lab)

    def begin(self, lab: Lab) -> None:
        """Pull it."""
        self.its_machine(lab).link(self.nic, up=False)

    def end(self, lab: Lab, deadline: Deadline) -> None:  # noqa: ARG002 - it takes no time
        """Plug it in."""
        machine = self.its_machine(lab)
        if machine.is_on():
            machine.link(self.nic, up=True)


def _isolate(inside: Inside, ports: list[str], *, isolated: bool) -> None:
    """Isolate bridge ports, which can then not speak to each other (bridge(8)), or join them again.

    A machine that is switched on gets new ports, which are not isolated; ports that are gone are passed over.
    """
    value = "on" if isolated else "off"
    lines = "\n".join(f"link set dev {port} isolated {value}" for port in ports)
    inside.run(topology.LAB, ["bridge", "-force", "-batch", "-"], data=lines + "\n", check=isolated)


@dataclass(frozen=True)
class Partition:
    """Two machines can't reach each other on any network; all else can reach both."""

    a: str
    b: str
    verb: ClassVar[str] = "partition"

    def touches(self, lab: Lab) -> Sequence[str]:  # noqa: ARG002 - as the others
        """The machines' ports."""
        return self._ports()

    def prepared(self, lab: Lab) -> Self:
        """Check the machines."""
        if self.a == self.b:
            raise LabError(f"{self.a} can't be parted from itself", "name two machines")
        for name in (self.a, self.b):
            OnMachine(name).prepared(lab)
        return self

    def begin(self, lab: Lab) -> None:
        """Isolate their ports."""
        _isolate(lab.inside, self._ports(), isolated=True)

    def end(self, lab: Lab, deadline: Deadline) -> None:  # noqa: ARG002 - it takes no time
        """Join them."""
        _isolate(lab.inside, self._ports(), isolated=False)

    def _ports(self) -> list[str]:
        nics = range(len(topology.MACHINE_NETWORKS))
        return [topology.port_of(name, nic) for name in (self.a, self.b) for nic in nics]


@dataclass(frozen=True)
class PartitionFromFrontEnds(OnMachine):
    """A machine can't reach the front ends (nor these each other); its peer and the clients can reach it."""

    verb: ClassVar[str] = "partition_from_front_ends"

    def touches(self, lab: Lab) -> Sequence[str]:
        """The ports of machine and front ends."""
        return self._ports(lab)

    def begin(self, lab: Lab) -> None:
        """Isolate the ports of both."""
        _isolate(lab.inside, self._ports(lab), isolated=True)

    def end(self, lab: Lab, deadline: Deadline) -> None:  # noqa: ARG002 - it takes no time
        """Join them."""
        _isolate(lab.inside, self._ports(lab), isolated=False)

    def _ports(self, lab: Lab) -> list[str]:
        nic = topology.MACHINE_NETWORKS.index(topology.SERVICE)
        front_ends = [topology.port_of(front_end.host, 0) for front_end in lab.front_ends]
        return [topology.port_of(self.machine, nic), *front_ends]


@dataclass(frozen=True)
class _Netem(OnMachine):
    """What a card sends is disturbed by its machine's kernel (tc-netem(8)); the host's may lack netem."""

    nic: int

    def touches(self, lab: Lab) -> Sequence[str]:  # noqa: ARG002 - as the others
        """The card."""
        return [f"{self.machine} card {self.nic}"]

    def prepared(self, lab: Lab) -> Self:
        """Check the card."""
        _check_nic(self.nic)
        return super().prepared(lab)

    def _disturb(self, lab: Lab, *how: str) -> None:
        machine = self.its_machine(lab)
        machine.run(["tc", "qdisc", "replace", "dev", f"eth{self.nic}", "root", "netem", *how])

    def end(self, lab: Lab, deadline: Deadline) -> None:
        """Disturb it no more."""
        machine = self.its_machine(lab)
        if machine.is_on():
            argv = ["tc", "qdisc", "delete", "dev", f"eth{self.nic}", "root", "netem"]
            machine.run(argv, check=False, timeout_s=deadline.remaining())


@dataclass(frozen=True)
class Slow(_Netem):
    """What a network card sends comes late by `delay_ms`, give or take `jitter_ms`."""

    delay_ms: float
    jitter_ms: float = 0.0
    verb: ClassVar[str] = "slow"

    def begin(self, lab: Lab) -> None:
        """Delay."""
        self._disturb(lab, "delay", f"{self.delay_ms}ms", f"{self.jitter_ms}ms")


@dataclass(frozen=True)
class Flaky(_Netem):
    """Of what a network card sends, `loss_percent` get lost."""

    loss_percent: float
    verb: ClassVar[str] = "flaky"

    def prepared(self, lab: Lab) -> Self:
        """Check the share: the lab itself must still get in, to undo it."""
        most = MAX_LOSS_PERCENT.get(self.nic, 100.0)
        if not 0 < self.loss_percent <= most:
            raise LabError(
                f"a loss of {self.loss_percent:g} % on card {self.nic} is not within 0 and {most:g} %"
            )
        return super().prepared(lab)

    def begin(self, lab: Lab) -> None:
        """Lose."""
        self._disturb(lab, "loss", f"{self.loss_percent}%")
