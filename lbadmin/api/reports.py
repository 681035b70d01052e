"""/reports: HAProxy's own view of itself."""

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from lbadmin.api.auth import Caller
from lbadmin.api.context import ContextDep
from lbadmin.api.problems import RESPONSES
from lbadmin.client import PREFIX
from lbadmin.render.haproxy import STATS_SOCKET
from lbadmin.statspage import fetch_page

router = APIRouter(prefix=f"{PREFIX}/reports", responses=RESPONSES, tags=["operations"])


@router.get(
    "/layer7",
    operation_id="getLayer7Report",
    summary="Read HAProxy's statistics page",
    response_class=HTMLResponse,
)
def get_layer7(context: ContextDep, _: Caller) -> str:
    """A page of HTML for people; /status has the figures for programs."""
    return fetch_page(context.system.path(STATS_SOCKET))
