"""The role of this node, as keepalived gives it."""

from datetime import UTC, datetime
from typing import Literal

from lbadmin.activate import HEARTBEAT_PENDING, restart_heartbeat
from lbadmin.change import Changes
from lbadmin.pair.model import joined
from lbadmin.system import System

Role = Literal["single", "master", "slave", "fault", "unknown"]

ROLE_FILE = "/run/lbadmin/role"
"""Written at each change by keepalived's notify script: the state, and since when (seconds since 1970)."""

_ROLES: dict[str, Role] = {"MASTER": "master", "BACKUP": "slave", "FAULT": "fault"}


class Heartbeat:
    """keepalived on this node. Safe to use from several threads."""

    def __init__(self, system: System, changes: Changes) -> None:
        self._system = system
        self._changes = changes

    def role(self) -> Role:
        """Return what this node is now; unknown while keepalived has not said."""
        if joined(self._changes.current.pair) is None:
            return "single"
        return _ROLES.get(self._said()[0], "unknown")

    def since(self) -> datetime | None:
        """Return when the role began."""
        when = self._said()[1]
        return datetime.fromtimestamp(when, UTC) if when and self.role() != "single" else None

    def _said(self) -> tuple[str, float]:
        try:
            state, when = self._system.path(ROLE_FILE).read_text(encoding="ascii").split()
            return state, float(when)
        except (OSError, ValueError):
            return "", 0.0

    def restart_pending(self) -> bool:
        """Tell whether keepalived has yet to read the file of a new pair."""
        return self._system.path(HEARTBEAT_PENDING).exists()

    def restart(self) -> None:
        """Let keepalived read its file on this node. Raises ActivationError."""
        restart_heartbeat(self._system, self._changes.current.rendering)
