"""The probe as the bench holds it: started in the clients' network, watched, ended."""

import contextlib
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import cast

from harness import topology
from harness.clients import FIRST_ADDRESS
from harness.deadline import Deadline
from harness.errors import LabError
from harness.failover.analysis import Span, levels, longest_gap
from harness.failover.events import Event, read
from harness.lab import Lab

HOST = topology.CLIENT.name
ADDRESSES = 40
CALM_S = 3.0
"""Undisturbed time right before the fault, for the baseline."""

CALM_GAP_S = 0.25
"""Where the undisturbed service has longer gaps, a failover can't be measured: the computer is too busy."""

_WRITTEN_S = 0.3  # what happened so long ago is in the file
_END_S = 20.0


@dataclass(frozen=True)
class Crowd:
    """How many clients there are, and how often a new one comes."""

    every_ms: float = 10.0
    held: int = 100
    registered: int = 500


class Clients:
    """The probe's process within a block; `events` are what it has written so far."""

    def __init__(self, lab: Lab, events: Path, crowd: Crowd) -> None:
        self._lab = lab
        self._path = events
        self._crowd = crowd
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Clients":
        # Who had the address in the run before is not to be known from there.
        self._lab.run(HOST, ["ip", "neighbour", "flush", "all"])
        self._path.unlink(missing_ok=True)
        sources = ",".join(f"192.168.10.{FIRST_ADDRESS + number}" for number in range(ADDRESSES))
        argv = [
            sys.executable, "-m", "harness.failover.probe",
            "--vip", str(topology.VIP),
            "--sources", sources,
            "--every-ms", f"{self._crowd.every_ms:g}",
            "--held", str(self._crowd.held),
            "--clients", str(self._crowd.registered),
            "--events", str(self._path),
        ]  # fmt: skip
        self._process = subprocess.Popen(self._lab.inside.argv(HOST, argv), stdin=subprocess.PIPE)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def end(self) -> list[Event]:
        """End the probe, unless that is done, and return all events. Raises LabError when it failed."""
        process, self._process = self._process, None
        if process is not None and process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()
            try:
                status = process.wait(_END_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                status = None
            if status != 0:
                raise LabError(f"the probe ended with status {status}", "what it says stands above")
        return self.events()

    def events(self) -> list[Event]:
        """What has happened so far."""
        return read(self._path)

    def wait_until_calm(self, deadline: Deadline) -> Span:
        """Wait for CALM_S without a longer gap between new connections than CALM_GAP_S; return that time."""

        def calm() -> Span | None:
            now = time.time() - _WRITTEN_S
            lately = Span(now - CALM_S, now)
            served = sorted(
                event.end for event in self.events() if event.kind == "new" and event.outcome == "ok"
            )
            return lately if longest_gap(served, lately) <= CALM_GAP_S else None

        found = deadline.wait_until(calm, "new connections to be served without a gap", interval_s=0.5)
        return cast(Span, found)

    def wait_until_served(self, deadline: Deadline) -> None:
        """Wait until every user is registered and every held connection is open."""

        def complete() -> bool:
            events = self.events()
            up = {kind: levels(events, kind)[-1:] for kind in ("held", "client")}
            counts = {kind: steps[0][1] if steps else 0 for kind, steps in up.items()}
            return counts == {"held": self._crowd.held, "client": self._crowd.registered}

        deadline.wait_until(complete, "all clients to be registered", interval_s=0.5)

    def holder(self) -> str:
        """The machine that answered last for the virtual address; raises LabError when none has lately."""
        cards = {topology.mac_address(name, _SERVICE_NIC): name for name in topology.MACHINE_ADDRESSES}
        last = next((event for event in reversed(self.events()) if event.kind == "holder"), None)
        if last is None or last.source not in cards or time.time() - last.end > _RECENT_S:
            raise LabError(f"no machine answers for {topology.VIP}", "is keepalived running?")
        return cards[last.source]


_SERVICE_NIC = topology.MACHINE_NETWORKS.index(topology.SERVICE)
_RECENT_S = 1.0
