"""`make bench-sensitivity`: for how long a busy master may stand still before the other node takes over.

Hypervisors let machines stand still: for a live migration, a snapshot, a backup. A take-over for that costs
every client its connection and gains nothing, so the default sensitivity is the one that lets such pauses
pass and is still quick. Each pause strikes while clients connect; in between nothing may move the role.
"""

import argparse
import contextlib
import json
import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

from harness import pair as pairs
from harness.deadline import Deadline
from harness.errors import LabError, die
from harness.failover.bench import BOOT_S, IMAGE, SETTLE_S, set_sensitivity
from harness.failover.clients import Clients, Crowd
from harness.faults import Faults
from harness.pair import Pair
from harness.state import REPOSITORY

OUT = REPOSITORY / "build" / "bench" / "sensitivity.json"
LAB = "sensitivity"
SENSITIVITIES = ("fast", "normal", "tolerant")
PAUSES_MS = (50, 100, 200, 300, 500, 1000, 2000, 4000)
CROWD = Crowd(every_ms=20.0, held=20, registered=100)
APART_S = 2.0
"""Between two pauses: longer than VRRP takes to notice at any sensitivity but the last."""


@dataclass(frozen=True)
class Pause:
    """How long the master stood still, seconds, and whether the other node was master afterwards."""

    sensitivity: str
    wanted_ms: int
    lasted_s: float
    moved: bool


def strike(pair: Pair, sensitivity: str, pause_ms: int) -> Pause:
    """Let the master stand still once, and wait until the pair has settled."""
    master = pair.master().machine
    with Faults(pair.lab) as faults:
        undo = faults.freeze(master)
        time.sleep(max(0.0, undo.acted + pause_ms / 1000 - time.time()))
        thawed = time.time()
    time.sleep(APART_S)
    pair.wait_until_settled(Deadline(SETTLE_S))
    return Pause(sensitivity, pause_ms, thawed - undo.began, pair.master().machine.name != master.name)


def measure(pair: Pair, repeats: int) -> Iterator[Pause]:
    """All pauses at all sensitivities, shortest first."""
    for sensitivity in SENSITIVITIES:
        set_sensitivity(pair, sensitivity)
        with Clients(pair.lab, OUT.with_suffix(".jsonl"), CROWD) as clients:
            clients.wait_until_served(Deadline(SETTLE_S))
            for pause_ms in PAUSES_MS:
                for _ in range(repeats):
                    yield strike(pair, sensitivity, pause_ms)


def table(pauses: Sequence[Pause]) -> str:
    """How often the role moved, a line each sensitivity and a column each pause."""
    lines = ["the master stands still for" + "".join(f"{pause_ms:>8} ms" for pause_ms in PAUSES_MS)]
    for sensitivity in SENSITIVITIES:
        cells = []
        for pause_ms in PAUSES_MS:
            met = [each for each in pauses if (each.sensitivity, each.wanted_ms) == (sensitivity, pause_ms)]
            moved = sum(each.moved for each in met)
            cells.append(f"{moved} of {len(met)}" if met else "-")
        lines.append(f"{sensitivity:<27}" + "".join(f"{cell:>11}" for cell in cells))
    return "\n".join(lines)


def main() -> None:
    """Measure, print the table, and keep the pauses."""
    logging.getLogger("paramiko").setLevel(logging.CRITICAL)
    parser = argparse.ArgumentParser(prog="python -m harness.failover.sensitivity", description=__doc__)
    parser.add_argument("--repeats", type=int, default=10, help="pauses of each length (10)")
    options = parser.parse_args()
    OUT.parent.mkdir(parents=True, exist_ok=True)
    pauses: list[Pause] = []
    try:
        with contextlib.closing(pairs.start(LAB, IMAGE, Deadline(BOOT_S)).lab) as lab:
            for pause in measure(Pair(lab), options.repeats):
                pauses.append(pause)
                OUT.write_text(
                    json.dumps([asdict(each) for each in pauses], indent=1) + "\n", encoding="utf-8"
                )
    except LabError as error:
        die(error.message, error.hint)
    finally:
        print(f"how often the other node took over:\n{table(pauses)}", flush=True)


if __name__ == "__main__":
    main()
