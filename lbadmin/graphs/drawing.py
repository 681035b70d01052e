"""Files as pictures (PNG) and as tables (CSV)."""

from collections.abc import Iterator
from datetime import UTC, datetime
from math import isnan
from pathlib import Path

import rrdtool

from lbadmin.graphs.layout import KINDS, PERIODS, RESOLUTIONS_S, Picture

SIZES = {"wide": (820, 260), "narrow": (400, 240), "small": (340, 110)}
"""Pixels of the whole picture, for a page, for a phone, and without figures for the overview."""

_COLOURS = ("BACK#ffffff", "CANVAS#ffffff", "SHADEA#ffffff", "SHADEB#ffffff", "GRID#e8ecf1", "MGRID#dbe1e8",
            "FONT#33404f", "AXIS#8592a3", "FRAME#8592a3", "ARROW#8592a3")  # fmt: skip


def picture_of(kind: str, name: str) -> Picture:
    """Return a picture of a kind by its name, the first one for "". Raises KeyError."""
    pictures = {each.name: each for each in KINDS[kind].pictures}
    return pictures[name] if name else KINDS[kind].pictures[0]


def draw(path: Path, picture: Picture, period: str, now: int, size: str = "wide") -> bytes:
    """Return a picture of a period that ends now (seconds since 1970).

    Raises KeyError for an unknown size, or rrdtool.OperationalError.
    """
    width, height = SIZES[size]
    options = [
        "--imgformat", "PNG",
        "--start", str(now - PERIODS[period]),
        "--end", str(now),
        "--full-size-mode",
        "--width", str(width),
        "--height", str(height),
        "--lower-limit", "0",
        "--base", "1024" if picture.binary else "1000",
        "--border", "0",
        "--font", f"DEFAULT:{8 if size == 'small' else 9}:DejaVu Sans",
        "--slope-mode",
        "--disable-rrdtool-tag",
    ]  # fmt: skip
    if picture.most is not None:
        options += ["--upper-limit", str(picture.most), "--rigid"]
    if size != "small":
        options += ["--vertical-label", picture.unit]
    for colour in _COLOURS:
        options += ["--color", colour]
    return bytes(rrdtool.graphv("-", *options, *_lines(path, picture, size))["image"])


def _lines(path: Path, picture: Picture, size: str) -> Iterator[str]:
    stacks = any(each.stacked for each in picture.lines)
    for line in picture.lines:
        yield f"DEF:{line.source}={path}:{line.source}:AVERAGE"
        drawn = line.source
        if line.below:
            drawn = f"below_{line.source}"
            yield f"CDEF:{drawn}={line.source},-1,*"
        legend = "" if size == "small" else f" {line.label:<18}"
        if stacks:
            yield f"AREA:{drawn}#{line.colour}:{legend}{':STACK' if line.stacked else ''}"
        else:
            yield f"AREA:{drawn}#{line.colour}40"
            yield f"LINE1.5:{drawn}#{line.colour}:{legend}"
        yield from _figures(line.source, size)
    if any(line.below for line in picture.lines):
        yield "HRULE:0#8592a3"


def _figures(source: str, size: str) -> Iterator[str]:
    figures = {"LAST": "now", "AVERAGE": "average", "MAXIMUM": "highest"}
    if size == "narrow":
        del figures["AVERAGE"]
    if size != "small":
        for what, title in figures.items():
            yield f"VDEF:{source}_{what}={source},{what}"
            yield f"GPRINT:{source}_{what}:{title} %7.2lf%s"
        yield "COMMENT:\\n"


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
