"""Factory reset: a marker in the state, and the next boot empties the state before it reads it.

Needs nothing but the standard library: boot looks for the marker.
"""

import logging
import os
from pathlib import Path

from lbadmin.store import write_durably
from lbadmin.system import System

MARKER = "factory-reset"

log = logging.getLogger(__name__)


def is_requested(system: System) -> bool:
    """Tell whether the next boot empties the state."""
    return (system.state / MARKER).exists()


def request_reset(system: System, who: str) -> None:
    """Let the next boot empty the state. Raises OSError."""
    write_durably(system.state / MARKER, f"{who}\n".encode(), mode=0o600)


def carry_out(system: System) -> None:
    """Empty the state when that was requested; the marker goes last, and stays when something else does.

    So a power cut or a bad block leads to another try at the next boot, and never to half of an old state.
    """
    if not is_requested(system):
        return
    log.warning("factory reset: everything below %s is removed", system.state)
    left = [name for name in os.listdir(system.state) if name != MARKER and not _removed(system.state / name)]  # noqa: PTH208 - as in store
    if left:
        log.critical("factory reset: %s can't be removed; the next boot tries again", ", ".join(left))
        return
    folder = os.open(system.state, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
        (system.state / MARKER).unlink()
        os.fsync(folder)
    finally:
        os.close(folder)


def _removed(path: Path) -> bool:
    import shutil  # noqa: PLC0415 - every boot loads this module, and hardly any resets

    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    except OSError:
        log.exception("factory reset: %s", path)
        return False
    return True
