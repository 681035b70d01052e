"""A mock front end of a running lab, as a test handles it: how it behaves, and what it saw."""

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from harness import topology
from harness.deadline import Deadline
from harness.ocs.behaviour import NORMAL, Behaviour
from harness.ocs.registrar import Remote


class Control(Protocol):
    """How the lab's supervisor is asked."""

    def __call__(self, **request: str) -> dict[str, Any]:
        """Send a request and return the answer."""


@dataclass(frozen=True)
class Event:
    """What a front end saw: a `connection` or a `request` ("" and 0 where that has no such value)."""

    kind: str
    time: float
    port: int
    source: str
    source_port: int
    method: str


class FrontEnd:
    """Front end `number` of a lab: FE-1 on its host fe1."""

    def __init__(self, number: int, logs: Path, control: Control, pool: Remote) -> None:
        host = topology.front_end_host(number)
        self.name = f"FE-{number}"
        self.host = host.name
        self.address = host.links[0].addresses[0].ip
        self._events = logs / f"{host.name}.jsonl"
        self._control = control
        self._pool = pool

    def start(self, deadline: Deadline | None = None) -> None:
        """Start its process, unless it runs, and wait until it listens on all ports."""
        deadline = deadline or Deadline(30)
        before = 0 if self.running() else self._listened()
        self._control(op="start", name=self.host)
        deadline.wait_until(lambda: self._listened() > before, f"{self.name} to listen")

    def stop(self) -> None:
        """End its process: which closes its connections and ports; nothing happens when it has ended."""
        if self.running():
            self._control(op="signal", name=self.host, signal="SIGKILL")

    def restart(self) -> None:
        """Stop and start."""
        self.stop()
        self.start()

    def hang(self) -> None:
        """Freeze its process: the kernel still accepts connections for it, and nothing is answered."""
        self._control(op="signal", name=self.host, signal="SIGSTOP")

    def resume(self) -> None:
        """Undo `hang`."""
        self._control(op="signal", name=self.host, signal="SIGCONT")

    @contextlib.contextmanager
    def stopped(self) -> Iterator[None]:
        """Stopped within the block, started again behind it."""
        self.stop()
        try:
            yield
        finally:
            self.start()

    @contextlib.contextmanager
    def hanging(self) -> Iterator[None]:
        """Frozen within the block, going on behind it."""
        self.hang()
        try:
            yield
        finally:
            self.resume()

    def behave(self, behaviour: Behaviour) -> None:
        """Let it behave like that from now on, and wait until it does; one that is stopped is not told."""
        self._pool.behave(self.name, behaviour, Deadline(30))

    @contextlib.contextmanager
    def behaving(self, behaviour: Behaviour) -> Iterator[None]:
        """Behaving like that within the block, as it should behind it."""
        self.behave(behaviour)
        try:
            yield
        finally:
            self.behave(NORMAL)

    def running(self) -> bool:
        """Whether its process exists (a frozen one does)."""
        return self._control(op="status")["programs"][self.host] is not None

    def events(self) -> list[Event]:
        """All connections and requests since the lab started, oldest first."""
        return [
            Event(
                kind=line["event"],
                time=line["time"],
                port=line["port"],
                source=line["source"],
                source_port=line["source_port"],
                method=line.get("method", ""),
            )
            for line in self._lines()
            if line["event"] != "listening"
        ]

    def _listened(self) -> int:
        """How many times it got to listen."""
        return sum(line["event"] == "listening" for line in self._lines())

    def _lines(self) -> list[dict[str, Any]]:
        try:
            text = self._events.read_text(encoding="utf-8")
        except FileNotFoundError:
            return []
        # A line without its end is still being written.
        return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]
