"""`make bench-dataplane`: the appliance's HAProxy beside other load balancers, on one virtual machine.

The balancers take turns at new connections, sign-ins and bulk data, in rotating order; then each holds as
many as it can. What was found is printed and written even when the bench is ended by Ctrl-C.
"""

import argparse
import datetime as dt
import json
import logging
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Any, TypeVar

from harness import topology
from harness.deadline import Deadline
from harness.errors import LabError, die
from harness.lab import Lab
from harness.sampler import Sample, Sampler
from harness.state import REPOSITORY
from image import peers
from image.errors import BuildError
from loadtests.dataplane import bulk, report
from loadtests.dataplane.balancers import NAMES, Balancer, all_of
from loadtests.dataplane.held import HeldRun
from loadtests.dataplane.results import AIM_HELD, KINDS, Held, Kind, Results, Sort, Turn
from loadtests.dataplane.rig import MACHINE, START_S, Rig
from loadtests.dataplane.summary import table, verdict

T = TypeVar("T")

OUT = REPOSITORY / "build" / "bench" / "dataplane"
PEERS = REPOSITORY / "build" / "peers"
IMAGE = REPOSITORY / "build" / "lbva.raw"
FRONT_ENDS = 4
"""So many that each holds a fourth of the connections: a process here may have 20,000 files open."""

SPARE = 10_000
"""Room in each balancer beside the connections that are to be held."""

MAX_HELD = 60_000
"""The users' network has 65,534 addresses."""

MEMORY_MIB = 2048
SECONDS = 8
WARM_UP_S = 2
"""A program that starts anew is emulated slowly at first: nothing of it is translated."""

IN_FLIGHT = 50
MAX_ROUNDS = 100
_MORE_S = 60.0


@dataclass(frozen=True)
class Order:
    """What is to be measured."""

    rounds: int
    held: int
    only: tuple[str, ...]


class Bench:
    """A set-up rig, the balancers, and what has been found."""

    def __init__(self, rig: Rig, balancers: Sequence[Balancer], order: Order, results: Results) -> None:
        self._rig = rig
        self._balancers = balancers
        self._order = order
        self._results = results

    def take_turns(self) -> None:
        """All turns of all balancers, round by round."""
        with (
            bulk.server(self._rig.lab),
            Sampler([self._rig.machine], OUT / "samples.jsonl", socket="") as sampler,
        ):
            self._wait_for_samples(sampler)
            for number in range(self._order.rounds):
                for balancer in rotated(self._balancers, number):
                    try:
                        self._round(balancer, number, sampler)
                    except LabError as error:
                        # One that fails spoils no other's figures.
                        self._results.notes.append(f"{balancer.title}, round {number + 1}: {error.message}")
                        print(f"  round {number + 1}  {balancer.name} is left out: {error}", flush=True)
                        self._rig.reset()
                        self._wait_for_samples(sampler)

    @staticmethod
    def _wait_for_samples(sampler: Sampler) -> None:
        """Wait until the machine tells what it does: logging in takes a restored one seconds."""
        seen = len(sampler.samples())
        Deadline(START_S).wait_until(
            lambda: len(sampler.samples()) > seen, f"{MACHINE} to tell its load", interval_s=0.5
        )

    def _round(self, balancer: Balancer, number: int, sampler: Sampler) -> None:
        with self._rig.running(balancer):
            for kind in KINDS:
                turn = self._turn(balancer, kind, number, sampler)
                self._results.turns.append(turn)
                print(line(turn), flush=True)

    def _turn(self, balancer: Balancer, kind: Kind, number: int, sampler: Sampler) -> Turn:
        if kind == "bulk":
            rate = bulk.measure(self._rig.lab, SECONDS)
            return Turn(
                balancer.name, kind, number, rate, busy=busy_since(sampler.samples(), time.time() - SECONDS)
            )
        tally = tally_of(self._rig.lab, kind, balancer.title)
        return Turn(
            balancer.name,
            kind,
            number,
            rate=tally["done"] / tally["seconds"],
            failed=tally["failed"],
            busy=busy_since(sampler.samples(), tally["began"]),
            clients=tally["share"],
        )

    def hold(self) -> None:
        """Let each balancer hold as many connections as it can, up to what is wanted."""
        for balancer in self._balancers if self._order.held else ():
            run = HeldRun(
                self._rig, balancer, self._order.held, lambda text: print(f"    {text}", flush=True)
            )
            print(f"  {balancer.name} holds connections", flush=True)
            try:
                run.run()
            finally:
                self._results.held.append(run.result)
            print(f"  {balancer.name}: {verdict(run.result)}{growth(run.result)}", flush=True)


def tally_of(lab: Lab, kind: Kind, title: str, address: IPv4Address = topology.VIP) -> dict[str, Any]:
    """Let the clients of a turn work; return their tally (loadtests.dataplane.turn). Raises LabError."""
    argv = [
        sys.executable, "-m", "loadtests.dataplane.turn", kind,
        "--seconds", str(SECONDS),
        "--warm-up", str(WARM_UP_S),
        "--in-flight", str(IN_FLIGHT),
        "--authority", str(lab.authority),
        "--address", str(address),
    ]  # fmt: skip
    try:
        said = lab.run(bulk.CLIENT, argv, timeout_s=SECONDS + WARM_UP_S + _MORE_S).stdout
    except subprocess.TimeoutExpired as error:
        raise LabError(f"the clients of {title} did not come to an end", "is the computer busy?") from error
    tally: dict[str, Any] = json.loads(said)
    return tally


def rotated(things: Sequence[T], number: int) -> list[T]:
    """The things in the order of round `number`: each round another one begins."""
    first = number % len(things)
    return [*things[first:], *things[:first]]


def busy_since(samples: Sequence[Sample], began: float) -> float | None:
    """The share of the machine's processor in use in the samples since `began`, None without any.

    A sample is of the second before it, so the first one is not of that time alone.
    """
    shares = [sample.busy for sample in samples if sample.at >= began + 1]
    return statistics.fmean(shares) if shares else None


def line(turn: Turn) -> str:
    """A turn in a line for people."""
    unit = "Mbit/s" if turn.kind == "bulk" else "a second"
    busy = "" if turn.busy is None else f"  machine {turn.busy:4.0%} busy"
    clients = "" if turn.clients is None else f"  clients {turn.clients:4.0%} of a processor"
    failed = f"  failed: {dict(turn.failed)}" if turn.failed else ""
    who = f"  round {turn.round + 1}  {turn.balancer:8} {turn.kind:12}"
    return f"{who}{turn.rate:9.1f} {unit}{busy}{clients}{failed}"


def growth(held: Held) -> str:
    """The memory of a held run for people, "" where none was held."""
    kib = held.kib_per_connection
    return "" if kib is None else f"; {kib:.1f} KiB a connection"


def measure(order: Order, found: peers.Peers, results: Results) -> None:
    """Measure all that is ordered; `results` has at any time what was found so far."""
    print("Booting the machine and setting it up …", flush=True)
    with Lab.start(f"dataplane-{os.getpid()}", front_ends=FRONT_ENDS) as lab:
        rig = Rig(lab, IMAGE, order.held + SPARE)
        balancers = [each for each in all_of(rig.demand, found.text) if each.name in order.only]
        results.balancers += [sort_of(balancer, found.versions) for balancer in balancers]
        rig.set_up(found.tree, balancers)
        bench = Bench(rig, balancers, order, results)
        if order.rounds:
            bench.take_turns()
        bench.hold()


def sort_of(balancer: Balancer, versions: dict[str, str]) -> Sort:
    """A balancer as the report names it; the appliance's HAProxy is the very same package."""
    package = "haproxy" if balancer.name == "lbva" else balancer.name
    return Sort(balancer.name, balancer.title, balancer.what, versions.get(package, ""))


def options_of(argv: Sequence[str] | None = None) -> Order:
    """The command line's order. Raises LabError when it can't be done."""
    parser = argparse.ArgumentParser(prog="python -m loadtests.dataplane.bench", description=__doc__)
    parser.add_argument("--rounds", default="3", help="turns of each balancer; medians count (3, 0: none)")
    parser.add_argument("--held", default=str(AIM_HELD), help=f"connections to hold ({AIM_HELD}, 0: none)")
    parser.add_argument("--only", default=",".join(NAMES), help=f"some of {','.join(NAMES)} (all)")
    options = parser.parse_args(argv)
    only = tuple(dict.fromkeys(options.only.split(",")))
    if unknown := [name for name in only if name not in NAMES]:
        raise LabError(
            f"--only {options.only}: there is no balancer {unknown[0]!r}", f"choose from {', '.join(NAMES)}"
        )
    order = Order(
        _number("--rounds", options.rounds, MAX_ROUNDS), _number("--held", options.held, MAX_HELD), only
    )
    if not order.rounds and not order.held:
        raise LabError("--rounds 0 and --held 0 leave nothing to measure", "leave one of them out")
    return order


def _number(option: str, text: str, most: int) -> int:
    """A whole number from 0 to `most`. Raises LabError."""
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(most)) and int(text) <= most):
        raise LabError(f"{option} {text} is not between 0 and {most}", "write a whole number")
    return int(text)


def main() -> None:
    """Measure, print the table, write the report; also of a bench that was ended by hand."""
    # What it says of machines that do not answer yet is said once more where it matters.
    logging.getLogger("paramiko").setLevel(logging.CRITICAL)
    try:
        order = options_of()
        found = peers.fetch(PEERS)
    except LabError as error:
        die(error.message, error.hint)
    except BuildError as error:
        sys.exit(f"lab: {error}")
    OUT.mkdir(parents=True, exist_ok=True)
    today = dt.datetime.now(dt.UTC).date().isoformat()
    results = Results([], today, os.cpu_count() or 1, MEMORY_MIB, order.held)
    try:
        measure(order, found, results)
    except LabError as error:
        results.notes.append(f"the bench ended early: {error.message}")
        tell(results)
        die(error.message, error.hint)
    except KeyboardInterrupt:
        results.notes.append("the bench was ended by hand: what it had found by then is here")
        tell(results)
        sys.exit(130)  # 128 + SIGINT, as a shell says it
    tell(results)


def tell(results: Results) -> None:
    """Print the table and write the report, unless nothing was found."""
    if results.turns or results.held:
        print(table(results), flush=True)
        print(f"report: {report.write(results, OUT)}", flush=True)


if __name__ == "__main__":
    main()
