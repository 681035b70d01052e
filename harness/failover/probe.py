"""The clients of a failover, as one process in the lab's client network.

It opens a new connection every 10 ms, holds others open, and keeps users registered as OCS clients do; all
that happens to them goes to a file of events. It ends when its standard input closes.
"""

import argparse
import asyncio
import contextlib
import itertools
import os
import random
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from harness.failover import holders
from harness.failover.events import Event
from harness.failover.wire import Wire, outcome_of
from harness.ocs.back_off import back_off_s
from harness.process import allow_many_files

NEW_TIMEOUT_S = 2.0
MAX_IN_FLIGHT = 300
"""More than fit into the time-out: an outage never makes the probe wait for itself."""

HELD_PING_S = 20.0
KEEP_ALIVE_S = 20.0
"""OCS's clients send one in 300 s; here all notice a failover within this time instead."""

PONG_S = 10.0
"""RFC 5626, section 4.4.1: the connection is dead when the pong takes longer."""

START_S = 4.0
"""The users' first registrations are spread over this time."""

FLUSH_S = 0.1
_PRIORITY = -10  # the clock of the measurement goes before what is measured; its share is in the events

Record = Callable[[Event], None]


@dataclass(frozen=True)
class Target:
    """The virtual address, the clients' addresses, and where events go."""

    vip: str
    sources: tuple[str, ...]
    record: Record

    def source(self, number: int) -> str:
        """The address of client `number`."""
        return self.sources[number % len(self.sources)]


async def new_connection(target: Target, number: int) -> None:
    """Connect, be answered by a front end, close; record how that went."""
    wire = Wire(target.source(number), f"probe-{number}")
    start = time.time()
    outcome, front_end = "ok", ""
    try:
        await wire.connect(target.vip, NEW_TIMEOUT_S)
        front_end = await wire.ask("OPTIONS", max(0.0, NEW_TIMEOUT_S - (time.time() - start)))
    except OSError as error:
        outcome = outcome_of(error)
    finally:
        wire.reset()
    target.record(Event("new", start, time.time(), outcome, wire.source, front_end=front_end))


async def new_connections(target: Target, every_s: float) -> None:
    """Open one in each such time by the clock, never later because earlier ones hang.

    They begin when the others are there: a balancer that falls behind would serve clients that have given up.
    """
    await asyncio.sleep(START_S)
    tasks: set[asyncio.Task[None]] = set()
    begin = time.monotonic()
    for number in itertools.count():
        await asyncio.sleep(max(0.0, begin + number * every_s - time.monotonic()))
        if len(tasks) >= MAX_IN_FLIGHT:
            now = time.time()
            target.record(Event("skipped", now, now))
            continue
        task = asyncio.create_task(new_connection(target, number))
        tasks.add(task)
        task.add_done_callback(tasks.discard)


@dataclass(frozen=True)
class Role:
    """Connections that are kept open: how they introduce themselves, and how often they ping."""

    kind: Literal["held", "client"]
    method: Literal["OPTIONS", "REGISTER"]
    ping_s: float


HELD = Role("held", "OPTIONS", HELD_PING_S)
CLIENT = Role("client", "REGISTER", KEEP_ALIVE_S)


async def kept(target: Target, role: Role, number: int, first_ping_s: float) -> None:
    """Keep one connection open for ever, as a user does: ask, ping, and come back when it breaks."""
    name, source = f"{role.kind}-{number}", target.source(number)
    failures, pause_s = 0, first_ping_s
    while True:
        wire = Wire(source, name)
        served = False
        start = time.time()
        try:
            await wire.connect(target.vip, PONG_S)
            front_end = await wire.ask(role.method, PONG_S)
            target.record(Event(role.kind, start, time.time(), "ok", source, name, front_end))
            served, failures = True, 0
            while True:
                await asyncio.sleep(pause_s)
                pause_s = role.ping_s
                start = time.time()
                await wire.ping(PONG_S)
        except OSError as error:
            outcome = "broken" if served else outcome_of(error)
            target.record(Event(role.kind, start, time.time(), outcome, source, name))
            failures += not served
        finally:
            wire.reset()
        await asyncio.sleep(back_off_s(failures, random.random()))  # noqa: S311 - spreads clients, no secret


async def staggered(target: Target, role: Role, count: int) -> None:
    """Keep so many open; their pings are spread over the whole interval, as those of a day's users are.

    Pings that crowded together would make all of them notice a failover, and return, at the same time.
    """
    async with asyncio.TaskGroup() as group:
        for number in range(count):
            group.create_task(kept(target, role, number, role.ping_s * number / count))
            await asyncio.sleep(START_S / count)
        await asyncio.Event().wait()


async def until_input_ends() -> None:
    """Wait until whoever started the probe closes its standard input."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), ended.set)
    await ended.wait()


async def measure(target: Target, options: argparse.Namespace) -> None:
    """Do everything until the input ends.

    Each address makes one connection before any makes two: of two at once, both are new to the balancer.
    """
    for number in range(len(target.sources)):
        await new_connection(target, number)
    work = (
        new_connections(target, options.every_ms / 1000),
        staggered(target, HELD, options.held),
        staggered(target, CLIENT, options.clients),
        holders.watch(options.interface, target.vip, target.record),
    )
    tasks = [asyncio.create_task(part) for part in (*work, until_input_ends())]
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    for task in done:
        task.result()  # the parts go on for ever: what ended one of them is raised here


async def run(options: argparse.Namespace) -> None:
    """Measure and write the events, a few times a second."""
    start, begin, used = time.time(), time.monotonic(), time.process_time()
    with options.events.open("w", encoding="utf-8") as file:

        def record(event: Event) -> None:
            file.write(event.line())

        async def flush() -> None:
            while True:
                await asyncio.sleep(FLUSH_S)
                file.flush()

        flusher = asyncio.create_task(flush())
        await measure(Target(options.vip, tuple(options.sources.split(",")), record), options)
        flusher.cancel()
        share = (time.process_time() - used) / (time.monotonic() - begin)
        record(Event("share", start, time.time(), value=share))


def main() -> None:
    """Be the clients until standard input closes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--vip", required=True)
    parser.add_argument("--sources", required=True, help="the clients' addresses, by commas")
    parser.add_argument("--every-ms", type=float, default=10.0, help="time between new connections (10)")
    parser.add_argument("--held", type=int, default=100, help="connections held open (100)")
    parser.add_argument("--clients", type=int, default=500, help="registered users (500)")
    parser.add_argument("--interface", default="eth0", help="the card that ARP is spoken on (eth0)")
    parser.add_argument("--events", type=Path, required=True)
    options = parser.parse_args()
    allow_many_files()
    with contextlib.suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, _PRIORITY)
    asyncio.run(run(options))


if __name__ == "__main__":
    main()
