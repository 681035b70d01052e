"""The figures of a bench: medians, ratios, and the table for people. Pure."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from loadtests.dataplane.results import REACHED, Held, Kind, Results, Turn

SATURATED = 0.9
"""Above this share of its processor the machine was the limit, below it the clients were."""

OURS = "lbva"
_LABEL = 42
"""Width of the table's first column."""


@dataclass(frozen=True)
class Cell:
    """A figure of one balancer, None where none was measured: its part of LBVA's, and of the best one's."""

    value: float | None
    text: str
    ratio: float | None = None
    of_best: float | None = None


@dataclass(frozen=True)
class Row:
    """A figure of all balancers, in the order of the results."""

    what: str
    unit: str
    more_is_better: bool
    cells: tuple[Cell, ...]


_RATES: tuple[tuple[Kind, str, str], ...] = (
    ("connections", "new connections on 5060", "a second"),
    ("sign-ins", "sign-ins through TLS on 5061", "a second"),
    ("bulk", "bulk throughput", "Mbit/s"),
)

_OF_HELD: tuple[tuple[str, str, str, Callable[[Held], float | None], bool], ...] = (
    ("memory a held connection", "KiB", "{:.1f}", lambda held: held.kib_per_connection, False),
    ("memory when started", "MiB", "{:.1f}", lambda held: held.started_mib, False),
    ("connections held", "", "{:,.0f}", lambda held: held.held, True),
)


def rows(results: Results) -> list[Row]:
    """The table: what was measured, in the order of the report."""
    names = [balancer.name for balancer in results.balancers]
    made = []
    for kind, what, unit in _RATES:
        values = [median_rate(results.turns, name, kind) for name in names]
        made.append(_row(names, what, unit, "{:,.0f}", values, more_is_better=True))
    for what, unit, text, value_of, more_is_better in _OF_HELD:
        runs = [held_of(results, name) for name in names]
        values = [None if run is None else value_of(run) for run in runs]
        made.append(_row(names, what, unit, text, values, more_is_better=more_is_better))
    return [row for row in made if any(cell.value is not None for cell in row.cells)]


def median_rate(turns: Sequence[Turn], balancer: str, kind: Kind) -> float | None:
    """The middle one of a balancer's turns of one kind, None without any."""
    rates = [turn.rate for turn in turns if turn.balancer == balancer and turn.kind == kind]
    return statistics.median(rates) if rates else None


def ratios(
    values: Sequence[float | None], ours: float | None, *, more_is_better: bool
) -> list[tuple[float | None, float | None]]:
    """Each value's part of ours and of the best one; None where either is missing, or is no divisor."""
    known = [value for value in values if value is not None]
    best = (max(known) if more_is_better else min(known)) if known else None
    return [(_part(value, ours), _part(value, best)) for value in values]


def _part(value: float | None, whole: float | None) -> float | None:
    return value / whole if value is not None and whole is not None and whole > 0 else None


def _row(
    names: Sequence[str],
    what: str,
    unit: str,
    text: str,
    values: Sequence[float | None],
    *,
    more_is_better: bool,
) -> Row:
    ours = values[names.index(OURS)] if OURS in names else None
    parts = ratios(values, ours, more_is_better=more_is_better)
    cells = (
        Cell(value, "–" if value is None else text.format(value), ratio, of_best)
        for value, (ratio, of_best) in zip(values, parts, strict=True)
    )
    return Row(what, unit, more_is_better, tuple(cells))


def held_of(results: Results, balancer: str) -> Held | None:
    """The held run of a balancer, None without one."""
    return next((held for held in results.held if held.balancer == balancer), None)


def verdict(held: Held) -> str:
    """What came of a held run, in a sentence."""
    left = held.steps[-1].available_mib if held.steps else 0.0
    if held.end != REACHED:
        text = f"ended at {held.opened:,} of {held.wanted:,}: {held.end}"
    elif held.held < held.opened:
        text = f"{held.opened:,} opened, and not all of them held"
    else:
        text = f"{held.held:,} held (aim of this run reached), with {left:,.0f} MiB of memory still to be had"
    if held.alive is None:
        return text
    if held.alive == held.opened:
        return f"{text}; all of them answered a keep-alive"
    return f"{text}; {held.alive:,} of {held.opened:,} answered a keep-alive"


def notes(results: Results) -> list[str]:
    """What a reader has to know of the figures: failures, and where the machine was not the limit."""
    found = list(results.notes)
    for kind, what, _unit in _RATES:
        idle = []
        for balancer in results.balancers:
            turns = [turn for turn in results.turns if turn.balancer == balancer.name and turn.kind == kind]
            if failed := sum(sum(turn.failed.values()) for turn in turns):
                kinds = sorted({name for turn in turns for name in turn.failed})
                found.append(f"{what}: {failed} failed with {balancer.title} ({', '.join(kinds)})")
            busy = [turn.busy for turn in turns if turn.busy is not None]
            if busy and (share := statistics.median(busy)) < SATURATED:
                idle.append(f"{balancer.title}: {share:.0%} busy")
        if idle:
            found.append(
                f"{what}: the machine's processor was not the limit, the clients were ({'; '.join(idle)})"
            )
    return found


def table(results: Results) -> str:
    """The figures as text: a column a balancer; below each figure its part of LBVA's and of the best's."""
    heads = [balancer.title for balancer in results.balancers]
    widths = [max(len(head), 12) + 2 for head in heads]
    lines = [" " * _LABEL + "".join(f"{head:>{width}}" for head, width in zip(heads, widths, strict=True))]
    for row in rows(results):
        label = f"{row.what}, {row.unit}" if row.unit else row.what
        lines += [
            _line(label, [cell.text for cell in row.cells], widths),
            _line("  of LBVA's", [_ratio(cell.ratio) for cell in row.cells], widths),
            _line("  of the best", [_ratio(cell.of_best) for cell in row.cells], widths),
        ]
    lines += [""] + [f"{held_title(results, held)}: {verdict(held)}" for held in results.held]
    lines += [f"note: {note}" for note in notes(results)]
    return "\n".join(lines)


def held_title(results: Results, held: Held) -> str:
    """The title of the balancer of a held run."""
    return next(balancer.title for balancer in results.balancers if balancer.name == held.balancer)


def _line(label: str, texts: Sequence[str], widths: Sequence[int]) -> str:
    return f"{label:{_LABEL}}" + "".join(
        f"{text:>{width}}" for text, width in zip(texts, widths, strict=True)
    )


def _ratio(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"
