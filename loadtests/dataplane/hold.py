"""A holder of connections, as a process on a host for load: it opens as many as it is told to.

Told by lines on its standard input: `open N` (more) or `ping`. It answers each by a line of JSON, and ends
with its connections when its standard input closes. Each connection comes from an address of its own.
"""

import argparse
import asyncio
import json
import resource
import sys
from collections import Counter
from collections.abc import Sequence

from harness import topology
from harness.failover.wire import Wire, outcome_of
from loadtests.dataplane.turn import TIMEOUT_S, address_of


class Holder:
    """Connections to the virtual address, the first of them from user `first`."""

    def __init__(self, first: int, in_flight: int) -> None:
        self._first = first
        self._in_flight = in_flight
        self._opened = 0
        self._wires: list[Wire] = []

    async def open(self, count: int) -> dict[str, object]:
        """Open so many more, each answered once; the first that fails ends it. Tell how many are held."""
        due = self._opened + count
        failed: Counter[str] = Counter()

        async def work() -> None:
            while self._opened < due and not failed:
                number = self._first + self._opened
                self._opened += 1
                wire = Wire(address_of(number), f"held-{number}")
                try:
                    await wire.connect(str(topology.VIP), TIMEOUT_S)
                    await wire.ask("OPTIONS", TIMEOUT_S)
                except OSError as error:
                    failed[outcome_of(error)] += 1
                    wire.reset()
                else:
                    self._wires.append(wire)

        await asyncio.gather(*(work() for _ in range(self._in_flight)))
        return {"held": len(self._wires), "failed": failed}

    async def ping(self) -> dict[str, object]:
        """Ask each connection whether it is alive; tell how many are."""
        left = iter(self._wires)

        async def work() -> int:
            alive = 0
            for wire in left:
                try:
                    await wire.ping(TIMEOUT_S)
                except OSError:
                    continue
                alive += 1
            return alive

        return {"alive": sum(await asyncio.gather(*(work() for _ in range(self._in_flight))))}

    def reset(self) -> None:
        """Give all up at once."""
        for wire in self._wires:
            wire.reset()

    def obey(self, runner: asyncio.Runner, words: Sequence[str]) -> dict[str, object]:
        """Do what a line says and return the answer."""
        match words:
            case ["open", count]:
                return runner.run(self.open(int(count)))
            case ["ping"]:
                return runner.run(self.ping())
        raise ValueError(f"{words} is no command of a holder")


def main() -> None:
    """Obey until the standard input closes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--first", type=int, required=True, help="number of its first user")
    parser.add_argument("--in-flight", type=int, required=True)
    options = parser.parse_args()
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    holder = Holder(options.first, options.in_flight)
    with asyncio.Runner() as runner:
        for line in sys.stdin:
            print(json.dumps(holder.obey(runner, line.split())), flush=True)
    holder.reset()


if __name__ == "__main__":
    main()
