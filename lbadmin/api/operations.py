"""/status and /services: how the appliance is, and its daemons' buttons."""

from fastapi import APIRouter

from lbadmin.api.auth import Caller
from lbadmin.api.context import ContextDep
from lbadmin.api.problems import RESPONSES
from lbadmin.client import PREFIX
from lbadmin.status import Status, status_of

router = APIRouter(prefix=PREFIX, responses=RESPONSES, tags=["operations"])


@router.get("/status", operation_id="getStatus", summary="Read the status of node, services and servers")
def get_status(context: ContextDep, _: Caller) -> Status:
    """Health and traffic as HAProxy sees them now, and what is pending."""
    return status_of(context.changes, context.haproxy, factory_password=context.access.factory_password)


@router.post(
    "/services/haproxy/reload", operation_id="reloadHaproxy", summary="Reload HAProxy", status_code=204
)
def reload_haproxy(context: ContextDep, who: Caller) -> None:
    """Graceful: connections that are open stay with the old worker until they end."""
    context.changes.reload_haproxy(who)


@router.post(
    "/services/haproxy/restart", operation_id="restartHaproxy", summary="Restart HAProxy", status_code=204
)
def restart_haproxy(context: ContextDep, who: Caller) -> None:
    """Not graceful: all connections end, and persistence begins anew."""
    context.changes.restart_haproxy(who)
