"""A machine's serial console on the terminal: whoever leaves, the machine goes on."""

import contextlib
import os
import select
import socket
import sys
import termios
import tty
from collections.abc import Iterator
from pathlib import Path

from harness.errors import LabError

_DETACH = b"\x1d"  # Ctrl-], as in telnet and virsh
_PIECE = 4096
_SHOWN = 2000  # bytes of the past that are shown first


@contextlib.contextmanager
def _raw(terminal: int) -> Iterator[None]:
    """The terminal without line editing and signals within the block; nothing happens to a pipe."""
    if not os.isatty(terminal):
        yield
        return
    before = termios.tcgetattr(terminal)
    tty.setraw(terminal)
    try:
        yield
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)


def attach(path: Path, log: Path) -> None:
    """Join the terminal to the console socket at `path` until Ctrl-], or until the machine goes off.

    The end of the console's log is shown first. Raises LabError when the machine is off.
    """
    source, target = sys.stdin.fileno(), sys.stdout.fileno()
    with socket.socket(socket.AF_UNIX) as console:
        try:
            console.connect(str(path))
        except OSError as error:
            raise LabError(
                f"the console does not answer: {error}", "is the machine on? `lab status`"
            ) from error
        os.write(sys.stderr.fileno(), b"Ctrl-] leaves the console; the machine goes on.\r\n")
        with contextlib.suppress(OSError):
            os.write(target, log.read_bytes()[-_SHOWN:])
        with _raw(source):
            _join(console, source, target)


def _join(console: socket.socket, source: int, target: int) -> None:
    readers: list[int | socket.socket] = [console, source]
    while console in readers:
        ready, _writable, _exceptional = select.select(readers, [], [])
        if console in ready:
            data = console.recv(_PIECE)
            if not data:
                return
            os.write(target, data)
        if source in ready:
            typed = os.read(source, _PIECE)
            before, detach, _after = typed.partition(_DETACH)
            console.sendall(before)
            if detach:
                return
            if not typed:
                readers.remove(source)  # the end of a file that was piped in: go on watching
