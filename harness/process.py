"""Processes that can be named for sure: a pid alone may have gone to somebody else since."""

import os
import resource
import select
import signal
from dataclasses import dataclass
from pathlib import Path

from harness.deadline import Deadline, DeadlineExceededError


def boot_id() -> str:
    """The kernel's name for the time since its start; pids mean nothing across it."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def _start_ticks(pid: int) -> int | None:
    """When a process started, in clock ticks since boot (proc(5), field 22), or None without it."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # Field 2 is the program's name in brackets and may hold blanks: count behind the last bracket.
    return int(stat.rpartition(")")[2].split()[19])


def allow_many_files() -> None:
    """Let this process open as many files as the machine allows it; it starts with room for 1024."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


@dataclass(frozen=True)
class ProcessId:
    """A process by pid, start time and boot."""

    pid: int
    start_ticks: int
    boot: str

    @classmethod
    def of(cls, pid: int) -> "ProcessId":
        """Name a process that runs now; raises ProcessLookupError when there is none."""
        ticks = _start_ticks(pid)
        if ticks is None:
            raise ProcessLookupError(f"there is no process {pid}")
        return cls(pid, ticks, boot_id())

    def alive(self) -> bool:
        """Whether this very process still runs (a zombie that nobody has collected does not)."""
        return self.boot == boot_id() and _start_ticks(self.pid) == self.start_ticks and not self._ended()

    def _ended(self) -> bool:
        try:
            return _wait(os.pidfd_open(self.pid), 0.0)
        except ProcessLookupError:
            return True

    def kill(self, deadline: Deadline) -> None:
        """SIGKILL this very process and wait for its end; nothing happens when it is gone already.

        Raises DeadlineExceededError when it does not end in time.
        """
        if self.boot != boot_id():
            return
        try:
            handle = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return
        # The start time is compared while the handle is held, so it can't change hands in between.
        if _start_ticks(self.pid) != self.start_ticks:
            os.close(handle)
            return
        try:
            signal.pidfd_send_signal(handle, signal.SIGKILL)
        except ProcessLookupError:
            os.close(handle)
            return
        if not _wait(handle, deadline.remaining()):
            raise DeadlineExceededError(f"process {self.pid} does not end after SIGKILL")


def _wait(handle: int, timeout_s: float) -> bool:
    """Wait for the end of a process by its pidfd, which is closed; False when it goes on."""
    try:
        poller = select.poll()
        poller.register(handle, select.POLLIN)
        return bool(poller.poll(timeout_s * 1000))
    finally:
        os.close(handle)


def first_child(pid: int) -> int | None:
    """The pid of a process's oldest child, or None."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    except OSError:
        return None
    return int(children[0]) if children else None
