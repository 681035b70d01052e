"""`make load`: a pair in a lab, a profile of load by Locust, a fault if the profile has one, and the report.

It ends by itself; a run that is interrupted still leaves its report, which says so.
"""

import argparse
import contextlib
import logging
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx
import redis

from harness import pair as pairs
from harness import topology
from harness.at_once import at_once
from harness.deadline import Deadline
from harness.errors import LabError, die
from harness.faults import Faults
from harness.lab import Lab
from harness.lifecycle import Publish
from harness.pair import Pair
from harness.process import first_child
from harness.sampler import Sampler
from harness.state import REPOSITORY
from loadtests import events, limits, report
from loadtests.profiles import PROFILES, VISITORS, Order, order
from loadtests.record import SAMPLES, Fault, Run, Verdict
from loadtests.verdicts import notes, verdicts

OUT = REPOSITORY / "build" / "load"
IMAGE = REPOSITORY / "build" / "lbva.raw"
LOCUST = REPOSITORY / "build" / "venv" / "bin" / "locust"
LOG = "locust.log"
BOOT_S, SETTLE_S = 600.0, 120.0
LEAVE_S = 60.0
"""Everybody signs out within that time."""

WEB_PORT, MASTER_PORT = 8089, 5557  # Locust's own
_POLL_S = 0.5


def locust_argv(wanted: Order, lab: Lab, out: Path, host: int, users: int) -> list[str]:
    """The command of one Locust process, without what makes it a master or a worker."""
    return [
        str(LOCUST),
        "--locustfile", str(REPOSITORY / "loadtests" / "locustfile.py"),
        "--load-users", str(users),
        "--exit-code-on-error", "0",
        "--load-profile", wanted.profile,
        "--load-ramp", f"{wanted.ramp or 0:g}",
        "--load-minutes", f"{wanted.hold_s / 60:g}",
        "--load-keep-alive", f"{wanted.keep_alive_s:g}",
        "--load-pace", f"{wanted.pace:g}",
        "--load-authority", str(lab.authority),
        "--load-events", str(out),
        "--load-host", str(host),
    ]  # fmt: skip


class Locusts:
    """Locust's processes in the lab: one, or a master and its workers, each in a namespace of its own."""

    def __init__(self, wanted: Order, workers: int, lab: Lab, out: Path, *, web: bool) -> None:
        self._wanted = wanted
        self._workers = workers
        self._lab = lab
        self._out = out
        self._web = web
        self._processes: list[subprocess.Popen[bytes]] = []
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> "Locusts":
        with contextlib.ExitStack() as stack:
            first = ["--master", "--expect-workers", str(self._workers)] if self._workers > 1 else []
            face = ["--autostart", "--autoquit", "1", "--web-host", topology.LOAD_GATEWAY.exploded]
            first += face if self._web else ["--headless", "--only-summary"]
            self._start(stack, 1, "load1", self._wanted.users, first)
            if self._workers > 1:
                master = ["--worker", "--master-host", str(topology.LOAD_GATEWAY)]
                for number in range(1, self._workers + 1):
                    share = math.ceil(self._wanted.users / self._workers)
                    self._start(stack, number, f"load{number}", share, master)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._stack.close()

    def _start(
        self, stack: contextlib.ExitStack, number: int, host: str, users: int, more: Sequence[str]
    ) -> None:
        argv = [*locust_argv(self._wanted, self._lab, self._out, number, users), *more]
        process = self._lab.inside.started(host, argv, log=self._out / LOG)
        self._processes.append(stack.enter_context(process))

    def ended(self) -> bool:
        """Whether all processes have ended; raises LabError when one has failed."""
        for process in self._processes:
            if process.poll():
                raise LabError(f"Locust ended with status {process.returncode}", f"see {self._out / LOG}")
        return all(process.poll() is not None for process in self._processes)

    def interrupt(self) -> None:
        """Let the users leave now; a master tells its workers."""
        # nsenter, which would die of the signal, has Locust as its child.
        locust = first_child(self._processes[0].pid)
        if locust is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(locust, signal.SIGTERM)

    def wait(self, deadline: Deadline) -> None:
        """Wait for the end. Raises DeadlineExceededError, and what `ended` raises."""
        deadline.wait_until(self.ended, "Locust to end", interval_s=_POLL_S)


def lead_back(pair: Pair) -> None:
    """Let both appliances answer the users' addresses: by way of the first load host."""

    def set_gateway(name: str) -> None:
        appliance = pair.appliance(name)
        node = appliance.get("/node")
        appliance.call("PUT", "/node?confirmed=true", {**node, "gateway": str(topology.LOAD_GATEWAY)})

    at_once(set_gateway, pairs.NAMES)


class Load:
    """One run in a lab with a settled pair."""

    def __init__(self, pair: Pair, wanted: Order, workers: int, out: Path, *, web: bool = False) -> None:
        self.pair = pair
        self.wanted = wanted
        self.workers = workers
        self.out = out
        self._web = web
        self._faults: list[Fault] = []
        self._notes: list[str] = []
        self._cut_short: list[Verdict] = []

    def run(self) -> Run:
        """Let the users come, strike if the profile says so, and write run.json."""
        machines = self.pair.machines
        with Sampler(machines, self.out / SAMPLES), Faults(self.pair.lab) as faults:
            began = time.time()
            with Locusts(self.wanted, self.workers, self.pair.lab, self.out, web=self._web) as locusts:
                ended = self._go_through(locusts, faults, began)
        return self._record(began, ended)

    def _go_through(self, locusts: Locusts, faults: Faults, began: float) -> float:
        """Wait for the end of the load, which is returned; what cuts it short becomes a verdict."""
        try:
            self._wait_and_strike(locusts, faults, began)
        except KeyboardInterrupt:
            self._cut_short.append(Verdict("the load went to its end", reached=False, seen="interrupted"))
        except (LabError, httpx.HTTPError) as error:
            self._cut_short.append(Verdict("the load went to its end", reached=False, seen=str(error)))
        ended = time.time()
        if self._cut_short:
            locusts.interrupt()
        try:
            locusts.wait(Deadline(2 * LEAVE_S))
        except LabError as error:
            self._notes.append(f"Not all users left in order: {error}")
        return ended

    def _wait_and_strike(self, locusts: Locusts, faults: Faults, began: float) -> None:
        profile = PROFILES[self.wanted.profile]
        if profile.fault:
            self._wait(locusts, began + self.wanted.fault_s)
            victim = self.pair.master().machine
            undo = faults.crash(victim)
            self._faults.append(Fault(f"{victim.name} crashes", undo.acted))
            print(f"{victim.name}, the master, lost its power", flush=True)
        self._wait(locusts, began + self.wanted.total_s)

    def _wait(self, locusts: Locusts, until: float) -> None:
        """Wait for a moment, telling now and then what goes on; raises LabError when Locust ends before."""
        told = 0.0
        while (now := time.time()) < until:
            if locusts.ended():
                raise LabError("Locust has ended before its time", f"see {self.out / LOG}")
            if now - told > _TELL_S:
                told = now
                print(f"  {self._signed_in()} users signed in, {until - now:.0f} s to go", flush=True)
            time.sleep(min(_POLL_S, until - now))

    def _signed_in(self) -> str:
        # Visitors have numbers as well; nobody is signed in by those.
        most = math.ceil(self.wanted.users / self.workers) + VISITORS * self.wanted.visitors
        hosts, numbers = range(1, self.workers + 1), range(1, most + 1)
        names = [f"u{host}-{number}" for host in hosts for number in numbers]
        try:
            return str(self.pair.lab.pool.signed_in(names))
        except redis.RedisError:
            return "?"

    def _record(self, began: float, ended: float) -> Run:
        lab = self.pair.lab
        happened = events.read(self.out)
        run = Run(
            profile=self.wanted.profile,
            users=self.wanted.users,
            workers=self.workers,
            front_ends=tuple(front_end.name for front_end in lab.front_ends),
            machines=pairs.NAMES,
            began=min((event.at for event in happened), default=began),
            ended=ended,
            faults=tuple(self._faults),
            verdicts=(*self._cut_short, *verdicts(happened, self._faults, ended, self.wanted.users)),
            notes=(*self._notes, *notes(self.out / LOG)),
        )
        run.write(self.out)
        return run


_TELL_S = 15.0


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return value


def _whole(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


def _page(text: str) -> str:
    """Where Locust's page is shown; 1 is its usual port."""
    port = WEB_PORT if _whole(text) == 1 else _whole(text)
    return f"127.0.0.1:{port}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make load", description=__doc__)
    parser.add_argument("--profile", choices=list(PROFILES), default="steady", help="PROFILE=")
    parser.add_argument("--users", type=_whole, help="USERS=: how many")
    parser.add_argument("--minutes", type=_positive, help="MINUTES=: how long they stay, or all arrive")
    parser.add_argument("--ramp", type=_positive, help="RAMP=: users who arrive in a second")
    parser.add_argument("--pace", type=_positive, default=1.0, help="PACE=: times the talk of the model (1)")
    parser.add_argument("--keep-alive", type=_positive, help="KEEP_ALIVE=: seconds between keep-alives")
    parser.add_argument("--workers", type=_whole, default=1, help="WORKERS=: processes of Locust (1)")
    parser.add_argument("--front-ends", type=_whole, default=2, help="FRONT_ENDS=: mocks (2)")
    parser.add_argument("--web", type=_page, metavar="1|PORT", help="WEB=: show Locust's page on loopback")
    return parser


def main() -> None:
    """Run a load and write its report; status 1 when something did not hold that was to hold."""
    logging.basicConfig(level=logging.WARNING, format="load: %(message)s")
    logging.getLogger("paramiko").setLevel(logging.CRITICAL)
    options = _parser().parse_args()
    wanted = order(
        options.profile,
        users=options.users,
        ramp=options.ramp,
        minutes=options.minutes,
        keep_alive_s=options.keep_alive,
        pace=options.pace,
    )
    try:
        limits.check(wanted, options.workers, options.front_ends, limits.ask())
        run, page = run_load(wanted, options)
    except LabError as error:
        die(error.message, error.hint)
    for verdict in run.verdicts:
        print(f"{'ok ' if verdict.reached else 'NOT'} {verdict.text}: {verdict.seen}")
    for note in run.notes:
        print(f"note: {note}")
    print(f"report: {page}")
    sys.exit(0 if all(verdict.reached for verdict in run.verdicts) else 1)


def run_load(wanted: Order, options: argparse.Namespace) -> tuple[Run, Path]:
    """Start the lab, run the load in it and write the report; returns the run and the page."""
    out = OUT / wanted.profile
    out.mkdir(parents=True, exist_ok=True)
    for old in out.iterdir():
        old.unlink()
    print(f"{wanted.profile}: {wanted.users} users, {wanted.total_s / 60:.1f} minutes", flush=True)
    with _lab(options) as pair:
        lead_back(pair)
        run = Load(pair, wanted, options.workers, out, web=bool(options.web)).run()
    return run, report.write(out)


@contextlib.contextmanager
def _lab(options: argparse.Namespace) -> Iterator[Pair]:
    target = f"{topology.LOAD_GATEWAY}:{WEB_PORT}"
    publish = Publish.listen(options.web, target) if options.web else None
    if publish:
        print(f"Locust's page: http://{options.web}/", flush=True)
    pair = pairs.start(
        "load",
        IMAGE,
        Deadline(BOOT_S),
        front_ends=options.front_ends,
        load_hosts=options.workers,
        publish=publish,
    )
    with pair.lab:
        pair.wait_until_settled(Deadline(SETTLE_S))
        yield pair


if __name__ == "__main__":
    main()
