"""What the routes share: the parts of the management plane, and how a route gets hold of them."""

from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Request

from lbadmin.access import Access
from lbadmin.change import Changes
from lbadmin.haproxy import HAProxy
from lbadmin.system import System


@dataclass(frozen=True)
class Context:
    """The parts; `web_uids` are the users whose processes may speak for remote clients."""

    system: System
    changes: Changes
    haproxy: HAProxy
    access: Access
    web_uids: frozenset[int]


def _context(request: Request) -> Context:
    return cast("Context", request.app.state.context)


ContextDep = Annotated[Context, Depends(_context)]
