"""The holders as the bench has them: started on the host for load, told what to do all at once, ended."""

import contextlib
import json
import math
import os
import signal
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from harness import topology
from harness.at_once import at_once
from harness.errors import LabError
from harness.lab import Lab

HOST = topology.load_host(1).name
PER_PROCESS = 12_000
"""A process on this machine may have 20,000 files open (ulimit -Hn)."""

USERS_APART = 13_000
"""Between the first users of two processes: more than either has, and five processes' fit into the crowd."""

IN_FLIGHT = 48
"""Connections that are opened at the same time, by all holders together."""

_END_S = 20.0


@dataclass(frozen=True)
class Opened:
    """How many connections are held, and what went wrong with others, by kind."""

    held: int
    failed: dict[str, int]


def shares(count: int, processes: int) -> list[int]:
    """`count` in so many parts that differ by one at most. Pure."""
    return [count // processes + (number < count % processes) for number in range(processes)]


class Holders:
    """As many processes as `wanted` connections need, within a block."""

    def __init__(self, lab: Lab, wanted: int) -> None:
        self._lab = lab
        self._count = max(1, math.ceil(wanted / PER_PROCESS))
        self._processes: list[subprocess.Popen[str]] = []

    def __enter__(self) -> "Holders":
        try:
            for number in range(self._count):
                argv = [
                    sys.executable, "-m", "loadtests.dataplane.hold",
                    "--first", str(number * USERS_APART),
                    "--in-flight", str(math.ceil(IN_FLIGHT / self._count)),
                ]  # fmt: skip
                process = subprocess.Popen(
                    self._lab.inside.argv(HOST, argv),
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                    start_new_session=True,  # Ctrl-C is for the bench, which then ends them
                )
                self._processes.append(process)
        except BaseException:
            self._end(grace_s=0.0)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end(_END_S)

    def open(self, count: int) -> Opened:
        """Open so many more, and tell how many are held by all."""
        lines = [f"open {share}" for share in shares(count, self._count)]
        answers = self._tell(lines)
        failed: Counter[str] = Counter()
        for answer in answers:
            failed.update(answer["failed"])
        return Opened(sum(answer["held"] for answer in answers), dict(failed))

    def ping(self) -> int:
        """Ask every connection whether it is alive; return how many are."""
        return sum(answer["alive"] for answer in self._tell(["ping"] * self._count))

    def _tell(self, lines: list[str]) -> list[dict[str, Any]]:
        return at_once(lambda pair: _ask(*pair), list(zip(self._processes, lines, strict=True)))

    def _end(self, grace_s: float) -> None:
        """Let them give their connections up, all at the same time, and kill who does not end in time."""
        for process in self._processes:
            if process.stdin is not None:
                with contextlib.suppress(BrokenPipeError):
                    process.stdin.close()
        for process in self._processes:
            try:
                process.wait(grace_s)
            except subprocess.TimeoutExpired:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            if process.stdout is not None:
                process.stdout.close()
        self._processes.clear()


def _ask(process: subprocess.Popen[str], line: str) -> dict[str, Any]:
    """Send a line and wait for its answer. Raises LabError when the process has ended."""
    assert process.stdin is not None  # noqa: S101 - both were asked for
    assert process.stdout is not None  # noqa: S101
    try:
        process.stdin.write(f"{line}\n")
        process.stdin.flush()
        answer: dict[str, Any] = json.loads(process.stdout.readline())
    except (OSError, ValueError) as error:
        raise LabError(f"a holder of connections has ended ({error})", "what it says stands above") from error
    return answer
