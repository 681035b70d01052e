"""The bench's report: one HTML page with everything in it; dataplane.json and the pictures beside it."""

from pathlib import Path

from harness import page
from loadtests.dataplane import plots, summary
from loadtests.dataplane.results import AIM_HELD, Results
from loadtests.dataplane.turn import ADDRESSES

PAGE = "index.html"
_TEMPLATE = Path(__file__).with_name("report.html")


def write(results: Results, folder: Path) -> Path:
    """Write page, data and pictures into the folder and return the page's path."""
    results.write(folder)
    target = folder / PAGE
    target.write_text(html(results, folder), encoding="utf-8")
    return target


def html(results: Results, pictures: Path) -> str:
    """The page, which needs nothing from anywhere else; its pictures go into a folder as well."""
    return page.render(
        _TEMPLATE,
        results=results,
        rows=summary.rows(results),
        runs=[(summary.held_title(results, held), held, summary.verdict(held)) for held in results.held],
        notes=summary.notes(results),
        pictures=plots.draw(results, pictures),
        colours=plots.COLOURS,
        aim=AIM_HELD,
        addresses=ADDRESSES,
        rounds=len({turn.round for turn in results.turns}),
    )
