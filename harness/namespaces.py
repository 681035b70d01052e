"""Sockets and programs inside a lab's namespaces, while the caller stays outside.

A socket belongs for ever to the network namespace that its maker's thread was in. So a thread that
lives for one call enters the namespace, makes the socket and dies; the caller never moves.
"""

import ctypes
import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

_CLONE_NEWNET = 0x40000000  # linux/sched.h
_libc = ctypes.CDLL(None, use_errno=True)


def _enter_network(path: Path) -> None:
    """Move the calling thread into a network namespace; os.setns needs Python 3.12."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if _libc.setns(handle, _CLONE_NEWNET) != 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code), str(path))
    finally:
        os.close(handle)


def in_network(path: Path, action: Callable[[], T]) -> T:
    """Do `action` in a thread inside the network namespace at `path`; return or raise what it does."""
    answers: list[T] = []
    errors: list[BaseException] = []

    def work() -> None:
        try:
            _enter_network(path)
            answers.append(action())
        except BaseException as error:  # noqa: BLE001 - it is raised again in the caller's thread
            errors.append(error)

    thread = threading.Thread(target=work, name=f"in {path.name}", daemon=True)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return answers[0]


def enter_argv(init_pid: int, network: Path, argv: Sequence[str]) -> list[str]:
    """The command that runs `argv` as a member of a lab: its mounts, its pids, one of its networks.

    As a member of the lab's pid namespace the program ends when the lab ends, whatever happens.
    """
    return [
        "nsenter",
        f"--mount=/proc/{init_pid}/ns/mnt",
        f"--pid=/proc/{init_pid}/ns/pid",
        f"--net={network}",
        # Entering a mount namespace otherwise moves the program to its root.
        f"--wdns={Path.cwd()}",
        "--",
        *argv,
    ]
