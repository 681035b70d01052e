"""What the appliances said of themselves, on the axis of the run, and what the load cost them. Pure."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from harness.failover.analysis import Distribution
from harness.sampler import Sample
from loadtests.columns import Mask, Numbers
from loadtests.series import Axis, held, increase, total

FULL_LOAD = 0.95
"""The share of the most users ever signed in from which on the load counts as full."""


@dataclass(frozen=True)
class Appliance:
    """A machine second by second, NaN while it was away.

    Shares of the processor in per cent, memory in MiB; HAProxy's connections now; per second: connections
    that it accepted, errors and retries of those to real servers.
    """

    name: str
    busy: Numbers
    network: Numbers
    memory_mib: Numbers
    swap_mib: Numbers
    connections: Numbers
    accepted: Numbers
    errors: Numbers
    retries: Numbers
    servers: dict[str, Numbers]


@dataclass(frozen=True)
class Cost:
    """What a machine needed in a part of the run: which one, `role` says in words.

    Processor in per cent, memory in MiB.
    """

    name: str
    role: str
    seconds: int
    busy: Distribution
    network: Distribution
    memory_mib: Distribution
    swap_mib: Distribution
    connections: Distribution | None
    accepted: Distribution | None


def appliances(samples: Iterable[Sample], machines: Sequence[str], axis: Axis) -> list[Appliance]:
    """The series of each machine that said anything, those of the run first."""
    by_machine: dict[str, list[Sample]] = {name: [] for name in machines}
    for sample in samples:
        by_machine.setdefault(sample.machine, []).append(sample)
    return [
        _appliance(name, sorted(told, key=lambda sample: sample.at), axis)
        for name, told in by_machine.items()
        if told
    ]


def _appliance(name: str, told: Sequence[Sample], axis: Axis) -> Appliance:
    # Without its table HAProxy did not answer: its counters are unknown then, not 0.
    of_haproxy = [sample for sample in told if sample.servers is not None]

    def line(value: Callable[[Sample], float], samples: Sequence[Sample] = told) -> Numbers:
        return held(_column(samples, lambda sample: sample.at), _column(samples, value), axis)

    def rate(counter: Callable[[Sample], float]) -> Numbers:
        moments = _column(of_haproxy, lambda sample: sample.at)
        return held(moments, increase(moments, _column(of_haproxy, counter)), axis)

    def sessions(server: str) -> Callable[[Sample], float]:
        return lambda sample: (sample.servers or {}).get(server, 0)

    return Appliance(
        name=name,
        busy=100 * line(lambda sample: sample.busy),
        network=100 * line(lambda sample: sample.network),
        memory_mib=line(lambda sample: sample.memory_mib),
        swap_mib=line(lambda sample: sample.swap_mib),
        connections=line(lambda sample: sample.connections, of_haproxy),
        accepted=rate(lambda sample: sample.accepted),
        errors=rate(lambda sample: sample.errors),
        retries=rate(lambda sample: sample.retries),
        servers={
            server: line(sessions(server), of_haproxy)
            for server in dict.fromkeys(key for sample in of_haproxy for key in sample.servers or {})
        },
    )


def _column(samples: Sequence[Sample], value: Callable[[Sample], float]) -> Numbers:
    return np.array([value(sample) for sample in samples], dtype=np.float64)


def by_front_end(machines: Sequence[Appliance], front_ends: Sequence[str], axis: Axis) -> dict[str, Numbers]:
    """The sessions of each real server over all machines, the front ends of the run first."""
    told = [server for machine in machines for server in machine.servers]
    ordered = dict.fromkeys([name for name in front_ends if name in told] + told)
    return {
        server: total([machine.servers[server] for machine in machines if server in machine.servers], axis)
        for server in ordered
    }


def costs(machines: Sequence[Appliance], signed_in: Numbers) -> list[Cost]:
    """What the load cost each machine: while it was full, apart for serving and standing by, and in all.

    Who has the most connections serves. Where nothing tells who did, full load is one part.
    """
    if not machines:
        return []
    full = (signed_in >= FULL_LOAD * signed_in.max()) & (signed_in > 0)
    table = np.vstack([np.nan_to_num(machine.connections) for machine in machines])
    most = table.max(axis=0)
    parts: dict[str, list[Cost]] = {}
    for machine, connections in zip(machines, table, strict=True):
        there = ~np.isnan(machine.busy)
        serves = (connections == most) & (most > 0)
        masks = {"serving, full load": full & serves, "stand-by, full load": full & ~serves}
        if not most.any():
            masks = {"full load": full}
        for role, mask in {**masks, "the whole run": np.full_like(full, fill_value=True)}.items():
            if (mask & there).any():
                parts.setdefault(role, []).append(_cost(machine, role, mask & there))
    order = ("serving, full load", "stand-by, full load", "full load", "the whole run")
    return [cost for role in order for cost in parts.get(role, [])]


def _cost(machine: Appliance, role: str, mask: Mask) -> Cost:
    busy, network = (
        Distribution.of(machine.busy[mask].tolist()),
        Distribution.of(machine.network[mask].tolist()),
    )
    memory = Distribution.of(machine.memory_mib[mask].tolist())
    swap = Distribution.of(machine.swap_mib[mask].tolist())
    if busy is None or network is None or memory is None or swap is None:
        raise ValueError(f"{machine.name} has no sample in the seconds that are asked for")
    return Cost(
        name=machine.name,
        role=role,
        seconds=busy.count,
        busy=busy,
        network=network,
        memory_mib=memory,
        swap_mib=swap,
        connections=_known(machine.connections[mask]),
        accepted=_known(machine.accepted[mask]),
    )


def _known(values: Numbers) -> Distribution | None:
    return Distribution.of(values[~np.isnan(values)].tolist())
