"""Time lines as shapes of an SVG: the moment of the fault enlarged, and beside it the whole run. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from harness.failover.analysis import Span
from harness.failover.timeline import Step, TimeLine

ENLARGED = Span(-0.5, 4.5)
WIDTHS = (620.0, 400.0)
GAP = 30.0
LEVEL_HEIGHT = 44.0
_RESOLUTION_PX = 1.5


@dataclass(frozen=True)
class Bar:
    """A rectangle on a lane, by its left edge and width; `kind` gives it its colour."""

    x: float
    width: float
    kind: str


@dataclass(frozen=True)
class Mark:
    """A moment with a word."""

    x: float
    word: str


@dataclass(frozen=True)
class Panel:
    """One part of a drawing; `levels` are the points of a line each for `held` and `registered`."""

    x: float
    width: float
    attempts: list[Bar]
    holders: dict[str, list[Bar]]
    levels: dict[str, str]
    marks: list[Mark]
    ticks: list[Mark]


@dataclass(frozen=True)
class _Scale:
    shown: Span
    x: float
    width: float

    def at(self, moment: float) -> float:
        """Where a moment lies."""
        return round(self.x + self._share(moment) * self.width, 1)

    def _share(self, moment: float) -> float:
        return (moment - self.shown.start) / (self.shown.end - self.shown.start)

    def bar(self, start: float, end: float, kind: str) -> Bar:
        """The part of a stretch that is shown; never too thin to be seen."""
        left, right = self.at(max(start, self.shown.start)), self.at(min(end, self.shown.end))
        return Bar(left, round(max(right - left, 0.8), 1), kind)

    def shows(self, start: float, end: float) -> bool:
        """Whether any part of a stretch is shown."""
        return end > self.shown.start and start < self.shown.end


def panels(line: TimeLine, most: dict[str, int]) -> list[Panel]:
    """The two parts; `most` is the full height of each level."""
    enlarged = Span(ENLARGED.start, min(ENLARGED.end, line.end))
    parts = ((enlarged, 0.0, WIDTHS[0], 0.5), (Span(line.start, line.end), WIDTHS[0] + GAP, WIDTHS[1], 5.0))
    return [_panel(line, _Scale(shown, x, width), tick, most) for shown, x, width, tick in parts]


def _panel(line: TimeLine, scale: _Scale, tick_s: float, most: dict[str, int]) -> Panel:
    marks = [Mark(scale.at(0.0), "fault")]
    if line.healed is not None and scale.shown.start <= line.healed <= scale.shown.end:
        marks.append(Mark(scale.at(line.healed), "undone"))
    return Panel(
        x=scale.x,
        width=scale.width,
        attempts=[
            scale.bar(part.start, part.end, part.outcome)
            for part in line.attempts
            if scale.shows(part.start, part.end)
        ],
        holders={
            name: [
                scale.bar(span.start, span.end, "holds")
                for span in spans
                if scale.shows(span.start, span.end)
            ]
            for name, spans in line.holders.items()
        },
        levels={
            "held": points(line.held, scale, most["held"]),
            "registered": points(line.registered, scale, most["registered"]),
        },
        marks=marks,
        ticks=_ticks(scale, tick_s),
    )


def _ticks(scale: _Scale, every_s: float) -> list[Mark]:
    first, last = int(scale.shown.start // every_s), int(scale.shown.end // every_s)
    moments = [number * every_s for number in range(first, last + 1)]
    return [Mark(scale.at(at), f"{at:g} s") for at in moments if scale.shown.start <= at <= scale.shown.end]


def points(steps: Sequence[Step], scale: _Scale, most: int) -> str:
    """A stair's corners as SVG's polyline has them; steps closer than can be seen are one."""
    level = 0
    corners: list[tuple[float, float]] = []

    def height(count: int) -> float:
        return round(LEVEL_HEIGHT * (1 - count / max(most, 1)), 1)

    for step in steps:
        if step.at > scale.shown.end:
            break
        x = scale.at(max(step.at, scale.shown.start))
        if corners and x - corners[-1][0] < _RESOLUTION_PX:
            corners[-1] = (corners[-1][0], height(step.count))
        else:
            corners += [(x, height(level)), (x, height(step.count))] if corners else [(x, height(step.count))]
        level = step.count
    corners.append((scale.at(scale.shown.end), height(level)))
    return " ".join(f"{x:g},{y:g}" for x, y in corners)
