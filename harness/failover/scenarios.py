"""The faults of the bench: what each does to a pair, and what it aims at."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from harness import fault_kinds as kinds
from harness.appliance import Appliance
from harness.failover.analysis import Span
from harness.failover.stage import Stage, Struck
from harness.topology import MACHINE_NETWORKS, SERVICE

HEALS_AFTER_S = 8.0
LONG_PARTITION_S = 60.0
"""Long enough for the nodes' neighbour caches to give each other up (arp(7))."""
PANIC_LASTS_S = 2.0
"""Until a machine boots after a panic (its kernel.panic)."""

_LONG_EVERY = 5
HAPROXY, KEEPALIVED = "haproxy", "keepalived"
_SERVICE_NIC = MACHINE_NETWORKS.index(SERVICE)


@dataclass(frozen=True)
class Aim:
    """What is to be reached: seconds, of which 95 % of the runs take no more; None where nothing is aimed at.

    `of_defaults` is the largest part of what keepalived's defaults take, `refused` how many may be refused.
    """

    p95_s: float | None = None
    of_defaults: float | None = None
    refused: int | None = None
    split_s: float | None = None


@dataclass(frozen=True)
class Scenario:
    """A fault by its name; `strike` brings it about and undoes it where it heals while clients look on.

    `masks` is a service that the master is told beforehand not to start again: an emulated machine is busy
    for seconds when systemd reads its units anew, and that is not the fault.
    """

    name: str
    title: str
    what: str
    aim: Aim
    strike: Callable[[Stage], Struck]
    loses_machine: bool = False
    with_defaults: bool = False
    masks: str = ""


def _crash(stage: Stage) -> Struck:
    return _lose(stage, kinds.Crash(stage.master.name))


def _panic(stage: Stage) -> Struck:
    """Switch the machine off before it boots: that would take the processor on which the other one serves."""
    struck = _lose(stage, kinds.KernelPanic(stage.master.name))
    time.sleep(max(0.0, struck.brought_about.end + PANIC_LASTS_S - time.time()))
    stage.master.power_off()
    return struck


def _lose(stage: Stage, fault: kinds.Fault) -> Struck:
    """Lose the machine for good: the pair's snapshot brings it back sooner than its boot would."""
    fault = fault.prepared(stage.lab)
    began = time.time()
    fault.begin(stage.lab)
    return Struck(Span(began, time.time()))


def _freeze(stage: Stage) -> Struck:
    undo = stage.faults.freeze(stage.master)
    return stage.heal(undo, HEALS_AFTER_S)


def _link(stage: Stage) -> Struck:
    undo = stage.faults.link_down(stage.master, _SERVICE_NIC)
    return stage.heal(undo, HEALS_AFTER_S)


def _partition(stage: Stage) -> Struck:
    undo = stage.faults.partition(stage.master, stage.slave)
    is_long = stage.repeat % _LONG_EVERY == _LONG_EVERY - 1
    return stage.heal(undo, LONG_PARTITION_S if is_long else HEALS_AFTER_S)


def _haproxy(stage: Stage) -> Struck:
    return _kill(stage, HAPROXY)


def _keepalived(stage: Stage) -> Struck:
    return _kill(stage, KEEPALIVED)


def _kill(stage: Stage, service: str) -> Struck:
    """Kill what is masked already (`Scenario.masks`), and so does not come back."""
    return Struck.by(stage.faults.kill_service(stage.master, service, comes_back=True))


def _take_over(stage: Stage) -> Struck:
    """Ask the slave to take over and, every other time, the master to hand over."""
    asked, verb = (stage.slave, "take-over") if stage.repeat % 2 == 0 else (stage.master, "hand-over")
    appliance = Appliance(stage.lab, asked)
    appliance.get("/pair")  # the connection and its TLS are not the take-over's
    began = time.time()
    appliance.call("POST", f"/pair/{verb}")
    acted = time.time()
    appliance.http.close()
    return Struck(Span(began, acted))


_LOST = Aim(p95_s=0.5, of_defaults=0.2)

SCENARIOS = (
    Scenario(
        "crash", "Crash", "The master loses its power.", _LOST, _crash, loses_machine=True, with_defaults=True
    ),
    Scenario(
        "freeze",
        "Freeze",
        "The master stops in the middle of what it does, and goes on 8 s later as if nothing had happened.",
        _LOST,
        _freeze,
        with_defaults=True,
    ),
    Scenario(
        "panic",
        "Kernel panic",
        "The master's kernel gives up.",
        _LOST,
        _panic,
        loses_machine=True,
        with_defaults=True,
    ),
    Scenario(
        "link",
        "Lost service link",
        "The master's cable to the service network is pulled, and plugged in 8 s later.",
        _LOST,
        _link,
        with_defaults=True,
    ),
    Scenario(
        "haproxy",
        "Dead HAProxy",
        "The master's HAProxy is killed and does not come back.",
        Aim(p95_s=1.0),
        _haproxy,
        masks=HAPROXY,
    ),
    Scenario(
        "keepalived",
        "Dead keepalived",
        "The master's keepalived is killed and stays so.",
        Aim(),
        _keepalived,
        masks=KEEPALIVED,
    ),
    Scenario(
        "partition",
        "Partition",
        "The nodes can't reach each other for 8 s (each fifth time: for 60 s), while clients reach both.",
        Aim(split_s=1.0),
        _partition,
    ),
    Scenario(
        "take-over",
        "Planned take-over",
        "An administrator makes the slave the master.",
        Aim(p95_s=0.1, refused=0),
        _take_over,
    ),
)
