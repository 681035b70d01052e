"""Files as pictures (PNG) and as tables (CSV)."""

from collections.abc import Iterator
from datetime import UTC, datetime
from math import isnan
from pathlib import Path

import rrdtool

from lbadmin.graphs.layout import KINDS, PERIODS, RESOLUTIONS_S, Picture

WIDTH, HEIGHT = 720, 170
SMALL = (300, 70)
"""Pixels of the plot itself."""

_COLOURS = ("BACK#ffffff", "CANVAS#ffffff", "SHADEA#ffffff", "SHADEB#ffffff", "GRID#e8ecf1", "MGRID#dbe1e8",
            "FONT#33404f", "AXIS#8592a3", "FRAME#8592a3", "ARROW#8592a3")  # fmt: skip


def picture_of(kind: str, name: str) -> Picture:
    """Return a picture of a kind by its name, the first one for "". Raises KeyError."""
    pictures = {each.name: each for each in KINDS[kind].pictures}
    return pictures[name] if name else KINDS[kind].pictures[0]


def draw(path: Path, picture: Picture, period: str, now: int, *, small: bool = False) -> bytes:
    """Return a picture of a period that ends now (seconds since 1970). Raises rrdtool.OperationalError."""
    width, height = SMALL if small else (WIDTH, HEIGHT)
    most = [] if picture.most is None else ["--upper-limit", str(picture.most)]
    answer = rrdtool.graphv(
        "-",
        "--imgformat", "PNG",
        "--start", str(now - PERIODS[period]),
        "--end", str(now),
        "--width", str(width),
        "--height", str(height),
        "--vertical-label", "" if small else picture.unit,
        "--lower-limit", "0",
        *most,
        "--base", "1024" if picture.binary else "1000",
        "--border", "0",
        "--font", "DEFAULT:9:DejaVu Sans",
        "--font", "WATERMARK:1:DejaVu Sans",
        "--slope-mode",
        "--disable-rrdtool-tag",
        *(word for colour in _COLOURS for word in ("--color", colour)),
        *_lines(path, picture, small=small),
    )  # fmt: skip
    return bytes(answer["image"])


def _lines(path: Path, picture: Picture, *, small: bool) -> Iterator[str]:
    for line in picture.lines:
        yield f"DEF:{line.source}={path}:{line.source}:AVERAGE"
        drawn = line.source
        if line.below:
            drawn = f"below_{line.source}"
            yield f"CDEF:{drawn}={line.source},-1,*"
        stacked = ":STACK" if line.stacked else ""
        if len(picture.lines) == 1 or line.below or not any(each.stacked for each in picture.lines):
            yield f"AREA:{drawn}#{line.colour}40:"
            legend = "" if small else f"{line.label:<18}"
            yield f"LINE1.5:{drawn}#{line.colour}:{legend}"
        else:
            yield f"AREA:{drawn}#{line.colour}:{'' if small else f'{line.label:<18}'}{stacked}"
        if not small:
            for what, title in (("LAST", "now"), ("AVERAGE", "average"), ("MAXIMUM", "highest")):
                yield f"VDEF:{line.source}_{what}={line.source},{what}"
                yield f"GPRINT:{line.source}_{what}:{title} %7.2lf%s"
            yield "COMMENT:\\n"
    if any(line.below for line in picture.lines):
        yield "HRULE:0#8592a3"


def table(path: Path, kind: str, period: str, now: int) -> str:
    """Return all values of a period as CSV, oldest first: times are UTC, what is unknown is blank.

    Raises rrdtool.OperationalError.
    """
    step = RESOLUTIONS_S[period]
    end = now // step * step
    span, _, rows = rrdtool.fetch(
        str(path), "AVERAGE", "-r", str(step), "-s", str(end - PERIODS[period]), "-e", str(end)
    )
    lines = [",".join(["time", *(each.name for each in KINDS[kind].sources)])]
    first, _, width = span
    for number, row in enumerate(rows):
        when = first + (number + 1) * width
        if when > now:
            break
        time = datetime.fromtimestamp(when, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        lines.append(",".join([time, *map(_cell, row)]))
    return "\n".join(lines) + "\n"


def _cell(value: float | None) -> str:
    return "" if value is None or isnan(value) else f"{value:.6g}"
