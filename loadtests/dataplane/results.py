"""What a bench has found: turns and held runs, as they are kept in dataplane.json. Pure but for the file."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

Kind = Literal["connections", "sign-ins", "bulk"]
KINDS: tuple[Kind, ...] = ("connections", "sign-ins", "bulk")

DATA = "dataplane.json"
LEAST_AVAILABLE_MIB = 96.0
"""With less the machine, which has no swap, would soon end processes for want of memory."""

AIM_HELD = 40_000
REACHED = "all were held"
BY_HAND = "ended by hand"


@dataclass(frozen=True)
class Turn:
    """A balancer loaded in one way: what it did a second (connections, sign-ins, or Mbit).

    `failed` are failures by kind. `busy` is the share of the machine's processor that was in use, None where
    nothing was seen of it; `clients` the clients' share of one of the computer's.
    """

    balancer: str
    kind: Kind
    round: int
    rate: float
    failed: Mapping[str, int] = field(default_factory=dict)
    busy: float | None = None
    clients: float | None = None


@dataclass(frozen=True)
class Memory:
    """A machine's memory in MiB, in use and still to be had (proc(5), MemTotal and MemAvailable)."""

    used_mib: float
    available_mib: float


@dataclass(frozen=True)
class Step:
    """So many connections were held, with so much memory in use, `at_s` seconds after the first.

    `failed` others could not be opened: the balancer may be gone by then, and its memory with it.
    """

    held: int
    used_mib: float
    available_mib: float
    at_s: float
    failed: int = 0


@dataclass(frozen=True)
class Held:
    """A balancer that was to hold `wanted` connections: the machine's memory without it, the steps with it.

    The first step is the balancer with no connection. `end` says why there were no more, `alive` how many
    answered a keep-alive when all were open, None when that was not asked.
    """

    balancer: str
    wanted: int
    without_mib: float
    steps: tuple[Step, ...]
    end: str
    alive: int | None = None

    @property
    def opened(self) -> int:
        """How many connections had been opened at the end."""
        return max((step.held for step in self.steps), default=0)

    @property
    def held(self) -> int:
        """The largest number of connections that were held: opened, and alive when they were asked."""
        return self.opened if self.alive is None else min(self.opened, self.alive)

    @property
    def started_mib(self) -> float | None:
        """What the balancer takes by being started."""
        return self.steps[0].used_mib - self.without_mib if self.steps else None

    @property
    def kib_per_connection(self) -> float | None:
        """By how much each held connection makes the memory in use grow, the kernel's part included."""
        last = next((step for step in reversed(self.steps) if step.held and not step.failed), None)
        return None if last is None else (last.used_mib - self.steps[0].used_mib) * 1024 / last.held


@dataclass(frozen=True)
class Sort:
    """A balancer as the report names it."""

    name: str
    title: str
    what: str
    version: str = ""


@dataclass
class Results:
    """All that was found so far, the balancers in the report's order."""

    balancers: list[Sort]
    measured: str
    processors: int
    memory_mib: int
    wanted: int
    turns: list[Turn] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def write(self, folder: Path) -> None:
        """Write all of it to the folder's dataplane.json."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / DATA).write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")


def memory_of(meminfo: str) -> Memory:
    """The memory in the text of /proc/meminfo, whose figures are KiB."""
    words = (line.split() for line in meminfo.splitlines())
    values = {
        word[0].rstrip(":"): int(word[1]) / 1024 for word in words if len(word) > 1 and word[1].isdecimal()
    }
    return Memory(values["MemTotal"] - values["MemAvailable"], values["MemAvailable"])


def end_of(wanted: int, held: int, failed: Mapping[str, int], available_mib: float) -> str | None:
    """Why no more connections are to be opened (all held, a failure, no memory left), None when more are."""
    if failed:
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(failed.items()))
        return f"new connections failed: {kinds}"
    if held >= wanted:
        return REACHED
    if available_mib < LEAST_AVAILABLE_MIB:
        return f"memory ran out: {available_mib:.0f} MiB were left"
    return None
