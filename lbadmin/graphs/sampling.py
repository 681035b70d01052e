"""What the kernel, HAProxy and lbadmind say now: the values of every object that there is."""

import contextlib
import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path

from lbadmin.graphs.layout import HEARTBEAT_S, SEPARATOR, object_id

ANSWER_TIMEOUT_S = 5.0
MAX_ANSWER = 8 * 1024 * 1024
"""Bytes of statistics: 1000 services with 10 real servers each have 5 MiB."""

_SERVER = f"server{SEPARATOR}"

Values = tuple[int | float | None, ...]
Samples = dict[str, Values]
"""By the object's id, in the order of importance: the values of the sources of its kind."""


class Sampler:
    """Asks kernel and HAProxy; remembers what it needs for differences."""

    def __init__(
        self, statistics: Path, layer4: Path, *, real_servers: bool = True, proc: Path = Path("/proc")
    ) -> None:
        self._statistics = statistics
        self._layer4 = layer4
        self._real_servers = real_servers
        self._proc = proc
        self._ticks = self._spent()

    def sample(self) -> Samples:
        """Return what is known now. Who does not answer has no part in it. Raises OSError."""
        samples: Samples = {"cpu": self._cpu()}
        samples["memory"] = memory_of((self._proc / "meminfo").read_text("ascii"))
        samples.update(interfaces_of((self._proc / "net/dev").read_text("ascii", "replace")))
        balanced: Samples = {}
        with contextlib.suppress(OSError):
            balanced = balanced_of(_ask(self._statistics), real_servers=self._real_servers)
        with contextlib.suppress(OSError):
            if time.time() - self._layer4.stat().st_mtime < HEARTBEAT_S:
                said = self._layer4.read_text("ascii")
                balanced.update(layer4_of(said, real_servers=self._real_servers))
        # Virtual services of both layers first.
        samples.update(sorted(balanced.items(), key=lambda item: item[0].startswith(_SERVER)))
        return samples

    def _spent(self) -> list[int]:
        line = (self._proc / "stat").read_text("ascii").partition("\n")[0]
        return [int(word) for word in line.split()[1:9]]

    def _cpu(self) -> Values:
        """Return percent of all processors since the last time (proc_stat(5))."""
        last, self._ticks = self._ticks, self._spent()
        now = self._ticks
        user, nice, system, _, iowait, irq, softirq, steal = (
            max(0, a - b) for a, b in zip(now, last, strict=True)
        )
        whole = sum(max(0, a - b) for a, b in zip(now, last, strict=True)) or 1
        parts = (user + nice, system + irq + softirq, iowait, steal)
        return tuple(round(100 * part / whole, 2) for part in parts)


def memory_of(text: str) -> Values:
    """Return bytes used, reclaimable and free of the text of proc_meminfo(5)."""
    kib = {}
    for line in text.splitlines():
        name, _, value = line.partition(":")
        kib[name] = int(value.split()[0])
    used = kib["MemTotal"] - kib["MemAvailable"]
    reclaimable = max(0, kib["MemAvailable"] - kib["MemFree"])
    return 1024 * used, 1024 * reclaimable, 1024 * kib["MemFree"]


def interfaces_of(text: str) -> Samples:
    """Return bytes received and sent by interface but loopback, of the text of /proc/net/dev."""
    samples: Samples = {}
    for line in text.splitlines()[2:]:
        name, _, values = line.partition(":")
        columns = values.split()
        interface = object_id("interface", name.strip())
        if interface is not None and name.strip() != "lo":
            samples[interface] = int(columns[0]), int(columns[8])
    return samples


def balanced_of(text: str, *, real_servers: bool) -> Samples:
    """Return virtual services, then real servers, of an answer to `show stat` (management guide, 9.1)."""
    services: Samples = {}
    servers: Samples = {}
    for service, server, values in _rows(text):
        if server == "FRONTEND":
            key = object_id("service", service)
            if key is not None:
                services[key] = values
        elif real_servers:
            key = object_id("server", service, server)
            if key is not None:
                servers[key] = values
    return {**services, **servers}


def layer4_of(text: str, *, real_servers: bool) -> Samples:
    """Return what lbadmind has written."""
    found: dict[str, list[int]] = json.loads(text)
    return {key: tuple(each) for key, each in found.items() if real_servers or not key.startswith(_SERVER)}


def _rows(text: str) -> Iterator[tuple[str, str, Values]]:
    head, *lines = text.removeprefix("# ").splitlines() or [""]
    names = head.split(",")
    wanted = ("scur", "stot", "bin", "bout")
    if not {"pxname", "svname", *wanted} <= set(names):
        return
    last = max(names.index(name) for name in wanted) + 1
    columns = [names.index(name) for name in wanted]
    for line in lines:
        # The columns that are read stand before all that may be quoted.
        cells = line.split(",", last)
        if len(cells) > last:
            values = tuple(int(cells[column]) if cells[column].isdigit() else None for column in columns)
            yield cells[0], cells[1], values


def _ask(path: Path) -> str:
    """Return HAProxy's statistics of frontends (1) and servers (4). Raises OSError."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(ANSWER_TIMEOUT_S)
        connection.connect(str(path))
        connection.sendall(b"show stat -1 5 -1\n")
        answer = bytearray()
        while len(answer) < MAX_ANSWER and (data := connection.recv(65536)):
            answer += data
    return answer.decode("ascii", "replace")
