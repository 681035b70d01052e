"""Ends what clients hold open on a node that is no longer the master: their packets go to the other one.

Left alone, a client would notice when it sends next (OCS's: within 300 s), front ends would serve users who
are not there, and a connection that is tried again here would tell the stick tables of another front end.
"""

import math
import time

from lbadmin.errors import UnavailableError
from lbadmin.haproxy import HAProxy, Session
from lbadmin.pair.role import Roles
from lbadmin.system import System

SETTLED_S = 5.0
"""A role that is younger may be that of a restarted keepalived, which listens before it is master again.
HAProxy tries another front end later (option redispatch: after the third of tries of up to 4 s each)."""

SPREAD_S = 10.0
"""All clients that come back at once would be a load that no day has otherwise."""
TICK_S = 1.0


class Farewell:
    """Ends sessions on a node that has given its role away; each new role has to wake `work`."""

    def __init__(self, system: System, roles: Roles) -> None:
        self._haproxy = HAProxy(system)
        self._roles = roles
        self._ends_at: float | None = None

    def work(self) -> float | None:
        """End some of the sessions; return the seconds until the next time, None: not before a new role."""
        since = self._roles.since()
        if self._roles.role() not in {"slave", "fault"} or since is None:
            self._ends_at = None
            return None
        if (young_s := SETTLED_S - (time.time() - since.timestamp())) > 0:
            return min(young_s, SETTLED_S)
        try:
            return self._end_some()
        except UnavailableError:
            return None  # without HAProxy there are no sessions

    def _end_some(self) -> float | None:
        sessions, now = self._haproxy.sessions(), time.monotonic()
        if not sessions:
            self._ends_at = None
            return None
        if self._ends_at is None:
            self._ends_at = now + SPREAD_S
        self._haproxy.end(share_of(sessions, self._ends_at - now))
        return TICK_S


def share_of(sessions: list[Session], left_s: float) -> list[Session]:
    """Return which of the sessions to end now when all are to be ended in that time.

    Those that no real server has answered yet are among them: nobody waits for their answers.
    """
    served = [session for session in sessions if session.served]
    share = math.ceil(len(served) / max(1.0, left_s / TICK_S))
    return [session for session in sessions if not session.served] + served[:share]
