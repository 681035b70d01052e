"""What is measured of which object, how it is kept, how large that is, and how it is drawn."""

import re
from typing import NamedTuple

STEP_S = 10
HEARTBEAT_S = 3 * STEP_S
"""A source that is not heard for so long is unknown (rrdcreate(1))."""

ARCHIVES = ((1, 8_640), (30, 2_016), (180, 1_488), (2_160, 1_460))
"""Steps that a row is the average of, and rows: 10 s for a day, 5 min a week, 30 min a month, 6 h a year."""

PERIODS = {"hour": 3_600, "day": 86_400, "week": 7 * 86_400, "month": 31 * 86_400, "year": 365 * 86_400}
"""What can be asked for, in seconds."""
RESOLUTIONS_S = {"hour": 10, "day": 10, "week": 300, "month": 1_800, "year": 21_600}

BUDGET_BYTES = 100_000_000
"""All that is kept together."""
SPARE_BYTES = 1_000_000
"""Of it, for a file that is being made and one that was put aside."""

SEPARATOR = "~"
"""Between the words of an object's id; no label and no interface has it."""

_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", re.ASCII)
"""A label, and more than the name of an interface (`fields`): neither leaves a folder."""

BLUE, GREEN, AMBER, RED, GREY, LIGHT = "1f5fa8", "17713c", "b87a00", "b3261e", "8592a3", "9cc3ec"


class Source(NamedTuple):
    """What one number says: its name in files, and its kind (rrdcreate(1): GAUGE, or DERIVE per second)."""

    name: str
    kind: str = "GAUGE"


class Line(NamedTuple):
    """How a source is drawn; `stacked` on the one before, `below` the axis."""

    source: str
    label: str
    colour: str
    stacked: bool = False
    below: bool = False


class Picture(NamedTuple):
    """One graph: values are of `unit`; `binary` for bytes of memory, `most` is where its axis ends."""

    name: str
    title: str
    unit: str
    lines: tuple[Line, ...]
    binary: bool = False
    most: int | None = None


class Kind(NamedTuple):
    """A kind of object."""

    sources: tuple[Source, ...]
    pictures: tuple[Picture, ...]


_BYTES = (Source("bytes_in", "DERIVE"), Source("bytes_out", "DERIVE"))
_TRAFFIC = Picture(
    "traffic", "Traffic", "bytes per second",
    (Line("bytes_in", "in", GREEN), Line("bytes_out", "out", BLUE, below=True)),
)  # fmt: skip
_BALANCED = Kind(
    (Source("sessions"), Source("new_sessions", "DERIVE"), *_BYTES),
    (
        Picture("sessions", "Open sessions", "sessions", (Line("sessions", "open", BLUE),)),
        Picture("rate", "New sessions", "per second", (Line("new_sessions", "new per second", GREEN),)),
        _TRAFFIC,
    ),
)

KINDS = {
    "cpu": Kind(
        (Source("user"), Source("system"), Source("iowait"), Source("steal")),
        (
            Picture(
                "cpu", "CPU", "percent",
                (
                    Line("system", "system", AMBER),
                    Line("user", "user", BLUE, stacked=True),
                    Line("iowait", "waits for disk", GREY, stacked=True),
                    Line("steal", "taken by the host", RED, stacked=True),
                ),
                most=100,
            ),
        ),
    ),
    "memory": Kind(
        (Source("used"), Source("reclaimable"), Source("free")),
        (
            Picture(
                "memory", "Memory", "bytes",
                (
                    Line("used", "used", BLUE),
                    Line("reclaimable", "cache", LIGHT, stacked=True),
                    Line("free", "free", "dfe5ec", stacked=True),
                ),
                binary=True,
            ),
        ),
    ),
    "interface": Kind(_BYTES, (_TRAFFIC,)),
    "service": _BALANCED,
    "server": _BALANCED,
}  # fmt: skip
"""By the first word of an object's id."""

_WORDS = {"cpu": 1, "memory": 1, "interface": 2, "service": 2, "server": 3}


def object_id(kind: str, *words: str) -> str | None:
    """Return the id of an object, which is also a safe name of a file; None when a word is no label."""
    return SEPARATOR.join((kind, *words)) if all(map(_WORD.fullmatch, words)) else None


def kind_of(object_id: str) -> str | None:
    """Return the kind of the object of an id, None when it is no id."""
    kind, *words = object_id.split(SEPARATOR)
    is_id = len(words) + 1 == _WORDS.get(kind) and all(map(_WORD.fullmatch, words))
    return kind if is_id else None


def size_of(kind: str) -> int:
    """Return the bytes of an object's file (rrd_format.h of RRDtool 1.7)."""
    sources, archives = len(KINDS[kind].sources), len(ARCHIVES)
    head = 128 + 16 + archives * (120 + 8) + sources * (120 + 112) + archives * sources * 80
    return head + 8 * sources * sum(rows for _, rows in ARCHIVES)


def within_budget(objects: list[str], budget: int = BUDGET_BYTES) -> list[str]:
    """Return the objects, in their order, whose files fit into the budget together."""
    taken, left = [], budget - SPARE_BYTES
    for each in objects:
        size = size_of(each.partition(SEPARATOR)[0])
        if size <= left:
            taken.append(each)
            left -= size
    return taken
