"""What the probe's events say of one fault, and of many. Pure.

All times are seconds since the epoch, all lengths seconds. The front ends are up all the while, so a client
that gets another one than before has lost its affinity.
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from harness.failover.events import Event

AGAIN_SHARE = 0.95
HOLDS_FOR_S = 0.2
"""Answers for the virtual address that are no further apart than this count as one holding of it."""

DELAYED_S = 0.9
"""A success that took as long lost a packet: TCP sends the first again after 1 s (RFC 6298)."""


@dataclass(frozen=True)
class Run:
    """What a run's clients saw of one fault."""

    without_service_s: float
    undisturbed_s: float
    refused: int
    reset: int
    timed_out: int
    unanswered: int
    delayed: int
    skipped: int
    held_broken: int
    clients_lost: int
    registered_again_s: float | None
    affinity_violations: int
    split_s: float
    probe_share: float


@dataclass(frozen=True)
class Span:
    """A time between two moments."""

    start: float
    end: float


@dataclass(frozen=True)
class Distribution:
    """Of how many values the least, the middle one, the one that 95 % do not exceed, and the largest."""

    count: int
    min: float
    median: float
    p95: float
    max: float

    @classmethod
    def of(cls, values: Iterable[float]) -> "Distribution | None":
        """None without values. Percentiles are values that were seen (nearest rank), none in between."""
        ordered = sorted(values)
        if not ordered:
            return None
        return cls(
            len(ordered), ordered[0], nearest_rank(ordered, 0.5), nearest_rank(ordered, 0.95), ordered[-1]
        )


def nearest_rank(ordered: Sequence[float], share: float) -> float:
    """The least of the ordered values that so great a share of all do not exceed."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def measure(events: Sequence[Event], before: Span, fault: Span, *, healed: float | None = None) -> Run:
    """What happened from the fault on, beside the undisturbed time before it.

    `healed` is when a partition ended: what counts of a split brain is how long it outlives that.
    """
    new = [event for event in events if event.kind == "new"]
    met = [event for event in new if _within(fault, event.start)]
    outcomes = Counter(event.outcome for event in met)
    served = sorted(event.end for event in new if event.outcome == "ok")
    during = [event for event in events if _within(fault, event.end)]
    broken = [event for event in during if event.outcome == "broken"]
    return Run(
        without_service_s=longest_gap(served, fault),
        undisturbed_s=longest_gap([moment for moment in served if _within(before, moment)], before),
        refused=outcomes["refused"],
        reset=outcomes["reset"],
        timed_out=outcomes["timeout"],
        unanswered=outcomes["no-answer"] + outcomes["unreachable"],
        delayed=sum(event.outcome == "ok" and event.end - event.start > DELAYED_S for event in met),
        skipped=sum(event.kind == "skipped" for event in during),
        held_broken=len({event.name for event in broken if event.kind == "held"}),
        clients_lost=len({event.name for event in broken if event.kind == "client"}),
        registered_again_s=registered_again(events, fault),
        affinity_violations=affinity_violations(events),
        split_s=0.0 if healed is None else split_after(events, Span(healed, fault.end)),
        probe_share=next((event.value for event in events if event.kind == "share"), 0.0),
    )


def _within(window: Span, moment: float) -> bool:
    return window.start <= moment <= window.end


def longest_gap(served: Sequence[float], window: Span) -> float:
    """How long the longest time between two successes in a row lasts; see `gap_of`."""
    gap = gap_of(served, window)
    return gap.end - gap.start


def gap_of(served: Sequence[float], window: Span) -> Span:
    """The longest time between two successes in a row that touches the window; `served` is ordered.

    The window's ends count as successes where there is none beyond them: a lower bound.
    """
    moments = list(served)
    if not moments or moments[0] > window.start:
        moments.insert(0, window.start)
    if moments[-1] < window.end:
        moments.append(window.end)
    gaps = [Span(a, b) for a, b in pairwise(moments) if b > window.start and a < window.end]
    return max(gaps, key=lambda gap: gap.end - gap.start)


def moment_of(events: Iterable[Event], brought_about: Span, until: float) -> float:
    """When a fault struck that took some time to bring about: when the service stopped, within that time."""
    served = sorted(event.end for event in events if event.kind == "new" and event.outcome == "ok")
    stopped = gap_of(served, Span(brought_about.start, until)).start
    return min(max(stopped, brought_about.start), brought_about.end)


def registered_again(events: Sequence[Event], window: Span) -> float | None:
    """How long after the window's start 95 % of the users were registered for good; None if they never were.

    A user who never lost the connection counts as registered from the start.
    """
    back: dict[str, float] = {}
    for event in sorted(
        (e for e in events if e.kind == "client" and e.end <= window.end), key=lambda e: e.end
    ):
        if event.outcome == "ok":
            back[event.name] = max(0.0, event.end - window.start)
        else:
            back[event.name] = math.inf
    if not back:
        return None
    moment = nearest_rank(sorted(back.values()), AGAIN_SHARE)
    return None if math.isinf(moment) else moment


def affinity_violations(events: Iterable[Event]) -> int:
    """How many times a client's address was answered by another front end than the time before."""
    last: dict[str, str] = {}
    violations = 0
    for event in sorted((e for e in events if e.front_end), key=lambda e: e.end):
        violations += last.setdefault(event.source, event.front_end) != event.front_end
        last[event.source] = event.front_end
    return violations


def holdings(events: Iterable[Event]) -> dict[str, list[Span]]:
    """When each card held the virtual address, by its MAC address."""
    spans: dict[str, list[Span]] = {}
    for event in sorted((e for e in events if e.kind == "holder"), key=lambda e: e.end):
        held = spans.setdefault(event.source, [])
        if held and event.end - held[-1].end <= HOLDS_FOR_S:
            held[-1] = Span(held[-1].start, event.end)
        else:
            held.append(Span(event.end, event.end))
    return spans


def split_after(events: Iterable[Event], window: Span) -> float:
    """How long after the window's start two cards still answered for the virtual address; 0.0 if none did."""
    spans = [(span, card) for card, held in holdings(events).items() for span in held]
    ends = [
        min(one.end, other.end)
        for number, (one, card) in enumerate(spans)
        for other, other_card in spans[:number]
        if card != other_card and max(one.start, other.start) < min(one.end, other.end)
    ]
    return max((end - window.start for end in ends if _within(window, end)), default=0.0)


def levels(events: Iterable[Event], kind: str) -> list[tuple[float, int]]:
    """How many of the `held` or `client` connections were up, at each moment at which that changed."""
    up: set[str] = set()
    steps: list[tuple[float, int]] = []
    for event in sorted((e for e in events if e.kind == kind), key=lambda e: e.end):
        before = len(up)
        if event.outcome == "ok":
            up.add(event.name)
        else:
            up.discard(event.name)
        if len(up) != before:
            steps.append((event.end, len(up)))
    return steps
