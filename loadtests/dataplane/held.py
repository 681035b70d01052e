"""One balancer's held run: more and more connections are opened and kept, until something gives."""

import time
from collections.abc import Callable

from harness.errors import LabError
from loadtests.dataplane.balancers import Balancer
from loadtests.dataplane.holders import Holders, Opened
from loadtests.dataplane.results import BY_HAND, REACHED, Held, Memory, Step, end_of
from loadtests.dataplane.rig import Rig

STEPS = 40
LEAST_STEP = 250
SAID_EVERY = 5
"""Every so many steps one is printed."""


class HeldRun:
    """What is known so far of a run; `result` is right at any time, also when the run was ended by hand."""

    def __init__(self, rig: Rig, balancer: Balancer, wanted: int, say: Callable[[str], None]) -> None:
        self._rig = rig
        self._balancer = balancer
        self._wanted = wanted
        self._say = say
        self._without_mib = 0.0
        self._steps: list[Step] = []
        self._end = BY_HAND
        self._alive: int | None = None

    @property
    def result(self) -> Held:
        """What has been seen so far."""
        return Held(
            self._balancer.name, self._wanted, self._without_mib, tuple(self._steps), self._end, self._alive
        )

    def run(self) -> None:
        """Start from the machine as it was set up, and end with no connection held."""
        self._rig.reset()
        self._without_mib = self._rig.memory().used_mib
        try:
            with self._rig.running(self._balancer):
                self._note(Opened(0, {}), self._rig.memory(), 0.0)
                with Holders(self._rig.lab, self._wanted) as holders:
                    self._fill(holders)
        except LabError as error:
            # What a machine does that has no memory left is a result, not an error of the bench.
            self._end = f"the machine gave up: {error.message}"

    def _fill(self, holders: Holders) -> None:
        began = time.monotonic()
        end = None
        while end is None:
            held = self._steps[-1].held
            opened = holders.open(step_of(self._wanted, held))
            memory = self._rig.memory()
            self._note(opened, memory, time.monotonic() - began)
            end = end_of(self._wanted, opened.held, opened.failed, memory.available_mib)
        if end != REACHED and (ended := self._rig.ended(self._balancer)):
            end = f"{end} ({', '.join(ended)})"
        self._end = end
        self._alive = holders.ping()

    def _note(self, opened: Opened, memory: Memory, at_s: float) -> None:
        failed = sum(opened.failed.values())
        self._steps.append(Step(opened.held, memory.used_mib, memory.available_mib, at_s, failed))
        if len(self._steps) % SAID_EVERY == 1 or failed or opened.held == self._wanted:
            self._say(f"{opened.held:,} held, {memory.used_mib:.0f} MiB in use, {at_s:.0f} s")


def step_of(wanted: int, held: int) -> int:
    """How many connections are opened next. Pure."""
    return min(max(LEAST_STEP, wanted // STEPS), wanted - held)
