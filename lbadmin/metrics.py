"""What Prometheus scrapes: HAProxy's own exporter passed on, and what the node knows beside it."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

from lbadmin.certificates import leaf_of
from lbadmin.errors import LbadminError, UnavailableError
from lbadmin.exposition import Family, Samples, one_of, text_of
from lbadmin.metrics_layer4 import layer4_families
from lbadmin.pair.role import Role
from lbadmin.pair.verdict import SyncWord
from lbadmin.parts import Parts
from lbadmin.render.haproxy import EXPORTER_PATH, STATS_SOCKET
from lbadmin.statspage import fetch
from lbadmin.system import System

SCOPES = ("global", "frontend", "backend", "server")
"""Of HAProxy's exporter (addons/promex/README): listeners and stick tables would only add lines."""

DATA = "/var/lib/lbadmin"
"""On the data partition."""

_CPU_MODES = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_DEVICE_COLUMNS = {
    "receive_bytes": 0,
    "receive_packets": 1,
    "receive_errors": 2,
    "receive_drops": 3,
    "transmit_bytes": 8,
    "transmit_packets": 9,
    "transmit_errors": 10,
    "transmit_drops": 11,
}
"""Columns of /proc/net/dev, proc_net_dev(5)."""


def metrics_of(parts: Parts) -> bytes:
    """Return all metrics; what can't be read is left out."""
    exported, up = b"", 0.0
    with contextlib.suppress(UnavailableError):
        target = f"{EXPORTER_PATH}?{'&'.join(f'scope={scope}' for scope in SCOPES)}"
        exported, up = fetch(parts.system.path(STATS_SOCKET), target), 1.0
    families = [
        Family("lbva_haproxy_up", "gauge", "Whether HAProxy told its statistics.", [({}, up)]),
        *_about(parts),
        *_machine(parts.system),
        *layer4_families(parts.system, parts.changes.current.cluster),
    ]
    return exported + text_of(families).encode()


def _about(parts: Parts) -> Iterator[Family]:
    build = [({"version": parts.system.version()}, 1.0)]
    yield Family("lbva_build_info", "gauge", "The version of the appliance.", build)
    yield Family(
        "lbva_role",
        "gauge",
        "1 for the role that this node has.",
        one_of({}, "role", parts.pair.heartbeat.role(), get_args(Role)),
    )
    yield Family(
        "lbva_pair_sync", "gauge", "1 for how the two configurations of a pair are to each other.",
        one_of({}, "state", parts.pair.sync.state().word, get_args(SyncWord)),
    )  # fmt: skip
    licence = parts.licensing.status()
    states = ("trial", "licensed", "ended")
    yield Family(
        "lbva_licence", "gauge", "1 for whether this is a trial or licensed.",
        one_of({}, "state", licence.state, states),
    )  # fmt: skip
    left: Samples = [] if licence.days_left is None else [({}, float(licence.days_left))]
    yield Family("lbva_licence_left_days", "gauge", "Days left of the trial or the licence.", left)
    yield Family(
        "lbva_certificate_not_after_timestamp_seconds", "gauge",
        "When a certificate ends, in seconds since 1970.", _certificates(parts),
    )  # fmt: skip


def _certificates(parts: Parts) -> Samples:
    found = []
    for each in parts.changes.current.cluster.certificates:
        with contextlib.suppress(LbadminError):
            ends = leaf_of(parts.system, each.chain).not_after.timestamp()
            found.append(({"certificate": each.label}, ends))
    return found


def _machine(system: System) -> Iterator[Family]:
    yield Family(
        "lbva_uptime_seconds", "gauge", "Seconds since the machine started.",
        [({}, float(system.uptime_s()))],
    )  # fmt: skip
    yield Family("lbva_cpu_seconds_total", "counter", "Seconds of all CPUs by what they did.", _cpu())
    for name, word in (("total", "MemTotal"), ("available", "MemAvailable")):
        help_text = f"Bytes of memory: {name}."
        yield Family(f"lbva_memory_{name}_bytes", "gauge", help_text, _memory(word))
    with contextlib.suppress(OSError):
        disk = os.statvfs(system.path(DATA))
        for name, blocks in (("size", disk.f_blocks), ("available", disk.f_bavail)):
            help_text = f"Bytes of the data partition: {name}."
            yield Family(f"lbva_data_{name}_bytes", "gauge", help_text, [({}, float(blocks * disk.f_frsize))])
    devices = _devices()
    for name, column in _DEVICE_COLUMNS.items():
        samples = [({"device": device}, float(columns[column])) for device, columns in devices.items()]
        help_text = (
            f"Of a network interface: {name.replace('_', 'd ', 1).replace('transmitd', 'transmitted')}."
        )
        yield Family(f"lbva_network_{name}_total", "counter", help_text, samples)


def _cpu() -> Samples:
    # The first line is that of all CPUs (proc_stat(5)).
    ticks = _lines("/proc/stat")[0].split()[1:]
    return [({"mode": mode}, int(each) / _TICKS_PER_S) for mode, each in zip(_CPU_MODES, ticks, strict=False)]


def _memory(word: str) -> Samples:
    return [({}, int(line.split()[1]) * 1024.0) for line in _lines("/proc/meminfo") if line.startswith(word)]


def _devices() -> dict[str, list[str]]:
    parted = (line.partition(":") for line in _lines("/proc/net/dev")[2:])
    return {name.strip(): columns.split() for name, _, columns in parted}


def _lines(path: str) -> list[str]:
    return Path(path).read_text(encoding="ascii", errors="replace").splitlines()
