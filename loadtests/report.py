"""The report of a load run: one HTML page with everything in it, its plots and tables as files beside it."""

import argparse
import base64
import datetime as dt
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness import page, sampler
from loadtests import events, plots, record, tables
from loadtests.cards import after_cards, cards, duration, milliseconds
from loadtests.events import AFFINITY, LOST, MESSAGE
from loadtests.figures import Figures, figures, words_of

PAGE = "index.html"
SECONDS, REQUESTS = "seconds.csv", "requests.csv"
_TEMPLATE = Path(__file__).with_name("report.html")
_MOST_WORDS = 20


@dataclass(frozen=True)
class Picture:
    """A plot: its file's name, what it shows, and the PNG."""

    name: str
    text: str
    png: bytes

    @property
    def uri(self) -> str:
        """The picture itself as a URI: a page that is mailed alone still has it."""
        return f"data:image/png;base64,{base64.b64encode(self.png).decode()}"


def write(folder: Path) -> Path:
    """Write the report of the run in a folder into that folder; returns the page's path.

    Raises FileNotFoundError when the folder has no record of a run. Users or machines that wrote nothing
    are no error: the page says so.
    """
    run = record.read(folder)
    # When all leave at once, some speak to those who have just left: that is not the load any more.
    happened = (event for event in events.stream(folder) if event.at <= run.ended)
    seen = figures(run, happened, sampler.read(folder / record.SAMPLES))
    drawn, enlarged = pictures(seen), enlargements(seen)
    for picture in [*drawn, *enlarged.values()]:
        (folder / picture.name).write_bytes(picture.png)
    (folder / SECONDS).write_text(tables.seconds(seen), encoding="utf-8")
    (folder / REQUESTS).write_text(tables.requests(seen), encoding="utf-8")
    target = folder / PAGE
    target.write_text(html(seen, drawn, enlarged), encoding="utf-8")
    return target


def pictures(seen: Figures) -> list[Picture]:
    """The plots of the whole run, of what there is something to show."""
    found = []
    if len(seen.events.at):
        found.append(Picture("users.png", "What the users saw", plots.users(seen)))
    if seen.appliances:
        found.append(Picture("appliances.png", "What the appliances did", plots.machines(seen)))
    return found


def enlargements(seen: Figures) -> dict[int, Picture]:
    """The plots of the faults that cost users their connection, by the place of `seen.returns`."""
    return {
        place: Picture(f"fault-{place + 1}.png", f"After: {one.what}", plots.fault(seen, one))
        for place, one in enumerate(seen.returns)
        if one.lost
    }


def html(seen: Figures, drawn: Sequence[Picture], enlarged: dict[int, Picture]) -> str:
    """The page; it needs nothing from anywhere else but links to the tables."""
    return page.render(
        _TEMPLATE,
        seen=seen,
        run=seen.run,
        began=f"{dt.datetime.fromtimestamp(seen.run.began, dt.UTC):%Y-%m-%d %H:%M} UTC",
        length=duration(seen.run.ended - seen.run.began),
        cards=cards(seen),
        pictures=drawn,
        after=[
            (one, one.at - seen.axis.began, after_cards(one), enlarged.get(place))
            for place, one in enumerate(seen.returns)
        ],
        wrong=[
            (kind, words_of(seen.events, kind, seen.axis, _MOST_WORDS), int(seen.events.of_kind(kind).sum()))
            for kind in (AFFINITY, LOST)
        ],
        messages=seen.of(MESSAGE),
        milliseconds=milliseconds,
        window_s=seen.axis.window_s,
        tables=(SECONDS, REQUESTS),
    )


def main() -> None:
    """Write the report of a run anew."""
    parser = argparse.ArgumentParser(prog="python -m loadtests.report", description=__doc__)
    parser.add_argument("folder", type=Path, help="the run's folder: that in which run.json is")
    folder = parser.parse_args().folder
    try:
        print(write(folder))
    except FileNotFoundError as error:
        sys.exit(f"{error.filename} is not there: name the folder of a run, in which {record.RUN} is")


if __name__ == "__main__":
    main()
