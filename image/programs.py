"""Other people's programs, and our own jobs: what they say, or a `BuildError` with their last words."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from image.errors import BuildError

DISK_HINT = "is the disk full? `df -h .`"
_BANNER = re.compile(r"(debugfs|dumpe2fs|e2fsck) \d")


@contextmanager
def as_job() -> Iterator[None]:
    """End this process when the block fails, with the message and hint that image/release.py passes on."""
    try:
        yield
    except BuildError as error:
        sys.exit(str(error))
    except OSError as error:
        sys.exit(str(BuildError(str(error), hint=DISK_HINT)))


def run(command: Sequence[str], *, data: str = "", hint: str = DISK_HINT, **environment: str) -> str:
    """Return what a program prints; `data` is its standard input. Raises `BuildError` when it fails."""
    return _run(command, data, hint, environment).stdout


def run_e2fsprogs(command: Sequence[str], *, data: str = "", **environment: str) -> str:
    """Return what a program of e2fsprogs prints. Raises `BuildError` when it fails.

    debugfs goes on after an error and ends with status 0: whatever it says but its own name is one.
    """
    result = _run(command, data, DISK_HINT, {**environment, "LC_ALL": "C"})
    words = [line for line in result.stderr.splitlines() if line.strip() and not _BANNER.match(line)]
    if words:
        raise BuildError(f"{command[0]} failed: {words[0].strip()}", hint=DISK_HINT)
    return result.stdout


def _run(
    command: Sequence[str], data: str, hint: str, environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    variables = {**os.environ, **environment}
    try:
        result = subprocess.run(
            command, input=data, capture_output=True, text=True, errors="replace", env=variables, check=False
        )
    except OSError as error:
        raise BuildError(
            f"{command[0]} does not run: {error.strerror}", hint="run `make prepare` as root"
        ) from error
    if result.returncode:
        words = result.stderr.strip().splitlines()[-1:] or [f"it ended with status {result.returncode}"]
        raise BuildError(f"{command[0]} failed: {words[0]}", hint=hint)
    return result
