"""What is drawn of a run: its attempts, holders and levels on one time line that is 0 at the fault. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.failover.analysis import DELAYED_S, Span, holdings, levels
from harness.failover.events import Event

SLOT_S = 0.01


@dataclass(frozen=True)
class Stretch:
    """Attempts in a row, by the moments at which they started, that all ended in the same way."""

    start: float
    end: float
    outcome: str


@dataclass(frozen=True)
class Step:
    """From this moment on, so many were up."""

    at: float
    count: int


@dataclass(frozen=True)
class TimeLine:
    """Seconds since the fault. `holders` tells by machine when it answered for the virtual address."""

    start: float
    end: float
    healed: float | None
    attempts: list[Stretch]
    holders: dict[str, list[Span]]
    held: list[Step]
    registered: list[Step]


def outcome_shown(event: Event) -> str:
    """How an attempt is drawn: a success that took a lost packet's time is `delayed`."""
    if event.outcome == "ok" and event.end - event.start > DELAYED_S:
        return "delayed"
    return event.outcome


def time_line(
    events: Sequence[Event], shown: Span, fault: float, cards: Mapping[str, str], healed: float | None = None
) -> TimeLine:
    """The time line of `shown`; `cards` names the machines by their MAC addresses."""
    spans = holdings(events)
    return TimeLine(
        start=_since(fault, shown.start),
        end=_since(fault, shown.end),
        healed=None if healed is None else _since(fault, healed),
        attempts=_stretches(events, shown, fault),
        holders={name: _clipped(spans.get(card, []), shown, fault) for card, name in cards.items()},
        held=_steps(events, "held", shown, fault),
        registered=_steps(events, "client", shown, fault),
    )


def _since(fault: float, moment: float) -> float:
    return round(moment - fault, 3)


def _stretches(events: Sequence[Event], shown: Span, fault: float) -> list[Stretch]:
    """Attempts by slots of 10 ms, those in a row with one outcome joined."""
    attempts = sorted(
        (event for event in events if event.kind == "new" and shown.start <= event.start <= shown.end),
        key=lambda event: event.start,
    )
    stretches: list[Stretch] = []
    for event in attempts:
        at = _since(fault, event.start)
        outcome = outcome_shown(event)
        if stretches and stretches[-1].outcome == outcome:
            stretches[-1] = Stretch(stretches[-1].start, round(at + SLOT_S, 3), outcome)
        else:
            stretches.append(Stretch(at, round(at + SLOT_S, 3), outcome))
    return stretches


def _clipped(spans: Sequence[Span], shown: Span, fault: float) -> list[Span]:
    return [
        Span(_since(fault, max(span.start, shown.start)), _since(fault, min(span.end, shown.end)))
        for span in spans
        if span.end > shown.start and span.start < shown.end
    ]


def _steps(events: Sequence[Event], kind: str, shown: Span, fault: float) -> list[Step]:
    """The level at the start, and each change until the end."""
    before = 0
    steps: list[Step] = []
    for moment, count in levels(events, kind):
        if moment <= shown.start:
            before = count
        elif moment <= shown.end:
            steps.append(Step(_since(fault, moment), count))
    return [Step(_since(fault, shown.start), before), *steps]
