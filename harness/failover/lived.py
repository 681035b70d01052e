"""The runs of `layer4` as they are kept, and the table that the report makes of them."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from harness.failover.scenarios import SCENARIOS
from harness.failover.survival import Survival
from harness.layer4 import DIRECT, METHODS, NAT, SNAT, TUNNEL

RUNS = "layer4"
LAYER_7 = "layer 7"
AIMS = {
    METHODS[DIRECT].title: 1.0,
    METHODS[NAT].title: 1.0,
    METHODS[TUNNEL].title: 1.0,
    METHODS[SNAT].title: 0.999,
}
"""The part of the connections that is to live on; nothing is aimed at of layer 7, which ends them."""


@dataclass(frozen=True)
class Run:
    """Which fault struck whom when, and what became of each group's connections; `began` is in seconds."""

    fault: str
    name: str
    repeat: int
    sensitivity: str
    master: str
    began: float
    groups: list[Survival]

    @property
    def file(self) -> str:
        """What its file is called."""
        return f"{self.fault}-{self.name}-{self.repeat:02}.json"

    def write(self, folder: Path) -> None:
        """Write it in one step, so that a bench that is ended leaves no half of it."""
        new = (folder / self.file).with_suffix(".new")
        new.write_text(json.dumps(asdict(self)), encoding="utf-8")
        new.replace(folder / self.file)


def read_all(folder: Path) -> list[Run]:
    """All runs of a folder, by name; none when there is no such folder."""
    values = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]
    return [Run(**{**each, "groups": [Survival(**group) for group in each["groups"]]}) for each in values]


@dataclass(frozen=True)
class Row:
    """What became of all connections of one kind with one fault; `aim` is None where there is none."""

    fault: str
    group: str
    runs: int
    connections: int
    lived: int
    broken: dict[str, int]
    slowest_s: float
    aim: float | None

    @property
    def share(self) -> float:
        """The part that lived on."""
        return self.lived / self.connections if self.connections else 0.0

    @property
    def reached(self) -> bool:
        """Whether the aim was reached, or there is none."""
        return self.aim is None or self.share >= self.aim


def rows(runs: Iterable[Run]) -> list[Row]:
    """A row for each fault and group that was measured, faults in the bench's order, layer 7 last."""
    told = list(runs)
    found = []
    for scenario in SCENARIOS:
        groups = [group for run in told if run.fault == scenario.name for group in run.groups]
        names = sorted({group.group for group in groups}, key=lambda name: (name.startswith(LAYER_7), name))
        found += [
            _row(scenario.title, name, [each for each in groups if each.group == name]) for name in names
        ]
    return found


def _row(fault: str, name: str, groups: Sequence[Survival]) -> Row:
    return Row(
        fault=fault,
        group=name,
        runs=len(groups),
        connections=sum(group.connections for group in groups),
        lived=sum(group.lived for group in groups),
        broken=dict(sum((Counter(group.broken) for group in groups), Counter())),
        slowest_s=max(group.slowest_s for group in groups),
        aim=AIMS.get(name.partition(" over ")[0]),
    )


def table(told: Sequence[Row]) -> str:
    """The rows as text."""
    heads = ("fault", "connections", "runs", "established", "lived on", "share", "slowest", "broken")
    lines = [_line(*heads)]
    for row in told:
        aim = "" if row.reached else "  MISSED"
        broken = ", ".join(f"{count} {how}" for how, count in sorted(row.broken.items())) + aim
        share, slowest = f"{row.share:.2%}", f"{row.slowest_s:.1f} s" if row.lived else "–"
        counts = (str(row.runs), str(row.connections), str(row.lived))
        lines.append(_line(row.fault, row.group, *counts, share, slowest, broken))
    return "\n".join(lines)


def _line(fault: str, group: str, *figures: str) -> str:
    *numbers, how = figures
    columns = "".join(f"{number:>13}" for number in numbers)
    return f"{fault:18} {group:26}{columns}  {how}".rstrip()
