"""What a run of the bench leaves: one JSON file each, so that a bench that was ended can be continued."""

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal

from harness.failover.analysis import Run, Span
from harness.failover.timeline import Step, Stretch, TimeLine

System = Literal["lbva", "defaults"]
"""The appliance as it is, or keepalived as its defaults set it up."""


@dataclass(frozen=True)
class Record:
    """A run: which fault struck whom when, what the clients saw, and what the appliance says of it."""

    system: System
    fault: str
    repeat: int
    sensitivity: str
    master: str
    began: float
    seen: Run
    time_line: TimeLine
    own_view: dict[str, Any] | None

    @property
    def name(self) -> str:
        """What its file is called, without the suffix."""
        return f"{self.system}-{self.fault}-{self.repeat:02}"

    def write(self, folder: Path) -> None:
        """Write it in one step, so that a bench that is ended leaves no half of it."""
        new = folder / f"{self.name}.new"
        new.write_text(json.dumps(asdict(self)), encoding="utf-8")
        new.replace(folder / f"{self.name}.json")


def read(path: Path) -> Record:
    """The record in a file."""
    return record_of(json.loads(path.read_text(encoding="utf-8")))


def record_of(values: dict[str, Any]) -> Record:
    """The record of which `values` is the JSON object."""
    line = values["time_line"]
    time_line = TimeLine(
        **{name: line[name] for name in ("start", "end", "healed")},
        attempts=[Stretch(**stretch) for stretch in line["attempts"]],
        holders={name: [Span(**span) for span in spans] for name, spans in line["holders"].items()},
        held=[Step(**step) for step in line["held"]],
        registered=[Step(**step) for step in line["registered"]],
    )
    plain = {field.name: values[field.name] for field in fields(Record)}
    return Record(**{**plain, "seen": Run(**values["seen"]), "time_line": time_line})


def read_all(folder: Path) -> list[Record]:
    """All records of a folder, by name."""
    return [read(path) for path in sorted(folder.glob("*.json"))]
