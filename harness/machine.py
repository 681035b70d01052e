"""What tests may ask of a machine, whatever it is made of."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import paramiko

from harness.deadline import Deadline
from harness.result import Result


class Machine(Protocol):
    """A machine with a serial console and SSH; only what every kind of machine can do stands here.

    Methods that wait take a Deadline and raise DeadlineExceededError.
    """

    @property
    def name(self) -> str:
        """What the lab calls it: lb1."""

    @property
    def address(self) -> str:
        """Its management address."""

    def power_on(self) -> None:
        """Switch it on; returns before it has booted."""

    def power_off(self) -> None:
        """Cut the power: what it has not flushed to its disk is lost."""

    def shutdown(self, deadline: Deadline) -> None:
        """Press the power button and wait until it is off."""

    def is_on(self) -> bool:
        """Whether it has power."""

    def console_text(self) -> str:
        """All that the serial console has shown since the last power-on or restore."""

    def wait_for_console(self, text: str, deadline: Deadline) -> None:
        """Wait until the console has shown `text` since the last power-on or restore."""

    def wait_for_port(self, port: int, deadline: Deadline) -> None:
        """Wait until it accepts TCP connections on a port of its management address."""

    def ssh(self, deadline: Deadline) -> paramiko.SSHClient:
        """A connection as root; tried again until it succeeds. The caller closes it."""

    def run(
        self, command: str | Sequence[str], *, check: bool = True, timeout_s: float = 60, data: str = ""
    ) -> Result:
        """Run a shell command or an argument list as root, with `data` as its input.

        Raises CommandFailedError when `check` is set and its status is not 0, DeadlineExceededError
        when the machine does not let root in, or the command is silent, for `timeout_s`, and LabError
        when the machine goes meanwhile.
        """

    def screenshot(self, path: Path) -> None:
        """Write what the screen shows as a PNG."""

    def freeze(self) -> None:
        """Stop it in the middle of whatever it does; it notices nothing."""

    def thaw(self) -> None:
        """Undo `freeze`."""

    def link(self, nic: int, *, up: bool) -> None:
        """Pull or plug the cable of a network card, counted from 0."""

    def snapshot(self, name: str) -> None:
        """Keep its memory and disk under a name; it goes on running."""

    def restore(self, name: str, deadline: Deadline, *, set_clock: bool = True) -> None:
        """Go back to a snapshot, as often as wanted; it runs.

        Its clock goes on from the snapshot's time unless set right over SSH, which takes an emulated
        machine some seconds: leave that out where the time does not matter.
        """
