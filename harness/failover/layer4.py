"""`make bench-layer4`: which established connections live through a failover, at layer 4 and at layer 7.

For each forwarding method a pair serves so many connections at layer 4 and as many at layer 7; all of them go
on exchanging data while the master is lost or gives its role away. Each run is kept as soon as it is over
(build/bench/failover/layer4), and the report of the failovers has a table of them.
"""

import argparse
import contextlib
import logging
import shutil
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness import layer4, topology
from harness import pair as pairs
from harness import report as findings
from harness.deadline import Deadline
from harness.errors import LabError, die
from harness.failover import lived, report
from harness.failover.bench import BOOT_S, IMAGE, OUT, SETTLE_S, SNAPSHOT, set_sensitivity
from harness.failover.events import Event, read
from harness.failover.lasting import ANSWER_S, OPENING_A_SECOND, Group
from harness.failover.scenarios import SCENARIOS
from harness.failover.stage import Stage
from harness.failover.survival import LEAST_AFTER, survivals
from harness.failover.wire import PORT
from harness.faults import Faults
from harness.layer4 import METHODS
from harness.pair import Pair

LAB = "layer4"
CONNECTIONS = 2000
FLOWS = 20
EVERY_S = 5.0
FAULTS = ("crash", "take-over")
OBSERVED_S = (LEAST_AFTER + 1) * EVERY_S + ANSWER_S
"""Time after the fault: enough for what proves a connection alive, and for a request without an answer."""

BEFORE = 2
"""So many answers has each connection had when the fault strikes."""

_END_S = 20.0


@dataclass(frozen=True)
class Crowd:
    """So many connections of each method and of layer 7, and flows of datagrams of each method."""

    connections: int = CONNECTIONS
    flows: int = FLOWS

    def groups(self, methods: Sequence[str]) -> dict[str, list[Group]]:
        """The groups by the host that their clients are on; layer 7's clients are on the clients' own."""
        of_host: dict[str, list[Group]] = {}
        for method in (METHODS[name] for name in methods):
            vip = str(method.vip)
            of_host.setdefault(method.host, []).extend(
                (
                    Group(method.title, vip, PORT, "tcp", self.connections),
                    Group(f"{method.title} over UDP", vip, PORT, "udp", self.flows),
                )
            )
        beside = Group(lived.LAYER_7, str(topology.VIP), PORT, "tcp", self.connections)
        of_host.setdefault(topology.CLIENT.name, []).append(beside)
        return of_host


def total(groups: Mapping[str, Sequence[Group]]) -> int:
    """How many connections and flows there are in all."""
    return sum(group.count for of_host in groups.values() for group in of_host)


class Clients:
    """The clients' processes within a block, one on each host; `events` are what they have written so far."""

    def __init__(self, pair: Pair, folder: Path, groups: dict[str, list[Group]]) -> None:
        self._lab = pair.lab
        self._groups = groups
        self._files = {host: folder / f"{host}.jsonl" for host in groups}
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> "Clients":
        sources = {method.host: method.sources for method in METHODS.values()}
        for host, groups in self._groups.items():
            self._files[host].unlink(missing_ok=True)
            argv = [
                sys.executable, "-m", "harness.failover.lasting",
                "--sources", ",".join(sources[host]),
                "--every-s", f"{EVERY_S:g}",
                "--events", str(self._files[host]),
            ]  # fmt: skip
            for group in groups:
                argv += ["--group", str(group)]
            log = self._lab.folder.logs / f"{host}-lasting.log"
            process = self._stack.enter_context(self._lab.inside.started(host, argv, log=log))
            assert process.stdin is not None  # noqa: S101 - `started` makes a pipe
            self._stack.callback(process.wait, _END_S)
            self._stack.callback(process.stdin.close)
        return self

    def __exit__(self, *_exception: object) -> None:
        self._stack.close()

    def events(self) -> list[Event]:
        """What has happened so far."""
        return [event for file in self._files.values() for event in read(file)]

    def wait_until_in_use(self) -> None:
        """Wait until each connection has had its answers. Raises LabError with how many have."""
        wanted = total(self._groups)
        answers: dict[str, int] = {}

        def complete() -> bool:
            answers.clear()
            for event in self.events():
                answers[event.name] = answers.get(event.name, 0) + (event.outcome == "ok")
            return sum(count >= BEFORE for count in answers.values()) == wanted

        most = max(group.count for groups in self._groups.values() for group in groups)
        try:
            Deadline(SETTLE_S + most / OPENING_A_SECOND).wait_until(
                complete, "all to be served", interval_s=1.0
            )
        except LabError as error:
            ready = sum(count >= BEFORE for count in answers.values())
            raise LabError(f"{ready} of {wanted} connections are in use", error.message) from error


class Bench:
    """A pair that balances at layer 4 by every method, beside the guide's service at layer 7."""

    def __init__(self, pair: Pair, folder: Path, sensitivity: str, crowd: Crowd) -> None:
        self.pair = pair
        self.lab = pair.lab
        self._folder = folder
        self._sensitivity = sensitivity
        self._crowd = crowd

    @contextlib.contextmanager
    def set_up(self) -> Iterator[None]:
        """The services are there within the block, and the front ends are real servers of every method."""
        set_sensitivity(self.pair, "tolerant")  # while both are busy with changes nobody is to take over
        for appliance in self.pair.appliances:
            layer4.join_crowd(appliance)
        master = self.pair.master()
        layer4.add_services(master, self.lab)
        set_sensitivity(self.pair, self._sensitivity)
        self._wait_for_health()
        self.pair.snapshot(SNAPSHOT)
        with layer4.real_servers_of(master, self.lab):
            yield

    def _wait_for_health(self) -> None:
        for appliance in self.pair.appliances:
            for method in METHODS.values():
                layer4.wait_for_health(appliance, method.label, "up", Deadline(SETTLE_S))

    def _master(self) -> str:
        """Who is master; one that serves as many connections at once may be late with its answer."""
        return Deadline(SETTLE_S).wait_until(
            lambda: self.pair.master().machine.name, "one node to be the master", ignoring=(LabError,)
        )

    def run(self, fault: str, methods: Sequence[str], name: str, repeat: int) -> lived.Run:
        """Let a fault strike while connections of these methods, and of layer 7, exchange data."""
        scenario = next(each for each in SCENARIOS if each.name == fault)
        for front_end in self.lab.front_ends:
            front_end.restart()  # without connections of the run before
        self.pair.restore(SNAPSHOT, Deadline(SETTLE_S))
        layer4.forget_neighbours(self.lab)
        self.pair.wait_until_settled(Deadline(SETTLE_S))
        self._wait_for_health()
        groups = self._crowd.groups(methods)
        with Clients(self.pair, self._folder, groups) as clients:
            clients.wait_until_in_use()
            master = self._master()
            slave = next(each for each in pairs.NAMES if each != master)
            with Faults(self.lab) as faults:
                stage = Stage(self.lab, faults, self.lab.machine(master), self.lab.machine(slave), repeat)
                stage.master.run("true")  # the way in is open: what needs it strikes at once
                struck = scenario.strike(stage).brought_about
                time.sleep(max(0.0, struck.end + OBSERVED_S - time.time()))
                told = clients.events()
                new = self._master()
        found = survivals(told, struck)
        alive, wanted = sum(each.connections for each in found), total(groups)
        if alive != wanted:
            raise LabError(
                f"{wanted - alive} of {wanted} connections broke before the fault", "is the computer busy?"
            )
        of_layer_7 = next(each for each in found if each.group == lived.LAYER_7)
        if new == master or of_layer_7.lived:
            raise LabError(
                "the fault was not felt",
                f"{new} is the master, and {of_layer_7.lived} connections of layer 7 lived on",
            )
        run = lived.Run(fault, name, repeat, self._sensitivity, master, struck.start, found)
        run.write(self._folder)
        if any(not row.reached for row in lived.rows([run])):
            kept = self._folder.parent / "lost" / run.file.removesuffix(".json")
            findings.collect(self.lab, kept)
            for file in self._folder.glob("*.jsonl"):
                file.replace(kept / file.name)
        return run


def measure_all(options: argparse.Namespace, folder: Path) -> list[str]:
    """Do all runs, each method beside layer 7; return what was left out, and why."""
    left_out: list[str] = []
    crowd = Crowd(options.connections, options.flows)
    lab = pairs.start(LAB, IMAGE, Deadline(BOOT_S), load_hosts=1).lab
    with contextlib.closing(lab):
        bench = Bench(Pair(lab), folder, options.sensitivity, crowd)
        with bench.set_up():
            for repeat in range(options.repeats):
                for fault in options.faults:
                    for method in options.methods:
                        try:
                            run = bench.run(fault, [method], method, repeat)
                        except LabError as error:
                            # The next run begins from the snapshot, so one that went wrong spoils no other.
                            left_out.append(f"{fault} with {method} is left out: {error}")
                            print(left_out[-1], flush=True)
                        else:
                            print(lived.table(lived.rows([run])), flush=True)
    return left_out


def options_of(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line's options."""
    parser = argparse.ArgumentParser(prog="python -m harness.failover.layer4", description=__doc__)
    parser.add_argument("--methods", default=",".join(METHODS), help=f"some of {','.join(METHODS)} (all)")
    parser.add_argument("--faults", default=",".join(FAULTS), help=f"some of {','.join(FAULTS)} (all)")
    parser.add_argument("--connections", type=int, default=CONNECTIONS, help=f"of each kind ({CONNECTIONS})")
    parser.add_argument(
        "--flows", type=int, default=FLOWS, help=f"flows of datagrams of each method ({FLOWS})"
    )
    parser.add_argument("--repeats", type=int, default=1, help="runs of each fault and method (1)")
    parser.add_argument("--sensitivity", choices=("fast", "normal", "tolerant"), default="normal")
    options = parser.parse_args(argv)
    for name, known in (("methods", tuple(METHODS)), ("faults", FAULTS)):
        chosen = getattr(options, name).split(",")
        if unknown := [each for each in chosen if each not in known]:
            parser.error(f"--{name}: there is no {unknown[0]!r}: choose from {', '.join(known)}")
        setattr(options, name, chosen)
    return options


def main() -> None:
    """Measure, print the table, and write the report; fail when an aim was missed or a run left out."""
    logging.getLogger("paramiko").setLevel(logging.CRITICAL)
    options = options_of()
    folder = OUT / lived.RUNS
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    left_out: list[str] = []
    try:
        left_out = measure_all(options, folder)
    except LabError as error:
        die(error.message, error.hint)
    finally:
        rows = lived.rows(lived.read_all(folder))
        if rows:
            print(lived.table(rows), flush=True)
            print(f"report: {report.write(OUT)}", flush=True)
    missed = [f"{row.fault}: {row.group} missed its aim" for row in rows if not row.reached]
    if wrong := [*left_out, *missed]:
        sys.exit("\n".join(wrong))


if __name__ == "__main__":
    main()
