"""What the routes share: the parts of the management plane, and how a route gets hold of them."""

from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Request

from lbadmin.access import Access
from lbadmin.alerts.alerts import Alerts
from lbadmin.change import Changes
from lbadmin.console.reset import PasswordReset
from lbadmin.haproxy import HAProxy
from lbadmin.licensing.licensing import Licensing
from lbadmin.pair.parts import Pair
from lbadmin.system import System
from lbadmin.timekeeping import Clock


@dataclass(frozen=True)
class Context:
    """The parts; processes of `web_uids` may speak for remote clients, those of `peer_uids` for the peer."""

    system: System
    changes: Changes
    haproxy: HAProxy
    access: Access
    pair: Pair
    licensing: Licensing
    clock: Clock
    alerts: Alerts
    password_reset: PasswordReset
    web_uids: frozenset[int]
    peer_uids: frozenset[int]


def _context(request: Request) -> Context:
    return cast("Context", request.app.state.context)


ContextDep = Annotated[Context, Depends(_context)]
