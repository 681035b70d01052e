"""The clients of one turn, as a process on a host for load: so many at a time, for so many seconds.

`connections`: connect, ask SIP OPTIONS, be answered, reset. `sign-ins`: connect, shake hands by TLS with the
front end through the balancer, REGISTER until it is accepted, reset. Each comes from the next address of the
crowd. What has come of them is printed as one line of JSON when the time is over.
"""

import argparse
import asyncio
import itertools
import json
import os
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from harness import topology
from harness.failover.wire import UnansweredError, Wire, outcome_of
from harness.ocs import POOL
from harness.ocs.client import SipClient
from harness.process import allow_many_files
from loadtests.dataplane.balancers import SIPS_PORT

ADDRESSES = 2_000
"""The users of a turn come from so many addresses in turn."""

TIMEOUT_S = 20.0
"""Longer than TCP takes to send a lost first packet a fourth time (RFC 6298: after 1, 3, 7 and 15 s)."""

_PAUSE_S = 0.05
"""After a failure: who is refused does not come back at once."""

_RESET = struct.pack("ii", 1, 0)
_OK = 200  # RFC 3261, 21.2.1
_IP_BIND_ADDRESS_NO_PORT = 24  # linux/in.h


@dataclass
class Tally:
    """What came of a turn: `done` in `seconds`, failures by kind, and the clients' share of one processor."""

    began: float
    done: int = 0
    seconds: float = 0.0
    share: float = 0.0
    failed: dict[str, int] = field(default_factory=dict)

    def served(self) -> None:
        """Count one that was served, unless the time has not begun."""
        if time.time() >= self.began:
            self.done += 1

    def count(self, error: OSError) -> None:
        """Count one that failed, by what went wrong; one before the time as well."""
        kind = outcome_of(error)
        self.failed[kind] = self.failed.get(kind, 0) + 1


def address_of(number: int) -> str:
    """The address of user `number`, counted from 0, on the first host for load."""
    return str(topology.crowd_of(1)[number + 1])


@dataclass(frozen=True)
class Target:
    """The virtual address, and who vouches for the front ends behind it."""

    address: str
    authority: Path


async def connections(
    tally: Tally, sources: Iterator[str], in_flight: int, until: float, target: Target
) -> None:
    """Open, ask, reset, until it is over."""

    async def user() -> None:
        while time.time() < until:
            wire = Wire(next(sources), "bench")
            try:
                await wire.connect(target.address, TIMEOUT_S)
                await wire.ask("OPTIONS", TIMEOUT_S)
                tally.served()
            except OSError as error:
                tally.count(error)
                await asyncio.sleep(_PAUSE_S)
            finally:
                wire.reset()

    tasks = [asyncio.create_task(user()) for _ in range(in_flight)]
    _done, late = await asyncio.wait(tasks, timeout=max(0.0, until - time.time()))
    for task in late:
        task.cancel()
    await asyncio.gather(*late, return_exceptions=True)


def sign_ins(tally: Tally, sources: Iterator[str], in_flight: int, until: float, target: Target) -> None:
    """Connect, shake hands, register, reset, until it is over."""
    context = ssl.create_default_context(cafile=str(target.authority))
    lock = threading.Lock()

    def user() -> None:
        while time.time() < until:
            with lock:
                source = next(sources)
            try:
                sign_in(context, source, target.address)
            except OSError as error:
                with lock:
                    tally.count(error)
                time.sleep(_PAUSE_S)
            else:
                with lock:
                    if time.time() < until:
                        tally.served()

    # Who still waits when the time is over ends with the process.
    threads = [threading.Thread(target=user, daemon=True) for _ in range(in_flight)]
    for thread in threads:
        thread.start()
    time.sleep(max(0.0, until - time.time()))
    with lock:
        tally.seconds = time.time() - tally.began


def sign_in(context: ssl.SSLContext, source: str, address: str) -> None:
    """Sign one user in and hang up. Raises OSError; ssl.SSLError is one."""
    with socket.socket() as connection:
        connection.settimeout(TIMEOUT_S)
        connection.setsockopt(socket.IPPROTO_IP, _IP_BIND_ADDRESS_NO_PORT, 1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.bind((source, 0))
        connection.connect((address, SIPS_PORT))
        tls = context.wrap_socket(connection, server_hostname=POOL)
        with SipClient(tls, user=f"user-{source}") as client:
            if client.register().status != _OK:
                raise UnansweredError("REGISTER was not accepted")


def main() -> None:
    """Be the clients of one turn."""
    kinds = {"connections": _connections, "sign-ins": sign_ins}
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=kinds)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--warm-up", type=float, default=0.0, help="seconds before, which do not count")
    parser.add_argument("--in-flight", type=int, required=True)
    parser.add_argument("--authority", type=Path, required=True, help="of the front ends' certificates, PEM")
    parser.add_argument("--address", default=str(topology.VIP), help=f"the virtual address ({topology.VIP})")
    options = parser.parse_args()
    allow_many_files()
    tally = Tally(time.time() + options.warm_up)
    sources = itertools.cycle(map(address_of, range(ADDRESSES)))
    work: Callable[[Tally, Iterator[str], int, float, Target], None] = kinds[options.kind]
    target = Target(options.address, options.authority)
    worked = time.process_time()
    work(tally, sources, options.in_flight, tally.began + options.seconds, target)
    tally.seconds = tally.seconds or time.time() - tally.began
    tally.share = (time.process_time() - worked) / (tally.seconds + options.warm_up)
    print(json.dumps(asdict(tally)), flush=True)
    # Threads that still wait are within OpenSSL, which an orderly end would take away from under them.
    os._exit(0)


def _connections(tally: Tally, sources: Iterator[str], in_flight: int, until: float, target: Target) -> None:
    asyncio.run(connections(tally, sources, in_flight, until, target))


if __name__ == "__main__":
    main()
