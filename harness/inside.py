"""A running lab's inside, reached from outside: its files, sockets on its hosts, programs in it."""

import contextlib
import os
import shlex
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from harness.errors import LabError
from harness.namespaces import enter_argv, in_network
from harness.result import CommandFailedError, Result
from harness.state import NETWORK_NAMESPACES
from harness.topology import LAB

T = TypeVar("T")
Socket = socket.socket


@dataclass(frozen=True)
class Inside:
    """The inside of the lab whose process 1 is `init_pid`."""

    init_pid: int

    def path(self, path: Path) -> Path:
        """A file of the lab's own mount namespace, as it is reached from outside."""
        return Path(f"/proc/{self.init_pid}/root") / path.relative_to("/")

    def network(self, host: str) -> Path:
        """The network namespace of a host; raises LabError when there is no such host."""
        if host == LAB:
            return Path(f"/proc/{self.init_pid}/ns/net")
        path = self.path(NETWORK_NAMESPACES) / host
        if not path.exists():
            raise LabError(f"the lab has no host {host!r}", f"it has {', '.join(self.hosts())}")
        return path

    def hosts(self) -> list[str]:
        """The names of all hosts, the lab's own first."""
        try:
            return [LAB, *sorted(path.name for path in self.path(NETWORK_NAMESPACES).iterdir())]
        except OSError as error:
            raise LabError("the lab has ended", "start it again with `lab up`") from error

    def on(self, host: str, action: Callable[[], T]) -> T:
        """Do `action` in a thread on a host's network: sockets that it makes stay there for ever."""
        return in_network(self.network(host), action)

    def socket(
        self, host: str, kind: socket.SocketKind = socket.SOCK_STREAM, family: int = socket.AF_INET
    ) -> Socket:
        """A new socket on a host's network."""
        return self.on(host, lambda: socket.socket(family, kind))

    def connect(
        self, host: str, address: tuple[str, int], *, source: str | None = None, timeout_s: float | None = 10
    ) -> Socket:
        """A TCP connection from a host to `address`, from the address `source` if given.

        The time-out stays the socket's. Raises OSError as socket.create_connection does.
        """
        bind = (source, 0) if source else None
        return self.on(host, lambda: socket.create_connection(address, timeout_s, bind))

    def argv(self, host: str, argv: Sequence[str]) -> list[str]:
        """The command that runs `argv` on a host; it ends with the lab at the latest."""
        return enter_argv(self.init_pid, self.network(host), argv)

    @contextlib.contextmanager
    def started(
        self, host: str, argv: Sequence[str], *, log: Path | None = None
    ) -> "Iterator[subprocess.Popen[bytes]]":
        """A program that runs on a host within the block; its output goes to the file `log`, or nowhere.

        Its standard input is a pipe. What still runs of it behind the block is killed.
        """
        with contextlib.ExitStack() as stack:
            output = stack.enter_context(log.open("ab")) if log else subprocess.DEVNULL
            process = stack.enter_context(
                subprocess.Popen(
                    self.argv(host, argv),
                    stdin=subprocess.PIPE,
                    stdout=output,
                    stderr=output,
                    start_new_session=True,
                )
            )
            try:
                yield process
            finally:
                # nsenter forks to enter the pid namespace: the whole group is to end, not nsenter alone.
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)

    def run(
        self, host: str, argv: Sequence[str], *, check: bool = True, timeout_s: float = 60, data: str = ""
    ) -> Result:
        """Run a program on a host with `data` as its input and wait for its end.

        Raises CommandFailedError when `check` is set and its status is not 0, and
        subprocess.TimeoutExpired, after killing it, when it takes longer than `timeout_s`.
        """
        with subprocess.Popen(
            self.argv(host, argv),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
        ) as process:
            try:
                output, errors = process.communicate(data, timeout_s)
            except BaseException:
                # nsenter forks to enter the pid namespace: the whole group is to end, not nsenter alone.
                os.killpg(process.pid, signal.SIGKILL)
                raise
        result = Result(shlex.join(argv), process.returncode, output, errors)
        if check and result.status != 0:
            raise CommandFailedError(result)
        return result
