"""Prometheus' text format 0.0.4: HAProxy's own exporter passed on, and what the node knows beside it.

The values exist already, so the few lines of the format are written here; see docs/dependencies.md.
"""

import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Literal, NamedTuple, get_args

from lbadmin import ipvs
from lbadmin.certificates import leaf_of
from lbadmin.errors import LbadminError, UnavailableError
from lbadmin.pair.role import Role
from lbadmin.pair.verdict import SyncWord
from lbadmin.parts import Parts
from lbadmin.render.haproxy import EXPORTER_PATH, STATS_SOCKET
from lbadmin.statspage import fetch
from lbadmin.system import System

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"

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

Kind = Literal["counter", "gauge"]
Labels = Mapping[str, str]
Samples = Iterable[tuple[Labels, float]]


class Family(NamedTuple):
    """A metric with all its samples; a counter's name ends in "_total"."""

    name: str
    kind: Kind
    help: str
    samples: Samples


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
        *_ipvs(parts.system),
    ]
    return exported + text_of(families).encode()


def text_of(families: Iterable[Family]) -> str:
    """Return metrics in Prometheus' text format (prometheus.io, "Exposition formats")."""
    lines: list[str] = []
    for family in families:
        lines += [
            f"# HELP {family.name} {_escaped(family.help)}",
            f"# TYPE {family.name} {family.kind}",
            *(f"{family.name}{_labels(labels)} {_number(value)}" for labels, value in family.samples),
        ]
    return "".join(f"{line}\n" for line in lines)


def _labels(labels: Labels) -> str:
    pairs = ",".join(f'{name}="{_quoted(value)}"' for name, value in labels.items())
    return f"{{{pairs}}}" if pairs else ""


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n")


def _quoted(text: str) -> str:
    return _escaped(text).replace('"', '\\"')


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)


def _about(parts: Parts) -> Iterator[Family]:
    build = [({"version": parts.system.version()}, 1.0)]
    yield Family("lbva_build_info", "gauge", "The version of the appliance.", build)
    yield Family(
        "lbva_role",
        "gauge",
        "1 for the role that this node has.",
        _one_of("role", parts.pair.heartbeat.role(), get_args(Role)),
    )
    yield Family(
        "lbva_pair_sync", "gauge", "1 for how the two configurations of a pair are to each other.",
        _one_of("state", parts.pair.sync.state().word, get_args(SyncWord)),
    )  # fmt: skip
    licence = parts.licensing.status()
    states = ("trial", "licensed", "ended")
    yield Family(
        "lbva_licence", "gauge", "1 for whether this is a trial or licensed.",
        _one_of("state", licence.state, states),
    )  # fmt: skip
    left: Samples = [] if licence.days_left is None else [({}, float(licence.days_left))]
    yield Family("lbva_licence_left_days", "gauge", "Days left of the trial or the licence.", left)
    yield Family(
        "lbva_certificate_not_after_timestamp_seconds", "gauge",
        "When a certificate ends, in seconds since 1970.", _certificates(parts),
    )  # fmt: skip


def _one_of(name: str, now: str, words: Iterable[str]) -> Samples:
    return [({name: word}, float(word == now)) for word in words]


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


def _ipvs(system: System) -> Iterator[Family]:
    totals, services = ipvs.read(system.root)
    for name, value in zip(ipvs.Totals._fields, totals, strict=True):
        help_text = f"Of all services of layer 4: {name.replace('_', ' ')}."
        yield Family(f"lbva_ipvs_{name}_total", "counter", help_text, [({}, float(value))])
    for name in ("weight", "active", "inactive"):
        samples = [
            (
                {"protocol": service.protocol, "service": service.address, "server": server.address},
                float(getattr(server, name)),
            )
            for service, server in ipvs.by_service(services)
        ]
        unit = "weight" if name == "weight" else f"{name}_connections"
        yield Family(f"lbva_ipvs_server_{unit}", "gauge", f"Of a real server of layer 4: {unit}.", samples)
