"""The role of this node as keepalived gives it, and the roles it had since lbadmind last asked."""

import contextlib
import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Literal, NamedTuple

from lbadmin.render.keepalived import PRECEDENCE
from lbadmin.system import System

Role = Literal["single", "master", "slave", "fault", "unknown"]

ROLE_FILE = "/run/lbadmin/role"
"""The state of now and since when (seconds since 1970), written by overlay/usr/lib/lbva/role-changed."""
CHANGES_FILE = "/run/lbadmin/role-changes"
"""All states in their order, a line each, since lbadmind took the file away."""
ACKNOWLEDGED = "2\n"
"""What a master adds to its priority once the peer is its slave (render.keepalived.PRECEDENCE)."""
MAX_CHANGES = 1_000
"""What a flapping pair left while lbadmind was away is read from its end."""

_ROLES: dict[str, Role] = {"MASTER": "master", "BACKUP": "slave", "FAULT": "fault"}


log = logging.getLogger(__name__)


class RoleChange(NamedTuple):
    """A role and when it began, seconds since 1970 by this node's clock."""

    role: Role
    when: float


class Roles:
    """What keepalived says. Safe to use from several threads, `taken` from one."""

    def __init__(self, system: System, is_joined: Callable[[], bool]) -> None:
        self._file = system.path(ROLE_FILE)
        self._changes = system.path(CHANGES_FILE)
        self._taken = self._changes.with_name(f"{self._changes.name}.taken")
        self._precedence = system.path(PRECEDENCE)
        self._is_joined = is_joined

    def role(self) -> Role:
        """Return what this node is now; unknown while keepalived has not said."""
        return self._said().role if self._is_joined() else "single"

    def since(self) -> datetime | None:
        """Return when the role began."""
        when = self._said().when
        return datetime.fromtimestamp(when, UTC) if when and self._is_joined() else None

    def acknowledge(self) -> None:
        """Let the peer, which was heard to be the slave of this master, go first when it takes over next."""
        try:
            if self._precedence.read_text(encoding="ascii") not in {"0\n", ACKNOWLEDGED}:
                self._precedence.write_text(ACKNOWLEDGED, encoding="ascii")
        except (OSError, UnicodeDecodeError):
            log.exception("%s could not be changed", self._precedence)

    def forget(self) -> None:
        """Remove what was said of a pair that is no more."""
        for file in (self._file, self._changes, self._taken, self._precedence):
            file.unlink(missing_ok=True)

    def put_aside(self) -> bool:
        """Take the file of changes away, so that the next ones begin a new one; tell whether there is any.

        A line that is being written meanwhile still gets there before `taken` reads it, a moment later.
        """
        if not self._taken.exists():
            with contextlib.suppress(FileNotFoundError):
                self._changes.rename(self._taken)
        return self._taken.exists()

    @contextlib.contextmanager
    def taken(self) -> Iterator[list[RoleChange]]:
        """Yield the changes that were put aside, and remove them afterwards: none is lost with lbadmind."""
        try:
            lines = self._taken.read_text(encoding="ascii").splitlines()
        except (FileNotFoundError, UnicodeDecodeError):
            lines = []
        yield [change for change in map(_parsed, lines[-MAX_CHANGES:]) if change.when]
        self._taken.unlink(missing_ok=True)

    def _said(self) -> RoleChange:
        try:
            return _parsed(self._file.read_text(encoding="ascii"))
        except (OSError, UnicodeDecodeError):
            return RoleChange("unknown", 0.0)


def _parsed(line: str) -> RoleChange:
    try:
        state, when = line.split()
        return RoleChange(_ROLES.get(state, "unknown"), float(when))
    except ValueError:
        return RoleChange("unknown", 0.0)
