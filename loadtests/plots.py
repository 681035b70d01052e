"""The plots of a load run: what its users saw, what its appliances did, and each fault enlarged."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from loadtests import series
from loadtests.columns import Numbers
from loadtests.drawing import BAD, COLOURS, INK, SOFT, Mark, Panel, png
from loadtests.events import (
    ADDRESS_BOOK,
    AFFINITY,
    BACK,
    CONNECT,
    CONNECTION_LOST,
    ENDPOINT_MAP,
    FOCUS,
    KEEP_ALIVE,
    LOST,
    MESSAGE,
    RENEWAL,
    SIGN_IN,
    SUBSCRIBE,
    TLS,
)
from loadtests.figures import Figures
from loadtests.presence import Return
from loadtests.series import Axis

_BEFORE_S, _AFTER_S, _MOST_S = 10, 10, 300
_FAR_S = 1e6
"""Beyond every run."""

KINDS = (
    MESSAGE,
    KEEP_ALIVE,
    SIGN_IN,
    CONNECT,
    TLS,
    ADDRESS_BOOK,
    SUBSCRIBE,
    ENDPOINT_MAP,
    RENEWAL,
    FOCUS,
)
_WRONG = ("affinity", "lost")
_PERCENTILES = (("median", COLOURS[0]), ("95 %", COLOURS[2]), ("99 %", COLOURS[3]))


def users(figures: Figures) -> bytes:
    """What the users saw."""
    panels = [
        Panel("Users signed in", lambda axes: _signed_in(axes, figures)),
        Panel("Connections lost, and users signed in again, per second", lambda axes: _losses(axes, figures)),
        Panel("Requests per second, by kind", lambda axes: _throughput(axes, figures), height_in=1.9),
    ]
    for kind, title in ((SIGN_IN, "Sign-in"), (MESSAGE, "Message round trip")):
        if _seen(figures.latency.get(kind)):
            panels.append(_latency(figures, kind, title))
    others = [
        kind for kind in figures.latency if kind not in {SIGN_IN, MESSAGE} and _seen(figures.latency[kind])
    ]
    if others:
        panels.append(
            Panel(
                "The other requests: 95 % took no longer than (ms)",
                lambda axes: _others(axes, figures, others),
                logarithmic=True,
            )
        )
    if figures.violations.any() or figures.lost_messages.any():
        panels.append(
            Panel(
                "Affinity violations and lost messages",
                lambda axes: _wrong(axes, figures),
                height_in=0.5,
                rows=_WRONG,
            )
        )
    return _png(figures, panels)


def machines(figures: Figures) -> bytes:
    """What the appliances did."""
    return _png(
        figures,
        [
            Panel("Connections of each front end", lambda axes: _front_ends(axes, figures)),
            Panel(
                "Processor, % (dotted: what the kernel does for the network)",
                lambda axes: _of_each(axes, figures, "busy", "network"),
                top=105,
            ),
            Panel(
                "Memory in use, MiB (dotted: swap)",
                lambda axes: _of_each(axes, figures, "memory_mib", "swap_mib"),
            ),
            Panel("HAProxy: connections of clients", lambda axes: _of_each(axes, figures, "connections")),
            Panel(
                "HAProxy: connections accepted per second", lambda axes: _of_each(axes, figures, "accepted")
            ),
            Panel(
                "HAProxy: connections to front ends that failed, per second (dotted: tried again)",
                lambda axes: _of_each(axes, figures, "errors", "retries"),
            ),
        ],
    )


def fault(figures: Figures, one: Return) -> bytes:
    """How the users came back after a fault, enlarged."""
    there = figures.axis.began + figures.axis.length - one.at
    end = min(_MOST_S if one.last_s is None else one.last_s + _AFTER_S, _MOST_S, max(1.0, there))
    near = Axis(one.at - _BEFORE_S, int(end) + 1 + _BEFORE_S)
    edges = np.arange(near.length + 1.0) - _BEFORE_S
    events, changes = figures.events, figures.changes
    wanted = events.of_kind(*events.requests)
    lost = series.counts(events.moments(CONNECTION_LOST), near)
    back = series.counts(events.at[events.of_kind(BACK) & events.well], near)
    well = series.counts(events.at[wanted & events.well], near)
    failed = series.counts(events.at[wanted & ~events.well], near)

    def signed_in(axes: Axes) -> None:
        levels = np.append(0.0, changes.signed_in)
        levels = np.append(levels, levels[-1])
        moments = np.concatenate(([-_FAR_S], changes.at - one.at, [_FAR_S]))
        axes.step(moments, levels, where="post", color=COLOURS[0], linewidth=1.6)

    panels = [
        Panel("Users signed in", signed_in, top=1.08 * max(1.0, figures.signed_in.max())),
        Panel(
            "Connections lost, and users signed in again, per second",
            lambda axes: _bars(axes, edges, [("lost", lost, BAD), ("signed in again", back, COLOURS[0])]),
        ),
        Panel(
            "Requests per second",
            lambda axes: _bars(axes, edges, [("went well", well, COLOURS[1]), ("failed", failed, BAD)]),
        ),
    ]
    marks = [Mark(one.what, 0.0)]
    for text, moment in (("first back", one.first_s), ("95 % back", one.most_s), ("last back", one.last_s)):
        if moment is not None:
            marks.append(Mark(f"{text}: {moment:.1f} s", moment, colour=SOFT))
    return png(panels, marks, (-_BEFORE_S, float(near.length - _BEFORE_S)), "seconds since the fault")


def _png(figures: Figures, panels: Sequence[Panel]) -> bytes:
    run, axis = figures.run, figures.axis
    marks = [
        Mark(fault.what, fault.at - axis.began, None if fault.undone is None else fault.undone - axis.began)
        for fault in run.faults
        if 0 <= fault.at - axis.began <= axis.length
    ]
    return png(panels, marks, (0.0, float(axis.length)), "seconds since the run began")


def _seconds(figures: Figures) -> Numbers:
    return np.arange(figures.axis.length, dtype=np.float64) + 0.5


def _seen(lines: Sequence[Numbers] | None) -> bool:
    return lines is not None and not all(np.isnan(line).all() for line in lines)


def _signed_in(axes: Axes, figures: Figures) -> None:
    axes.axhline(
        figures.run.users, color=SOFT, linewidth=0.8, dashes=(1, 2), label=f"{figures.run.users:,} ordered"
    )
    axes.fill_between(_seconds(figures), figures.signed_in, color=COLOURS[0], alpha=0.12, linewidth=0)
    axes.plot(_seconds(figures), figures.signed_in, color=COLOURS[0], linewidth=1.6, label="signed in")


def _losses(axes: Axes, figures: Figures) -> None:
    edges = np.arange(figures.axis.length + 1.0)
    _bars(axes, edges, [("lost", figures.lost, BAD), ("signed in again", figures.back, COLOURS[0])])


def _bars(axes: Axes, edges: Numbers, lines: Sequence[tuple[str, Numbers, str]]) -> None:
    for name, values, colour in lines:
        axes.stairs(values, edges, fill=True, color=colour, alpha=0.2)
        axes.stairs(values, edges, color=colour, linewidth=1.0, label=name)


def _throughput(axes: Axes, figures: Figures) -> None:
    order = sorted(figures.rates, key=lambda kind: -figures.rates[kind].sum())
    lines = [series.smoothed(figures.rates[kind], figures.axis) for kind in order]
    if lines:
        axes.stackplot(
            _seconds(figures),
            *lines,
            labels=order,
            colors=[_colour(figures, kind) for kind in order],
            alpha=0.85,
            linewidth=0,
        )
    failed = series.smoothed(figures.failed, figures.axis)
    if failed.any():
        axes.plot(_seconds(figures), failed, color=BAD, linewidth=1.2, label="of these failed")


def _colour(figures: Figures, kind: str) -> str:
    """A kind's colour is the same in all panels, and in all reports that have the same kinds."""
    known = [*KINDS, *(name for name in figures.rates if name not in KINDS)]
    return COLOURS[known.index(kind) % len(COLOURS)]


def _latency(figures: Figures, kind: str, title: str) -> Panel:
    def draw(axes: Axes) -> None:
        for (name, colour), line in zip(_PERCENTILES, figures.latency[kind], strict=True):
            axes.plot(
                _seconds(figures), line, color=colour, linewidth=1.3, marker=".", markersize=2.5, label=name
            )

    return Panel(f"{title}: time it took (ms)", draw, logarithmic=True)


def _others(axes: Axes, figures: Figures, kinds: Sequence[str]) -> None:
    for kind in kinds:
        _median, p95, _p99 = figures.latency[kind]
        axes.plot(
            _seconds(figures),
            p95,
            color=_colour(figures, kind),
            linewidth=1.3,
            marker=".",
            markersize=2.5,
            label=kind,
        )


def _wrong(axes: Axes, figures: Figures) -> None:
    for row, (kind, marker, colour) in enumerate(((AFFINITY, "v", BAD), (LOST, "X", INK))):
        moments = figures.axis.seconds_of(figures.events.moments(kind))
        axes.plot(
            moments, np.full(len(moments), row), color=colour, marker=marker, linestyle="none", markersize=6
        )


def _front_ends(axes: Axes, figures: Figures) -> None:
    # Where the load is spread evenly the lines lie upon each other: the upper ones are thinner.
    names = list(figures.front_ends)
    widths = np.linspace(3.2, 1.1, len(names)) if len(names) > 1 else [1.3]
    for number, (name, width) in enumerate(zip(names, widths, strict=True)):
        line = figures.front_ends[name]
        axes.plot(
            _seconds(figures), line, color=COLOURS[(number + 1) % len(COLOURS)], linewidth=width, label=name
        )


def _of_each(axes: Axes, figures: Figures, what: str, dotted: str = "") -> None:
    """A line of each appliance, and a second one, dotted, where it is more than nothing."""
    for number, machine in enumerate(figures.appliances):
        colour = COLOURS[number % len(COLOURS)]
        axes.plot(_seconds(figures), getattr(machine, what), color=colour, linewidth=1.2, label=machine.name)
        if dotted and np.nan_to_num(getattr(machine, dotted)).any():
            axes.plot(_seconds(figures), getattr(machine, dotted), color=colour, linewidth=1.1, linestyle=":")
