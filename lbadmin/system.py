"""The outside as lbadmin sees it: where things lie, and how programs are started. One object, passed in."""

import os
import re
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

COMMAND_TIMEOUT_S = 60.0
"""Under software emulation a check of a large configuration takes ten times its native second."""


@dataclass(frozen=True)
class Result:
    """How a program ended: exit status and everything it said."""

    status: int
    output: str


def run(command: Sequence[str]) -> Result:
    """Run a program; one that cannot be started or takes over COMMAND_TIMEOUT_S counts as failed."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=COMMAND_TIMEOUT_S,
            check=False,
            text=True,
            errors="replace",
        )
    except subprocess.TimeoutExpired:
        return Result(124, f"{command[0]} took longer than {COMMAND_TIMEOUT_S:.0f} s")
    except OSError as error:
        return Result(127, f"{command[0]} could not be started: {error.strerror}")
    return Result(done.returncode, done.stdout)


@dataclass(frozen=True)
class System:
    """Where the appliance's files lie (below `root`) and how its programs are run."""

    root: Path = Path("/")
    run: Callable[[Sequence[str]], Result] = field(default=run)

    def path(self, absolute: str) -> Path:
        """Return where the file that is at this absolute path on the appliance lies here."""
        return self.root / absolute.lstrip("/")

    @property
    def state(self) -> Path:
        """The folder that holds all state."""
        return self.path("/var/lib/lbadmin")

    def version(self) -> str:
        """Return the appliance's version, from the image's os-release."""
        try:
            text = self.path("/usr/lib/os-release").read_text(encoding="utf-8")
        except OSError:
            text = ""
        found = re.search(r'^IMAGE_VERSION="?([^"\n]+)"?$', text, re.MULTILINE)
        return found[1] if found else "unknown"

    def runs(self, pid_file: str) -> bool:
        """Tell whether the process whose id is in this file is there."""
        try:
            os.kill(int(self.path(pid_file).read_text(encoding="ascii")), 0)
        except (OSError, ValueError):
            return False
        return True

    def uptime_s(self) -> int:
        """Return the seconds since the machine started."""
        with Path("/proc/uptime").open(encoding="ascii") as file:
            return int(float(file.read().split()[0]))

    def hostname(self) -> str:
        """Return the machine's host name."""
        return os.uname().nodename
