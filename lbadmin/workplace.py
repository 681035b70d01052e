"""Private folders for what programs are given to read, gone afterwards.

They may hold private keys, so they are in memory; systemd empties the place when lbadmind stops, however it
does (RuntimeDirectory= of its unit).
"""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from lbadmin.system import System

WORKPLACE = "/run/lbadmin-work"


@contextlib.contextmanager
def workplace(system: System, what: str) -> Iterator[tuple[Path, str]]:
    """Yield a folder for root alone, and its path as the appliance's programs see it. Raises OSError."""
    place = system.path(WORKPLACE)
    if not place.exists():
        place.mkdir()
        # What is checked as another user is in a folder of that user's group below it.
        place.chmod(0o711)
    with tempfile.TemporaryDirectory(dir=place, prefix=f"{what}-") as folder:
        yield Path(folder), f"{WORKPLACE}/{Path(folder).name}"
