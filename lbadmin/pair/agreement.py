"""The newest ClusterConfig that both nodes of a pair were seen to have.

It is on the disk because the history does not reach back for ever: a peer may be away for more changes than
are kept, and comes back with what both had.
"""

import json
import logging
from pathlib import Path

from lbadmin.change import Point
from lbadmin.store import write_durably

log = logging.getLogger(__name__)


class Agreement:
    """What one pair, by its id, agreed on last."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._agreed: tuple[str, Point] | None = None
        try:
            stored = json.loads(path.read_bytes())
            self._agreed = str(stored["id"]), Point(int(stored["revision"]), str(stored["hash"]))
        except FileNotFoundError:
            pass
        except (OSError, ValueError, KeyError, TypeError):
            log.exception("%s could not be read; it is written anew when the nodes are in sync", path)

    def note(self, pair_id: str, point: Point) -> None:
        """Remember that both nodes have this; a disk that is full forgets it with the next start."""
        if self._agreed == (pair_id, point):
            return
        self._agreed = pair_id, point
        try:
            write_durably(self._path, json.dumps({"id": pair_id, **point._asdict()}).encode(), mode=0o600)
        except OSError:
            log.exception("%s could not be written", self._path)

    def holds(self, pair_id: str, point: Point) -> bool:
        """Tell whether this is what the pair agreed on last."""
        return self._agreed == (pair_id, point)

    def forget(self) -> None:
        """Forget the pair."""
        if self._agreed is not None:
            self._agreed = None
            self._path.unlink(missing_ok=True)
