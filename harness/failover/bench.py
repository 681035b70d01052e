"""`make bench-failover`: faults strike a pair while clients look on, again and again.

Each run is kept as soon as it is over (build/bench/failover/runs), so a bench that was ended goes on with
`--continue`. keepalived's defaults are measured in between, on the same machines.
"""

import argparse
import contextlib
import gzip
import logging
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness import pair as pairs
from harness import topology
from harness.appliance import Json
from harness.clients import clients
from harness.deadline import Deadline
from harness.errors import LabError, die
from harness.failover import defaults, report
from harness.failover.analysis import Span, measure, moment_of
from harness.failover.clients import Clients, Crowd
from harness.failover.probe import KEEP_ALIVE_S
from harness.failover.record import Record, System, read_all
from harness.failover.scenarios import SCENARIOS, Scenario
from harness.failover.stage import Stage, Struck
from harness.failover.timeline import time_line
from harness.faults import Faults
from harness.pair import Pair
from harness.report import collect
from harness.state import REPOSITORY

OUT = REPOSITORY / "build" / "bench" / "failover"
RUNS = "runs"
NEVER_AGAIN = "never-again"
"""What was found of runs after which users stayed away."""

LAB = "failover"
IMAGE = REPOSITORY / "build" / "lbva.raw"
BOOT_S = 600.0
SETTLE_S = 120.0
SNAPSHOT = "bench"

OBSERVED_S = KEEP_ALIVE_S + 3.0
"""Time after the fault: in that of their keep-alive all users notice, and then they return."""
HEALED_S = 12.0
"""Time after the fault's undoing: what a node does that comes back, or finds itself alone no more."""

WARM_UP = 10
"""Users that each node serves after a restore, as a node in use has done: an emulator that starts anew has
nothing translated, and takes 0.1 to 0.2 s longer for its first connection."""

_CARDS = {
    topology.mac_address(name, topology.MACHINE_NETWORKS.index(topology.SERVICE)): name
    for name in topology.MACHINE_ADDRESSES
}


@dataclass(frozen=True)
class Order:
    """What is to be measured."""

    sensitivity: str
    crowd: Crowd
    out: Path = OUT

    @property
    def runs(self) -> Path:
        """Where the records are."""
        return self.out / RUNS


def set_sensitivity(pair: Pair, sensitivity: str) -> None:
    """Set the failover sensitivity, bring it into effect on both nodes, and wait until they have settled."""
    master = pair.master()
    master.call("PATCH", "/ha", {"sensitivity": sensitivity})
    if master.get("/pair")["restart_heartbeat"]:
        master.call("POST", "/services/heartbeat/restart", timeout_s=SETTLE_S)
    pair.wait_until_settled(Deadline(SETTLE_S))


class Bench:
    """A pair, and its snapshots as the appliance and as keepalived's defaults."""

    def __init__(self, pair: Pair, order: Order) -> None:
        self.pair = pair
        self.lab = pair.lab
        self.order = order
        self._system: System | None = None
        self._is_whole = False

    def set_up(self, *, with_defaults: bool) -> None:
        """Set the sensitivity, and take the snapshots."""
        set_sensitivity(self.pair, self.order.sensitivity)
        self.pair.snapshot(SNAPSHOT)
        if with_defaults:
            defaults.set_up(self.pair, Deadline(SETTLE_S))

    def run(self, system: System, scenario: Scenario, repeat: int) -> Record:
        """Let a fault strike while clients look on."""
        self._prepare(system, repeat)
        events_file = self.order.runs / "events.jsonl"
        self._is_whole = False
        with Clients(self.lab, events_file, self.order.crowd) as crowd:
            crowd.wait_until_served(Deadline(SETTLE_S))
            master = crowd.holder()
            if scenario.masks:
                unit = f"{scenario.masks}.service"
                self.lab.machine(master).run(["systemctl", "--quiet", "--runtime", "mask", unit])
            calm = crowd.wait_until_calm(Deadline(SETTLE_S))
            with self._struck(scenario, master, repeat) as struck:
                until = struck.brought_about.end + OBSERVED_S
                if struck.healed is not None:
                    until = max(until, struck.healed + HEALED_S)
                time.sleep(max(0.0, until - time.time()))
                until = time.time()
                events = crowd.end()
        began = moment_of(events, struck.brought_about, until)
        before = Span(calm.start, struck.brought_about.start)
        record = Record(
            system=system,
            fault=scenario.name,
            repeat=repeat,
            sensitivity=self.order.sensitivity if system == "lbva" else "",
            master=master,
            began=began,
            seen=measure(events, before, Span(began, until), healed=struck.healed),
            time_line=time_line(events, Span(calm.start, until), began, _CARDS, struck.healed),
            own_view=self._own_view(master) if system == "lbva" else None,
        )
        with gzip.open(self.order.runs / f"{record.name}.jsonl.gz", "wb") as kept:
            kept.write(events_file.read_bytes())
        events_file.unlink()
        record.write(self.order.runs)
        if record.seen.registered_again_s is None:
            collect(self.lab, self.order.out / NEVER_AGAIN / record.name)
        self._is_whole = not scenario.loses_machine
        return record

    @contextlib.contextmanager
    def _struck(self, scenario: Scenario, master: str, repeat: int) -> Iterator[Struck]:
        """Struck within the block; what has not healed by then is undone behind it."""
        slave = next(name for name in pairs.NAMES if name != master)
        with Faults(self.lab) as faults:
            stage = Stage(self.lab, faults, self.lab.machine(master), self.lab.machine(slave), repeat)
            stage.master.run("true")  # the way in is open: what needs it strikes at once
            yield scenario.strike(stage)

    def _prepare(self, system: System, repeat: int) -> None:
        """A settled pair whose master is lb1 in even runs and lb2 in odd ones."""
        if system == "defaults":
            self.pair.restore(defaults.SNAPSHOT, Deadline(SETTLE_S))
            self._system = system
            return
        wanted = pairs.NAMES[repeat % len(pairs.NAMES)]
        if self._system != system or not self._is_whole or not self._settles():
            self.pair.restore(SNAPSHOT, Deadline(SETTLE_S))
            self.pair.wait_until_settled(Deadline(SETTLE_S))
            for name in (*(name for name in pairs.NAMES if name != wanted), wanted):
                self._make_master(name)
                for client in clients(self.lab, WARM_UP):
                    client.wait_until_served(Deadline(SETTLE_S))
        self._system = system
        self._make_master(wanted)

    def _make_master(self, name: str) -> None:
        if self.pair.master().machine.name != name:
            self.pair.appliance(name).call("POST", "/pair/take-over", timeout_s=SETTLE_S)
            self.pair.wait_until_settled(Deadline(SETTLE_S))

    def _settles(self) -> bool:
        try:
            self.pair.wait_until_settled(Deadline(SETTLE_S))
        except LabError as error:
            print(f"  the pair is brought back: {error}", flush=True)
            return False
        return True

    def _own_view(self, master: str) -> Json:
        """What the other node says of its last failover, None when it does not tell."""
        other = next(name for name in pairs.NAMES if name != master)
        status = pairs.status_of(self.pair.appliance(other))
        return status["last_failover"] if status else None


def orders(names: list[str], repeats: int, of_defaults: int) -> Iterator[tuple[System, Scenario, int]]:
    """All runs in their order: fault by fault, the defaults behind the appliance."""
    for scenario in (scenario for scenario in SCENARIOS if scenario.name in names):
        for repeat in range(repeats):
            yield "lbva", scenario, repeat
        for repeat in range(of_defaults if scenario.with_defaults else 0):
            yield "defaults", scenario, repeat


def line(record: Record) -> str:
    """A run in a line for people."""
    seen = record.seen
    again = "never" if seen.registered_again_s is None else f"{seen.registered_again_s:.1f} s"
    return (
        f"{record.name:24} {record.master}  without service {seen.without_service_s:6.3f} s"
        f" (undisturbed {seen.undisturbed_s:.3f} s)  refused {seen.refused}  broken {seen.held_broken}"
        f"  registered again {again}  affinity lost {seen.affinity_violations}"
    )


def measure_all(order: Order, names: list[str], repeats: int, of_defaults: int, minutes: float) -> None:
    """Do all runs that have no record yet, one after the other, for so many minutes at most."""
    done = {record.name for record in read_all(order.runs)}
    deadline = Deadline(minutes * 60)
    with contextlib.closing(pairs.start(LAB, IMAGE, Deadline(BOOT_S)).lab) as lab:
        bench = Bench(Pair(lab), order)
        bench.set_up(with_defaults=of_defaults > 0)
        for system, scenario, repeat in orders(names, repeats, of_defaults):
            if f"{system}-{scenario.name}-{repeat:02}" in done:
                continue
            if deadline.expired():
                print(f"{minutes:g} minutes are over: `--continue` does the rest", flush=True)
                return
            try:
                print(line(bench.run(system, scenario, repeat)), flush=True)
            except LabError as error:
                # The next run begins from the snapshot, so one that went wrong spoils no other.
                print(f"{system}-{scenario.name}-{repeat:02} is left out: {error}", flush=True)


def options_of(argv: list[str] | None = None) -> argparse.Namespace:
    """The command line's options."""
    names = [scenario.name for scenario in SCENARIOS]
    parser = argparse.ArgumentParser(prog="python -m harness.failover.bench", description=__doc__)
    parser.add_argument("--faults", default=",".join(names), help=f"some of {','.join(names)} (all)")
    parser.add_argument("--repeats", type=int, default=20, help="runs of each fault (20)")
    parser.add_argument("--defaults", type=int, default=10, help="runs with keepalived's defaults (10)")
    parser.add_argument("--sensitivity", choices=("fast", "normal", "tolerant"), default="normal")
    parser.add_argument("--continue", dest="goes_on", action="store_true", help="keep the runs there are")
    parser.add_argument("--minutes", type=float, default=360.0, help="no run starts later than this (360)")
    parser.add_argument("--every-ms", type=float, default=10.0, help="time between new connections (10)")
    parser.add_argument("--held", type=int, default=100, help="connections held open (100)")
    parser.add_argument("--clients", type=int, default=500, help="registered users (500)")
    options = parser.parse_args(argv)
    options.faults = options.faults.split(",")
    if unknown := set(options.faults) - set(names):
        parser.error(f"there is no fault {', '.join(sorted(unknown))}: choose from {', '.join(names)}")
    return options


def main() -> None:
    """Measure, and write the report."""
    # What it says of machines that do not answer yet is said once more where it matters.
    logging.getLogger("paramiko").setLevel(logging.CRITICAL)
    options = options_of()
    order = Order(options.sensitivity, Crowd(options.every_ms, options.held, options.clients))
    if not options.goes_on:
        for folder in (order.runs, order.out / NEVER_AGAIN):  # what `layer4` has found beside it stays
            shutil.rmtree(folder, ignore_errors=True)
    order.runs.mkdir(parents=True, exist_ok=True)
    try:
        measure_all(order, options.faults, options.repeats, options.defaults, options.minutes)
    except LabError as error:
        die(error.message, error.hint)
    finally:
        if read_all(order.runs):
            print(f"report: {report.write(order.out)}", flush=True)


if __name__ == "__main__":
    main()
