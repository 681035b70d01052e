"""Whether a load fits machine, lab and appliance: checked before anything starts. Pure but for `ask`."""

import resource
from dataclasses import dataclass
from pathlib import Path

from harness import topology
from harness.errors import LabError
from loadtests.profiles import MAX_HOURS, PROFILES, Order

REMEMBERED = 10240
"""Clients that the appliance's factory setting remembers (persistence, table size)."""

USER_KIB, FRONT_END_KIB, REST_MIB = 130, 30, 6 * 1024
"""Memory of a user in Locust with TLS, of its connection in a mock front end, of the pair and all else."""

OTHER_FILES = 200
"""Descriptors that a process needs beside its users' connections."""

RECONNECTING = 2
"""A user may for a moment have two: the one that is gone, and the new one."""


BACK_S = 30.0
"""From the keep-alive that is not answered until the user is signed in again, with room to spare."""


@dataclass(frozen=True)
class Machine:
    """What a machine offers: open files of a process, and memory in MiB."""

    files: int
    memory_mib: float


def ask() -> Machine:
    """What this machine offers now."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    values = {name: int(value.split()[0]) for name, value in (line.split(":") for line in lines)}
    return Machine(hard, values["MemAvailable"] / 1024)


def check(wanted: Order, workers: int, front_ends: int, machine: Machine) -> None:
    """Raise LabError, naming the limit, when a load does not fit."""
    users = wanted.users
    if not 1 <= workers <= topology.MAX_LOAD_HOSTS:
        raise LabError(f"{workers} workers are not between 1 and {topology.MAX_LOAD_HOSTS}")
    if not 2 <= front_ends <= topology.MAX_FRONT_ENDS:  # noqa: PLR2004 - between one, nothing is balanced
        raise LabError(f"{front_ends} front ends are not between 2 and {topology.MAX_FRONT_ENDS}")
    if users < 2 * workers:
        raise LabError(f"{users} users are too few for {workers} workers", "each needs two who talk")
    if wanted.total_s > MAX_HOURS * 3600:
        raise LabError(f"{wanted.total_s / 3600:.1f} hours are more than {MAX_HOURS:g}", "lower MINUTES")
    if wanted.arrivals > REMEMBERED:
        raise LabError(
            f"{users} users with their visitors are more than the {REMEMBERED} clients that the appliance "
            "remembers",
            "`make bench-dataplane` measures how many connections it holds",
        )
    if PROFILES[wanted.profile].fault and wanted.total_s - wanted.fault_s < wanted.keep_alive_s + BACK_S:
        raise LabError(
            f"with a keep-alive every {wanted.keep_alive_s:g} s not all users notice the fault within "
            f"{wanted.total_s - wanted.fault_s:.0f} s",
            "raise MINUTES or lower KEEP_ALIVE",
        )
    _check_files(users, workers, front_ends, machine.files)
    needed = users * (USER_KIB + FRONT_END_KIB) / 1024 + REST_MIB
    if needed > machine.memory_mib:
        raise LabError(
            f"{users} users and the pair need {needed:.0f} MiB of memory, {machine.memory_mib:.0f} are free",
            "lower USERS",
        )


def _check_files(users: int, workers: int, front_ends: int, files: int) -> None:
    # Everybody may come to one front end: the others may be down.
    for what, most, remedy in (
        ("of a worker", -(-users // workers), "raise WORKERS"),
        ("of a front end", -(-users // (front_ends - 1)), "raise FRONT_ENDS"),
    ):
        needed = RECONNECTING * most + OTHER_FILES
        if needed > files:
            raise LabError(
                f"{users} users may need {needed} open files {what}, and a process may have {files}",
                f"{remedy}, lower USERS, or raise the limit (ulimit -n)",
            )
