"""keepalived on this node: its role, what keeps it from being master, its restart, what has happened."""

from datetime import datetime

from lbadmin.activate import HEARTBEAT_PENDING, restart_heartbeat
from lbadmin.change import Changes
from lbadmin.pair.channel import Channel
from lbadmin.pair.chronicle import Chronicle
from lbadmin.pair.failovers import Failover
from lbadmin.pair.model import joined
from lbadmin.pair.role import Role, Roles
from lbadmin.pair.watch import Watch
from lbadmin.system import System
from lbadmin.worker import Worker

__all__ = ["Heartbeat", "Role"]


class Heartbeat:
    """keepalived on this node. Safe to use from several threads."""

    def __init__(self, system: System, changes: Changes) -> None:
        self._system = system
        self._changes = changes
        self.roles = Roles(system, lambda: joined(changes.current.pair) is not None)
        self.watch = Watch(changes)
        self.chronicle = Chronicle(changes, Channel(system), self.roles, self.watch)
        self._follower = Worker("chronicle", self.chronicle.work)
        changes.planned_restart = self.watch.planned_restart

    def start(self) -> None:
        """Begin to watch this node and to follow its role."""
        self.watch.start()
        self._follower.start()

    def stop(self) -> None:
        """Watch and follow no longer; keepalived goes on."""
        self.watch.stop()
        self._follower.stop()

    def wake(self) -> None:
        """Look at once, as after a change of the pair."""
        self.watch.wake()
        self._follower.wake()

    def role(self) -> Role:
        """Return what this node is now; unknown while keepalived has not said."""
        return self.roles.role()

    def since(self) -> datetime | None:
        """Return when the role began."""
        return self.roles.since()

    def readiness(self) -> list[str]:
        """Return why this node can't serve, sentences; none when it can."""
        return self.watch.readiness()

    def failovers(self) -> list[Failover]:
        """Return the changes of the master, newest first."""
        return self.chronicle.failovers()

    def restart_pending(self) -> bool:
        """Tell whether keepalived has yet to read the file of a new pair."""
        return self._system.path(HEARTBEAT_PENDING).exists()

    def restart(self) -> None:
        """Let keepalived read its file on this node. Raises ActivationError."""
        restart_heartbeat(self._system, self._changes.current.rendering)
        self.wake()
