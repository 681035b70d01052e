"""/status, /messages, /files and /services: how the appliance is, and its daemons' buttons."""

from fastapi import APIRouter
from pydantic import BaseModel

from lbadmin.api.auth import Caller
from lbadmin.api.context import ContextDep
from lbadmin.api.problems import RESPONSES
from lbadmin.client import PREFIX
from lbadmin.status import NodeMessages, Status, node_messages_of, status_of

router = APIRouter(prefix=PREFIX, responses=RESPONSES, tags=["operations"])


class Files(BaseModel):
    """The rendered files: text by absolute path on the appliance."""

    files: dict[str, str]


@router.get("/status", operation_id="getStatus", summary="Read the status of node, services and servers")
def get_status(context: ContextDep, _: Caller) -> Status:
    """Health and traffic as HAProxy sees them now, and what there is to tell."""
    return status_of(context)


@router.get("/messages", operation_id="getMessages", summary="Read what there is to tell")
def get_messages(context: ContextDep, _: Caller) -> NodeMessages:
    """The part of the status that every page shows, without the services."""
    return node_messages_of(context)


@router.get("/files", operation_id="getFiles", summary="Read the rendered files")
def get_files(context: ContextDep, _: Caller) -> Files:
    """The files that the daemons read, as in effect; they hold no secrets."""
    return Files(files=context.changes.current.rendering.files)


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
