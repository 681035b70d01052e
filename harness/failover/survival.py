"""Which established connections lived on: what the events of `lasting` say of one fault. Pure."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.failover.analysis import Span
from harness.failover.events import Event

SILENT = "silent"
LEAST_AFTER = 2
"""Requests that were asked and answered after the fault: fewer prove no connection alive."""


@dataclass(frozen=True)
class Survival:
    """Of how many connections of a group so many lived on, and what became of the others.

    `slowest_s` is the longest that a request over one that lived on took from the fault on.
    """

    group: str
    connections: int
    lived: int
    broken: dict[str, int]
    slowest_s: float

    @property
    def share(self) -> float:
        """The part that lived on."""
        return self.lived / self.connections if self.connections else 0.0


def survivals(events: Iterable[Event], fault: Span) -> list[Survival]:
    """What became of each group's connections that were alive before the fault, in the order of their names.

    `fault.start` is before anything was done, `fault.end` when it was.
    """
    lines: dict[str, list[Event]] = {}
    for event in events:
        if event.kind == "lasting":
            lines.setdefault(event.name, []).append(event)
    groups: dict[str, list[list[Event]]] = {}
    for name, told in lines.items():
        ordered = sorted(told, key=lambda event: event.end)
        if _alive(ordered, fault.start):
            groups.setdefault(name.rpartition("-")[0], []).append(ordered)
    return [_survival(name, groups[name], fault) for name in sorted(groups)]


def _alive(line: Sequence[Event], moment: float) -> bool:
    before = [event for event in line if event.end <= moment]
    return bool(before) and before[-1].outcome == "ok"


def _survival(group: str, lines: Sequence[Sequence[Event]], fault: Span) -> Survival:
    ends = [end_of(line, fault) for line in lines]
    lived = [line for line, end in zip(lines, ends, strict=True) if not end]
    took = [event.end - event.start for line in lived for event in line if event.end >= fault.start]
    return Survival(
        group=group,
        connections=len(lines),
        lived=len(lived),
        broken=dict(Counter(end for end in ends if end)),
        slowest_s=max(took, default=0.0),
    )


def end_of(line: Sequence[Event], fault: Span) -> str:
    """How a connection ended, "" for one that lived on; its events are in their order."""
    after = [event for event in line if event.end >= fault.start]
    if broken := next((event.outcome for event in after if event.outcome != "ok"), ""):
        return broken
    answered = sum(event.start >= fault.end for event in after)
    return "" if answered >= LEAST_AFTER else SILENT
