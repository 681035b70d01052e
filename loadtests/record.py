"""What is known of a run of a load beside its events and samples: `run.json` in the run's folder."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

RUN = "run.json"
SAMPLES = "samples.jsonl"
"""Of the appliances, see harness.sampler."""


@dataclass(frozen=True)
class Fault:
    """A fault that struck during the load: in words, and when (seconds since the epoch)."""

    what: str
    at: float
    undone: float | None = None


@dataclass(frozen=True)
class Verdict:
    """Something that was to hold, in words, whether it did, and what was seen."""

    text: str
    reached: bool
    seen: str = ""


@dataclass(frozen=True)
class Run:
    """A run: what was ordered, when it was, what struck it, and what came out.

    `notes` say what else a reader must know: that it was ended early, or that the clients were too busy.
    """

    profile: str
    users: int
    workers: int
    front_ends: tuple[str, ...]
    machines: tuple[str, ...]
    began: float
    ended: float
    faults: tuple[Fault, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    notes: tuple[str, ...] = ()

    def write(self, folder: Path) -> None:
        """Write it in one step."""
        new = folder / f"{RUN}.new"
        new.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")
        new.replace(folder / RUN)


def read(folder: Path) -> Run:
    """The record in the folder of a run."""
    values = json.loads((folder / RUN).read_text(encoding="utf-8"))
    return Run(
        **{
            **values,
            "front_ends": tuple(values["front_ends"]),
            "machines": tuple(values["machines"]),
            "faults": tuple(Fault(**each) for each in values["faults"]),
            "verdicts": tuple(Verdict(**each) for each in values["verdicts"]),
            "notes": tuple(values["notes"]),
        }
    )
