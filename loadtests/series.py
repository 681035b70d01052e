"""Time series on the axis of a run: a value for each second since it began, NaN where none is known. Pure.

Moments are seconds since the epoch, rates are per second.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from loadtests.columns import Numbers

AWAY_S = 3.0
"""Who has said nothing for longer is away; an emulated machine under load is late by more than a second."""

_WINDOWS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300)
_WINDOWS = 200
"""So many windows can be told apart in a plot."""


@dataclass(frozen=True)
class Axis:
    """The seconds of a run: when the first begins, and how many there are."""

    began: float
    length: int

    @classmethod
    def of(cls, began: float, ended: float) -> "Axis":
        """One of a second at least."""
        return cls(began, max(1, math.ceil(ended - began)))

    @property
    def window_s(self) -> int:
        """How long the windows are over which rates and percentiles are taken."""
        return next((s for s in _WINDOWS_S if self.length <= s * _WINDOWS), _WINDOWS_S[-1])

    def seconds_of(self, moments: Numbers) -> Numbers:
        """How long after the beginning."""
        return moments - self.began


def counts(moments: Numbers, axis: Axis) -> Numbers:
    """How many moments fall into each second; those outside the run into none."""
    seconds = np.floor(axis.seconds_of(moments))
    inside = seconds[(seconds >= 0) & (seconds < axis.length)]
    return np.bincount(inside.astype(np.int64), minlength=axis.length).astype(np.float64)


def smoothed(values: Numbers, axis: Axis) -> Numbers:
    """The mean of each window, for each of its seconds."""
    starts = np.arange(0, axis.length, axis.window_s)
    lengths = np.diff(np.append(starts, axis.length))
    return np.repeat(np.add.reduceat(values, starts) / lengths, lengths)


def percentiles(moments: Numbers, values: Numbers, axis: Axis, shares: Sequence[float]) -> list[Numbers]:
    """For each share the percentile (nearest rank) of each window's values, for each of its seconds.

    NaN where a window has no values.
    """
    window = np.floor(axis.seconds_of(moments) / axis.window_s)
    inside = (window >= 0) & (axis.seconds_of(moments) < axis.length)
    window, values = window[inside].astype(np.int64), values[inside]
    ordered = values[np.lexsort((values, window))]
    found, first, count = np.unique(np.sort(window), return_index=True, return_counts=True)
    of_second = np.arange(axis.length) // axis.window_s
    lines = []
    for share in shares:
        line = np.full(of_second[-1] + 1, np.nan)
        rank = np.maximum(np.ceil(share * count).astype(np.int64) - 1, 0)
        line[found] = ordered[first + rank]
        lines.append(line[of_second])
    return lines


def held(moments: Numbers, values: Numbers, axis: Axis) -> Numbers:
    """The last value known at the end of each second, NaN where its machine was away.

    A second without a value has the one before, where the next comes within AWAY_S of that. `moments` are
    in order.
    """
    line = np.full(axis.length, np.nan)
    if len(moments):
        ends = axis.began + np.arange(axis.length) + 1.0
        last = np.searchsorted(moments, ends) - 1
        following = np.append(moments, np.inf)[last + 1]
        known = (last >= 0) & ((ends - moments[last] <= 1.0) | (following - moments[last] <= AWAY_S))
        line[known] = values[last[known]]
    return line


def level(moments: Numbers, values: Numbers, axis: Axis) -> Numbers:
    """The last value at the end of each second, 0 before the first: of what is not sampled, but changes."""
    ends = axis.began + np.arange(axis.length) + 1.0
    return np.append(0.0, values)[np.searchsorted(moments, ends)]


def increase(moments: Numbers, counter: Numbers) -> Numbers:
    """How much a counter grew per second before each moment, never negative.

    A counter that is less than before was set to 0 in between: it grew by what it is, at least. NaN at the
    first moment, and at one after its machine was away, because nobody knows how much of it came when.
    """
    if not len(moments):
        return np.array([])
    step, grown = np.diff(moments), np.diff(counter)
    grown = np.where(grown < 0, counter[1:], grown)
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = np.where((step > 0) & (step <= AWAY_S), grown / step, np.nan)
    return np.append(np.nan, rate)


def total(lines: Sequence[Numbers], axis: Axis) -> Numbers:
    """The sum of what is known in each second, NaN where nothing is."""
    if not lines:
        return np.full(axis.length, np.nan)
    table = np.vstack(lines)
    return np.where(np.isnan(table).all(axis=0), np.nan, np.nansum(table, axis=0))
