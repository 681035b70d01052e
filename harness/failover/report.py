"""The bench's report: one HTML page with everything in it, and failover.json beside it."""

import argparse
import datetime as dt
import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from harness import page
from harness.failover import drawing, lived, plots
from harness.failover.probe import KEEP_ALIVE_S
from harness.failover.record import Record, read_all
from harness.failover.summary import Row, rows

PAGE, DATA = "index.html", "failover.json"
_TEMPLATE = Path(__file__).with_name("report.html")


def write(out: Path) -> Path:
    """Write page and data from the runs kept in `out`/runs and return the page's path."""
    records = read_all(out / "runs")
    survival = lived.read_all(out / lived.RUNS)
    summary = rows(records)
    (out / DATA).write_text(json.dumps(data(records, summary, survival), indent=1) + "\n", encoding="utf-8")
    target = out / PAGE
    target.write_text(html(records, summary, survival), encoding="utf-8")
    return target


def data(
    records: Sequence[Record], summary: Sequence[Row], survival: Sequence[lived.Run] = ()
) -> dict[str, Any]:
    """Everything: the figures of each fault, each run with its time line, and which connections lived on."""
    return {
        "measured": _when([*records, *survival]),
        "processors": os.cpu_count(),
        "summary": [{**asdict(row), "ratio": row.ratio} for row in summary],
        "runs": [asdict(record) for record in records],
        "lived": [{**asdict(row), "share": row.share} for row in lived.rows(survival)],
    }


def html(records: Sequence[Record], summary: Sequence[Row], survival: Sequence[lived.Run] = ()) -> str:
    """The page; it needs nothing from anywhere else."""
    most = {
        "held": max((step.count for record in records for step in record.time_line.held), default=0),
        "registered": max(
            (step.count for record in records for step in record.time_line.registered), default=0
        ),
    }
    return page.render(
        _TEMPLATE,
        rows=summary,
        lived=lived.rows(survival),
        measured=_when([*records, *survival]),
        processors=os.cpu_count(),
        sensitivities=sorted(
            {record.sensitivity for record in records if record.sensitivity}
            | {run.sensitivity for run in survival}
        ),
        distribution=plots.distribution(records) if records else "",
        runs={row.name: [record for record in records if record.fault == row.name] for row in summary},
        panels=lambda record: drawing.panels(record.time_line, most),
        most=most,
        share=max((record.seen.probe_share for record in records), default=0.0),
        drawing=drawing,
        keep_alive_s=KEEP_ALIVE_S,
    )


def _when(records: Sequence[Record | lived.Run]) -> str:
    """The days on which the runs were made."""
    days = sorted({dt.datetime.fromtimestamp(record.began, dt.UTC).date().isoformat() for record in records})
    return " to ".join(dict.fromkeys((days[0], days[-1]))) if days else ""


def main() -> None:
    """Write the report anew from the runs that are kept."""
    parser = argparse.ArgumentParser(prog="python -m harness.failover.report", description=__doc__)
    parser.add_argument("out", type=Path, help="the bench's folder: build/bench/failover")
    print(write(parser.parse_args().out))


if __name__ == "__main__":
    main()
