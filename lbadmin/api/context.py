"""What the routes share: the parts of the management plane, and how a route gets hold of them."""

from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Request

from lbadmin.alerts.alerts import Alerts
from lbadmin.console.reset import PasswordReset
from lbadmin.parts import Parts


@dataclass(frozen=True)
class Context(Parts):
    """The parts; processes of `web_uids` may speak for remote clients, those of `peer_uids` for the peer."""

    alerts: Alerts
    password_reset: PasswordReset
    web_uids: frozenset[int]
    peer_uids: frozenset[int]


def _context(request: Request) -> Context:
    return cast("Context", request.app.state.context)


ContextDep = Annotated[Context, Depends(_context)]
