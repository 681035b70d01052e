"""What can break in a lab: each kind knows how it begins and how it ends, and is plain data in between."""

from harness.fault_kinds.base import Fault
from harness.fault_kinds.front_end import FrontEndFails
from harness.fault_kinds.network import Flaky, LinkDown, Partition, PartitionFromFrontEnds, Slow
from harness.fault_kinds.power import BothDown, Crash, Freeze, KernelPanic, Reboot
from harness.fault_kinds.system import FillDisk, KillService, SkewClock

__all__ = [
    "KINDS",
    "BothDown",
    "Crash",
    "Fault",
    "FillDisk",
    "Flaky",
    "Freeze",
    "FrontEndFails",
    "KernelPanic",
    "KillService",
    "LinkDown",
    "Partition",
    "PartitionFromFrontEnds",
    "Reboot",
    "SkewClock",
    "Slow",
]

_KINDS: list[type[Fault]] = [
    Crash, Freeze, KernelPanic, Reboot, BothDown,
    KillService, FillDisk, SkewClock,
    LinkDown, Partition, PartitionFromFrontEnds, Slow, Flaky,
    FrontEndFails,
]  # fmt: skip

KINDS = {kind.verb: kind for kind in _KINDS}
"""All kinds by their verbs."""
