"""The figures of a run's report: its series, requests, failures, and what became of its users. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from harness.failover.analysis import nearest_rank
from harness.sampler import Sample
from loadtests import series
from loadtests.appliances import Appliance, Cost, appliances, by_front_end, costs
from loadtests.columns import Columns, Mask, Numbers, columns
from loadtests.events import AFFINITY, BACK, CONNECTION_LOST, LOST, Event
from loadtests.presence import Changes, Return, changes, returns
from loadtests.record import Run
from loadtests.series import Axis

SHARES = (0.5, 0.95, 0.99)
MOST_FAILURES = 20
"""So many kinds of failures stand in the report; the rest is counted."""


@dataclass(frozen=True)
class Requests:
    """The requests of a kind over the whole run; times in ms of those that went well, None when none did."""

    kind: str
    count: int
    failures: int
    per_s: float
    median: float | None
    p95: float | None
    p99: float | None
    max: float | None


@dataclass(frozen=True)
class Failure:
    """What went wrong in the same words: how often, and when first and last (seconds since the run began)."""

    kind: str
    error: str
    count: int
    first_s: float
    last_s: float


@dataclass(frozen=True)
class Figures:
    """All that the page, the plots and the tables show of a run; the series have a value a second."""

    run: Run
    axis: Axis
    events: Columns
    changes: Changes
    rates: dict[str, Numbers]
    failed: Numbers
    latency: dict[str, list[Numbers]]
    signed_in: Numbers
    lost: Numbers
    back: Numbers
    violations: Numbers
    lost_messages: Numbers
    appliances: list[Appliance]
    front_ends: dict[str, Numbers]
    requests: list[Requests]
    again: Requests | None
    failures: list[Failure]
    other_failures: int
    returns: list[Return]
    costs: list[Cost]

    def of(self, kind: str) -> Requests | None:
        """The requests of a kind, None when there were none."""
        return next((row for row in self.requests if row.kind == kind), None)


def figures(run: Run, events: Iterable[Event], samples: Iterable[Sample]) -> Figures:
    """The figures of a run from what its users and its appliances wrote down."""
    axis = Axis.of(run.began, run.ended)
    told = columns(events)
    users = changes(told)
    signed_in = series.level(users.at, users.signed_in, axis)
    machines = appliances(samples, run.machines, axis)
    failures = failures_of(told, axis, told.of_kind(*told.requests, CONNECTION_LOST))
    well = told.well
    masks = {kind: told.of_kind(kind) for kind in told.requests}
    return Figures(
        run=run,
        axis=axis,
        events=told,
        changes=users,
        rates={kind: series.counts(told.at[mask], axis) for kind, mask in masks.items()},
        failed=series.counts(told.at[told.of_kind(*told.requests) & ~well], axis),
        latency={
            kind: series.percentiles(told.at[mask & well], told.ms[mask & well], axis, SHARES)
            for kind, mask in masks.items()
        },
        signed_in=signed_in,
        lost=series.counts(told.moments(CONNECTION_LOST), axis),
        back=series.counts(told.at[told.of_kind(BACK) & well], axis),
        violations=series.counts(told.moments(AFFINITY), axis),
        lost_messages=series.counts(told.moments(LOST), axis),
        appliances=machines,
        front_ends=by_front_end(machines, run.front_ends, axis),
        requests=[requests_of(told, kind, axis) for kind in told.requests],
        again=requests_of(told, BACK, axis) if BACK in told.kinds else None,
        failures=failures[:MOST_FAILURES],
        other_failures=sum(failure.count for failure in failures[MOST_FAILURES:]),
        returns=returns(run.faults, told, users),
        costs=costs(machines, signed_in),
    )


def requests_of(events: Columns, kind: str, axis: Axis) -> Requests:
    """What became of the requests of a kind."""
    mask = events.of_kind(kind)
    well = np.sort(events.ms[mask & events.well]).tolist()
    count = int(mask.sum())
    median, p95, p99, most = (nearest_rank(well, share) if well else None for share in (*SHARES, 1.0))
    return Requests(kind, count, count - len(well), count / axis.length, median, p95, p99, most)


def failures_of(events: Columns, axis: Axis, mask: Mask) -> list[Failure]:
    """What went wrong among the events of a mask, the most frequent first."""
    wrong = np.flatnonzero(mask & ~events.well)
    pairs = events.kind[wrong] * len(events.errors) + events.error[wrong]
    found, first, count = np.unique(pairs, return_index=True, return_counts=True)
    last = len(pairs) - 1 - np.unique(pairs[::-1], return_index=True)[1]
    at = axis.seconds_of(events.at[wrong])
    failures = [
        Failure(
            events.kinds[pair // len(events.errors)],
            events.errors[pair % len(events.errors)],
            int(number),
            float(at[begin]),
            float(at[end]),
        )
        for pair, begin, end, number in zip(found.tolist(), first, last, count, strict=True)
    ]
    return sorted(failures, key=lambda failure: -failure.count)


def words_of(events: Columns, kind: str, axis: Axis, most: int) -> Sequence[tuple[float, str, str]]:
    """When, who, and how of the first events of a kind."""
    places = np.flatnonzero(events.of_kind(kind))[:most].tolist()
    return [
        (
            float(axis.seconds_of(events.at[place])),
            events.users[events.user[place]],
            events.errors[events.error[place]],
        )
        for place in places
    ]
