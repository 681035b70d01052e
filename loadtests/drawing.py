"""Panels one below the other on one axis of time, drawn by matplotlib as PNG."""

import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

INK, SOFT, LINE, BAD = "#1d2733", "#5b6878", "#d9dfe5", "#b3261e"
COLOURS = (
    "#1f6f54",
    "#3d6fa8",
    "#c28a1c",
    "#b4552d",
    "#7a5195",
    "#54b08c",
    "#8d99a6",
    "#d4728c",
    "#2b4a6f",
    "#a3a63b",
)
_WIDTH_IN, _LEFT_IN, _RIGHT_IN = 9.4, 0.58, 1.5
_BETWEEN_IN, _HEAD_IN, _FOOT_IN, _ROW_IN = 0.42, 0.32, 0.5, 0.19
_LETTER_IN = 0.072
_DPI = 170
_MANY_TIMES = 100
"""A logarithmic axis that reaches so far is marked at powers of ten alone."""

_STYLE: Any = {
    # Words come from others: a dollar in them is no formula.
    "text.parse_math": False,
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.edgecolor": LINE,
    "axes.labelcolor": SOFT,
    "text.color": INK,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
}


@dataclass(frozen=True)
class Panel:
    """A panel: what it shows in words, and how its lines are drawn.

    `rows` are the words beside it where it counts no numbers.
    """

    title: str
    draw: Callable[[Axes], None]
    height_in: float = 1.32
    logarithmic: bool = False
    top: float | None = None
    rows: tuple[str, ...] = ()


@dataclass(frozen=True)
class Mark:
    """A moment, or a time from there to `end`, with its words; where they are on the axis."""

    text: str
    start: float
    end: float | None = None
    colour: str = BAD


def png(panels: Sequence[Panel], marks: Sequence[Mark], span: tuple[float, float], label: str) -> bytes:
    """The panels as a picture. Two of the same span have the same axis, whatever their panels."""
    rows = rows_of([(mark.start, *_extent(mark, span)) for mark in marks])
    top = _ROW_IN * (max(rows, default=-1) + 1) + _HEAD_IN
    height = top + sum(panel.height_in + _BETWEEN_IN for panel in panels) - _BETWEEN_IN + _FOOT_IN
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(_WIDTH_IN, height), dpi=_DPI)
        for number, panel in enumerate(panels):
            axes = figure.add_axes(
                (
                    _LEFT_IN / _WIDTH_IN,
                    1 - (top + panel.height_in) / height,
                    (_WIDTH_IN - _LEFT_IN - _RIGHT_IN) / _WIDTH_IN,
                    panel.height_in / height,
                )
            )
            _panel(axes, panel, marks, span)
            if number == 0:
                _words(axes, marks, rows, span)
            top += panel.height_in + _BETWEEN_IN
        axes.set_xlabel(label)
        picture = io.BytesIO()
        # Without the programme's version two reports of the same run are equal.
        figure.savefig(picture, format="png", metadata={"Software": None})
    return picture.getvalue()


def _panel(axes: Axes, panel: Panel, marks: Iterable[Mark], span: tuple[float, float]) -> None:
    panel.draw(axes)
    axes.set_xlim(*span)
    axes.set_title(panel.title, loc="left", fontsize=9.5, fontweight="bold", pad=5)
    _scale(axes, panel)
    axes.xaxis.set_major_formatter(FuncFormatter(_number))
    axes.grid(axis="both", color=LINE, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(length=0)
    axes.spines[["top", "right"]].set_visible(False)
    for mark in marks:
        if mark.end is not None:
            axes.axvspan(mark.start, mark.end, color=mark.colour, alpha=0.07, linewidth=0)
            axes.axvline(mark.end, color=mark.colour, linewidth=0.8, dashes=(1, 2))
        axes.axvline(mark.start, color=mark.colour, linewidth=1.0, dashes=(4, 2))
    handles, labels = axes.get_legend_handles_labels()
    if handles:
        axes.legend(
            handles,
            labels,
            loc="upper left",
            bbox_to_anchor=(1.01, 1.06),
            frameon=False,
            fontsize=8.5,
            handlelength=1.2,
            labelspacing=0.25,
            borderaxespad=0,
        )


def _scale(axes: Axes, panel: Panel) -> None:
    if panel.rows:
        axes.set_yticks(range(len(panel.rows)), panel.rows)
        axes.set_ylim(len(panel.rows) - 0.5, -0.5)
        return
    if panel.logarithmic:
        axes.set_yscale("log")
        least, most = axes.get_ylim()
        axes.yaxis.set_major_locator(LogLocator(subs=(1,) if most > _MANY_TIMES * least else (1, 2, 5)))
        axes.yaxis.set_minor_locator(NullLocator())
    else:
        axes.set_ylim(0, panel.top or max(1.0, axes.get_ylim()[1]))
        axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
    axes.yaxis.set_major_formatter(FuncFormatter(_number))


def _number(value: float, _place: int | None) -> str:
    return f"{value:,g}".replace("-", "\N{MINUS SIGN}")


def _extent(mark: Mark, span: tuple[float, float]) -> tuple[float, float]:
    """From where to where a mark's words reach: to its right, to its left where the picture would end."""
    unit = (span[1] - span[0]) / (_WIDTH_IN - _LEFT_IN - _RIGHT_IN)
    length = _LETTER_IN * len(mark.text) * unit
    if mark.start + length > span[1] + _RIGHT_IN * unit:
        return mark.start - length, mark.start
    return mark.start, mark.start + length


def rows_of(words: Sequence[tuple[float, float, float]]) -> list[int]:
    """The row of each of some words, counted from below, so that none meets another: (moment, start, end).

    What is earlier stands higher, so that the line from there to its moment crosses no later words.
    """
    rows = [0] * len(words)
    taken: list[tuple[float, float, int]] = []
    for place in sorted(range(len(words)), key=lambda place: -words[place][0]):
        _moment, start, end = words[place]
        met = [row for left, right, row in taken if left < end and start < right]
        rows[place] = max(met, default=-1) + 1
        taken.append((start, end, rows[place]))
    return rows


def _words(axes: Axes, marks: Sequence[Mark], rows: Sequence[int], span: tuple[float, float]) -> None:
    for mark, row in zip(marks, rows, strict=True):
        to_the_left = _extent(mark, span)[0] < mark.start
        axes.annotate(
            mark.text,
            (mark.start, 1),
            (-3 if to_the_left else 3, 19 + 72 * _ROW_IN * row),
            xycoords=axes.get_xaxis_transform(),
            textcoords="offset points",
            horizontalalignment="right" if to_the_left else "left",
            color=mark.colour,
            fontsize=8.5,
            annotation_clip=False,
        )
        axes.annotate(
            "",
            (mark.start, 1),
            (0, 28 + 72 * _ROW_IN * row),
            xycoords=axes.get_xaxis_transform(),
            textcoords="offset points",
            annotation_clip=False,
            arrowprops={
                "arrowstyle": "-",
                "color": mark.colour,
                "linewidth": 0.8,
                "shrinkA": 0,
                "shrinkB": 0,
            },
        )
