"""GET /pair, and the way out of a conflict."""

from typing import Literal

from fastapi import APIRouter

from lbadmin.api.auth import Caller
from lbadmin.api.context import ContextDep
from lbadmin.api.problems import RESPONSES
from lbadmin.client import PREFIX
from lbadmin.document import Document
from lbadmin.pair.status import PairStatus

router = APIRouter(prefix=f"{PREFIX}/pair", responses=RESPONSES, tags=["pair"])


class Choice(Document):
    """Whose configuration both nodes keep: that of the node that is asked, or its peer's."""

    keep: Literal["this", "peer"]


@router.get("", operation_id="getPair", summary="Read the state of the pair")
def get_pair(context: ContextDep, _: Caller) -> PairStatus:
    """Both nodes as this one knows them; nobody is asked for it, so `heard_s_ago` tells how old it is."""
    status = context.pair.status()
    if status.sync == "unreachable":
        context.pair.wake()
    return status


@router.post("/resolve", operation_id="resolveConflict", summary="Decide whose configuration both nodes keep")
def resolve_conflict(context: ContextDep, who: Caller, choice: Choice) -> PairStatus:
    """For a conflict, and for what the other node has refused; what is given up stays in the history."""
    if choice.keep == "this":
        context.pair.sync.keep_ours(who)
    else:
        context.pair.sync.keep_theirs(who)
    return context.pair.status()
