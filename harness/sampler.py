"""What machines say of themselves while they are loaded: a sample a second, to a file."""

import contextlib
import csv
import json
import logging
import threading
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import Any

import paramiko

from harness.deadline import Deadline
from harness.errors import LabError
from harness.libvirt_machine import LibvirtMachine

HAPROXY_SOCKET = "/run/haproxy/admin.sock"
_PROBE = Path(__file__).with_name("appliance_probe.py")
_SILENT_S = 5.0
"""A machine that says nothing for so long is asked anew: it is frozen, or gone."""

_AGAIN_S = 1.0
_IDLE, _IO_WAIT, _SOFT_INTERRUPT = 3, 4, 6  # proc(5), /proc/stat
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Sample:
    """What a machine did in the second before `at` (seconds since the epoch).

    `busy` and `network` are shares of its processor from 0 to 1: all work, and what the kernel does for the
    network (soft interrupts). `servers` are HAProxy's sessions by real server; `connections` are all of its
    clients' now, `accepted` those since it started. `errors` and `retries` count connections to servers.
    """

    at: float
    machine: str
    busy: float
    network: float
    memory_mib: float
    swap_mib: float
    connections: int = 0
    accepted: int = 0
    errors: int = 0
    retries: int = 0
    servers: dict[str, int] | None = None

    def line(self) -> str:
        """The sample as a line of the file."""
        return json.dumps(asdict(self)) + "\n"


def read(path: Path) -> list[Sample]:
    """The samples of a file, none when there is no file."""
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    return [Sample(**json.loads(line)) for line in lines if line.endswith("\n")]


def sample_of(machine: str, at: float, before: dict[str, Any], now: dict[str, Any]) -> Sample:
    """The sample between two lines of the probe. Pure."""
    ticks = [b - a for a, b in zip(before["cpu"], now["cpu"], strict=True)]
    total = sum(ticks)
    idle = ticks[_IDLE] + ticks[_IO_WAIT]
    memory = now["memory"]
    return Sample(
        at=at,
        machine=machine,
        busy=(total - idle) / total if total else 0.0,
        network=ticks[_SOFT_INTERRUPT] / total if total else 0.0,
        memory_mib=(memory["MemTotal"] - memory["MemAvailable"]) / 1024,
        swap_mib=(memory["SwapTotal"] - memory["SwapFree"]) / 1024,
        **_haproxy(now.get("haproxy", "")),
    )


def _haproxy(text: str) -> dict[str, Any]:
    """The counters in the answers to `show info` and `show stat`, none of an empty text."""
    info, _, table = text.partition("# ")
    values = dict(line.split(": ", 1) for line in info.splitlines() if ": " in line)
    rows = list(csv.DictReader(table.splitlines()))
    servers = [row for row in rows if row.get("svname") not in {"FRONTEND", "BACKEND", None}]
    if not values:
        return {}
    return {
        "connections": int(values["CurrConns"]),
        "accepted": int(values["CumConns"]),
        "errors": sum(int(row["econ"] or 0) for row in servers),
        "retries": sum(int(row["wretr"] or 0) for row in servers),
        "servers": _sums((row["svname"], int(row["scur"] or 0)) for row in servers),
    }


def _sums(counts: Iterable[tuple[str, int]]) -> dict[str, int]:
    """The sum of each name's counts: a real server may stand in several virtual services."""
    sums: Counter[str] = Counter()
    for name, count in counts:
        sums[name] += count
    return dict(sums)


class Sampler:
    """Samples machines within a block; a machine that goes away is asked again until it is back."""

    def __init__(
        self, machines: Sequence[LibvirtMachine], path: Path, *, socket: str = HAPROXY_SOCKET
    ) -> None:
        self._path = path
        self._socket = socket
        self._ended = threading.Event()
        self._writing = threading.Lock()
        self._threads = [
            threading.Thread(
                target=self._watch, args=(machine,), name=f"samples of {machine.name}", daemon=True
            )
            for machine in machines
        ]

    def __enter__(self) -> "Sampler":
        self._path.unlink(missing_ok=True)
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join(2 * _SILENT_S)

    def samples(self) -> list[Sample]:
        """What has been seen so far, oldest first."""
        return read(self._path)

    def _watch(self, machine: LibvirtMachine) -> None:
        while not self._ended.is_set():
            try:
                with contextlib.closing(machine.ssh(Deadline(_SILENT_S))) as client:
                    self._follow(machine.name, client)
            except (LabError, OSError, EOFError, ValueError, KeyError, paramiko.SSHException) as error:
                _log.debug("%s tells nothing: %s", machine.name, error)
            self._ended.wait(_AGAIN_S)

    def _follow(self, machine: str, client: paramiko.SSHClient) -> None:
        """Write samples until the machine or the block ends."""
        command = f"exec python3 -ESs - {self._socket}"
        stdin, stdout, _stderr = client.exec_command(command, timeout=_SILENT_S)
        stdin.write(_PROBE.read_bytes())
        stdin.channel.shutdown_write()
        told = (json.loads(line) for line in iter(stdout.readline, ""))
        for before, now in pairwise(told):
            if self._ended.is_set():
                return
            sample = sample_of(machine, time.time(), before, now)
            with self._writing, self._path.open("a", encoding="utf-8") as file:
                file.write(sample.line())
