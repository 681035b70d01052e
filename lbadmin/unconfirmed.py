"""A change that could cut off whoever made it holds for a minute, unless it is confirmed.

What was in effect before is noted on disk for as long as it may come back, so that a reboot or a crash in
that minute takes the change back, too. Needs nothing but the standard library: boot uses it.
"""

import json
import logging
import time
from dataclasses import dataclass
from math import ceil

from lbadmin.errors import StorageError
from lbadmin.store import Store, sync, write_durably
from lbadmin.system import System

CONFIRM_S = 60.0
"""How long an unconfirmed change holds: time to open the page at its new address."""

AUTHOR = "lbadmind"
NOT_CONFIRMED = ", which was not confirmed"
"""Ends the description of a revision that took a change back for that reason."""

WHAT = f"take back: the last change{NOT_CONFIRMED}"

_NOTE = "unconfirmed.json"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Unconfirmed:
    """A change that waits: the revision of NodeConfig before it, and until when (time.monotonic) it holds."""

    before: int
    until_s: float
    who: str
    what: str

    def seconds_left(self) -> int:
        """Return for how long the change still holds, in whole seconds."""
        return max(0, ceil(self.until_s - time.monotonic()))


def note(system: System, before: int) -> None:
    """Note on disk which revision of NodeConfig comes back. Raises StorageError."""
    try:
        system.state.mkdir(parents=True, exist_ok=True)
        write_durably(system.state / _NOTE, json.dumps({"before": before}).encode(), mode=0o600)
    except OSError as error:
        raise StorageError(
            f"the change could not be written: {error.strerror}; nothing was changed, free some space"
        ) from error


def forget(system: System) -> None:
    """Remove the note. Raises OSError."""
    (system.state / _NOTE).unlink(missing_ok=True)
    if system.state.is_dir():
        sync(system.state)


def noted(system: System) -> int | None:
    """Return the revision that comes back, None when no change waits."""
    try:
        return int(json.loads((system.state / _NOTE).read_bytes())["before"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError):
        log.exception("the note of an unconfirmed change can't be read; the change stays")
        return None


def take_back(system: System) -> None:
    """Bring back what an unconfirmed change has replaced, for the boot. Raises StorageError and OSError."""
    before = noted(system)
    if before is None:
        return
    nodes = Store(system.state / "node")
    revision = nodes.read(before)
    # Revision 0 is the factory's, which no file holds.
    if revision is not None or before == 0:
        nodes.commit(revision.document if revision else {}, AUTHOR, WHAT)
        log.warning("the last change of this node's configuration was not confirmed and is taken back")
    forget(system)
