"""The figures of a load run as CSV: every series second by second, and the requests."""

import csv
import io
import math
from collections.abc import Iterable, Sequence

import numpy as np

from loadtests.columns import Numbers
from loadtests.figures import Figures

_PERCENTILES = ("median", "95 %", "99 %")


def seconds(figures: Figures) -> str:
    """A row a second, a column a series; a cell is empty where nothing is known."""
    columns = dict(_series(figures))
    cells = [_cells(line) for line in columns.values()]
    rows = zip(map(str, range(figures.axis.length)), *cells, strict=True)
    return _csv(["second", *columns], rows)


def requests(figures: Figures) -> str:
    """A row a kind of request; times in ms, of those that went well."""
    again = [figures.again] if figures.again is not None else []
    rows = [
        [row.kind, str(row.count), str(row.failures), f"{row.per_s:.3f}"]
        + ["" if value is None else f"{value:.1f}" for value in (row.median, row.p95, row.p99, row.max)]
        for row in [*figures.requests, *again]
    ]
    head = ["kind", "count", "failures", "per second", "median ms", "95 % ms", "99 % ms", "max ms"]
    return _csv(head, rows)


def _series(figures: Figures) -> Iterable[tuple[str, Numbers]]:
    yield "users signed in", figures.signed_in
    yield "connections lost/s", figures.lost
    yield "signed in again/s", figures.back
    for kind, line in figures.rates.items():
        yield f"{kind}/s", line
    yield "failed requests/s", figures.failed
    for kind, lines in figures.latency.items():
        for name, line in zip(_PERCENTILES, lines, strict=True):
            yield f"{kind} {name} ms", line
    yield "affinity violations", figures.violations
    yield "lost messages", figures.lost_messages
    for server, line in figures.front_ends.items():
        yield f"{server} connections", line
    for machine in figures.appliances:
        yield f"{machine.name} processor %", machine.busy
        yield f"{machine.name} network %", machine.network
        yield f"{machine.name} memory MiB", machine.memory_mib
        yield f"{machine.name} swap MiB", machine.swap_mib
        yield f"{machine.name} connections", machine.connections
        yield f"{machine.name} accepted/s", machine.accepted
        yield f"{machine.name} errors/s", machine.errors
        yield f"{machine.name} retries/s", machine.retries
    yield "faults in effect", _faults(figures)


def _faults(figures: Figures) -> Numbers:
    """How many faults were in effect in each second; one that was not undone lasts to the end."""
    line = np.zeros(figures.axis.length)
    for fault in figures.run.faults:
        start = max(0, int(fault.at - figures.axis.began))
        end = figures.axis.length if fault.undone is None else int(fault.undone - figures.axis.began) + 1
        line[start:end] += 1
    return line


def _cells(line: Numbers) -> list[str]:
    return ["" if math.isnan(value) else f"{round(value, 2):.12g}" for value in line.tolist()]


def _csv(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)
    return text.getvalue()
