"""Clients who never come back, as one process: each has one connection, and uses it as long as it lives.

Every few seconds a connection carries a request whose answer has to be of that very request, and from the
front end that gave the first one. What breaks it ends it; all goes to a file of events. Over UDP the same is
a flow: one socket, whose requests are sent again until they are answered, as SIP does it. The process ends
when its standard input closes.
"""

import argparse
import asyncio
import contextlib
import itertools
import os
import socket
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from harness.failover.events import Event
from harness.failover.probe import FLUSH_S, Record, until_input_ends
from harness.failover.wire import ClosedError, UnansweredError, Wire, outcome_of
from harness.process import allow_many_files

OPEN_S = 10.0
ANSWER_S = 30.0
"""A connection whose request has no answer for so long is dead.

What is lost in a take-over TCP sends again ever later: about 0.2, 0.6, 1.4, 3, 6.2, 12.6 and 25 s after it.
"""

OPENING_A_SECOND = 40
"""New connections of each group: what an emulated appliance takes without falling behind."""

_AGAIN_S = 1.0  # between attempts to open, and between datagrams
_PIECE = 2048
_PRIORITY = -10


@dataclass(frozen=True)
class Group:
    """So many connections of one protocol to one address, called NAME-0, NAME-1 …"""

    name: str
    address: str
    port: int
    protocol: Literal["tcp", "udp"]
    count: int

    def __str__(self) -> str:
        return f"{self.name},{self.address},{self.port},{self.protocol},{self.count}"

    @classmethod
    def of(cls, text: str) -> "Group":
        """The group that `str` made that text of."""
        name, address, port, protocol, count = text.split(",")
        assert protocol in {"tcp", "udp"}  # noqa: S101 - the bench writes these
        return cls(name, address, int(port), "udp" if protocol == "udp" else "tcp", int(count))


class Line(Protocol):
    """A connection or a flow."""

    async def open(self) -> None:
        """Open it. Raises OSError."""

    async def ask(self) -> str:
        """Ask once more; return the name of who answered this request. Raises OSError."""

    def close(self) -> None:
        """Close it at once."""


class Connection:
    """SIP OPTIONS over TCP."""

    def __init__(self, group: Group, source: str, name: str) -> None:
        self._wire = Wire(source, name, group.port)
        self._address = group.address

    async def open(self) -> None:
        """Connect."""
        await self._wire.connect(self._address, OPEN_S)

    async def ask(self) -> str:
        """Ask OPTIONS."""
        return await self._wire.ask("OPTIONS", ANSWER_S)

    def close(self) -> None:
        """Reset it."""
        self._wire.reset()


class Flow:
    """Numbered datagrams over one socket (harness.ocs.datagrams answers them)."""

    def __init__(self, group: Group, source: str, name: str) -> None:
        self._name, self._peer = name, (group.address, group.port)
        self._numbers = itertools.count(1)
        self._socket = socket.socket(type=socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind((source, 0))

    async def open(self) -> None:
        """Take datagrams of the peer alone from now on."""
        self._socket.connect(self._peer)

    async def ask(self) -> str:
        """Send the next number, again and again, until it comes back."""
        asked = f"{self._name}-{next(self._numbers)}"
        for _ in range(int(ANSWER_S / _AGAIN_S)):
            await asyncio.get_running_loop().sock_sendall(self._socket, asked.encode())
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_AGAIN_S):
                    return await self._answer(asked)
        raise UnansweredError(f"no answer within {ANSWER_S:g} s")

    async def _answer(self, asked: str) -> str:
        loop = asyncio.get_running_loop()
        while True:  # a late answer to a request that was sent twice comes twice
            front_end, _blank, number = (await loop.sock_recv(self._socket, _PIECE)).decode().partition(" ")
            if number == asked:
                return front_end

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()


_LINES: dict[str, type[Connection] | type[Flow]] = {"tcp": Connection, "udp": Flow}


async def opened(group: Group, source: str, name: str, record: Record) -> tuple[Line, str]:
    """A line that was served, and by whom; tried until it is."""
    while True:
        line: Line = _LINES[group.protocol](group, source, name)
        start = time.time()
        try:
            await line.open()
            front_end = await line.ask()
        except OSError:
            line.close()
            await asyncio.sleep(_AGAIN_S)
        else:
            record(Event("lasting", start, time.time(), "ok", source, name, front_end))
            return line, front_end


async def used(group: Group, number: int, source: str, record: Record, every_s: float) -> None:
    """Open one and use it every so often, from a moment of its own on, until it breaks."""
    name = f"{group.name}-{number}"
    line, first = await opened(group, source, name, record)
    pause_s = every_s * (number + 1) / group.count
    try:
        while True:
            await asyncio.sleep(pause_s)
            pause_s = every_s
            start = time.time()
            try:
                front_end = await line.ask()
            except OSError as error:
                outcome = "closed" if isinstance(error, ClosedError) else outcome_of(error)
                record(Event("lasting", start, time.time(), outcome, source, name))
                return
            outcome = "ok" if front_end == first else "elsewhere"
            record(Event("lasting", start, time.time(), outcome, source, name, front_end))
            if front_end != first:
                return
    finally:
        line.close()


async def all_of(group: Group, sources: tuple[str, ...], record: Record, every_s: float) -> None:
    """Open all of a group, so many a second, and wait until the last one is broken."""
    async with asyncio.TaskGroup() as tasks:
        for number in range(group.count):
            source = sources[number % len(sources)]
            tasks.create_task(used(group, number, source, record, every_s))
            await asyncio.sleep(1 / OPENING_A_SECOND)


async def run(options: argparse.Namespace) -> None:
    """Use all groups and write the events, a few times a second, until the input ends."""
    sources = tuple(options.sources.split(","))
    with options.events.open("w", encoding="utf-8") as file:

        def record(event: Event) -> None:
            file.write(event.line())

        async def flush() -> None:
            while True:
                await asyncio.sleep(FLUSH_S)
                file.flush()

        work = [
            asyncio.create_task(all_of(group, sources, record, options.every_s)) for group in options.group
        ]
        flusher = asyncio.create_task(flush())
        await until_input_ends()
        for task in (*work, flusher):
            task.cancel()
        for outcome in await asyncio.gather(*work, return_exceptions=True):
            if isinstance(outcome, Exception):
                raise outcome


def main() -> None:
    """Be the clients until standard input closes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--group", type=Group.of, action="append", required=True, help="as Group writes itself"
    )
    parser.add_argument("--sources", required=True, help="the clients' addresses, by commas")
    parser.add_argument("--every-s", type=float, default=5.0, help="time between two requests (5)")
    parser.add_argument("--events", type=Path, required=True)
    options = parser.parse_args()
    allow_many_files()
    with contextlib.suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, _PRIORITY)
    asyncio.run(run(options))
    sys.exit(0)


if __name__ == "__main__":
    main()
