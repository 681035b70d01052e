"""/peer: what the other node of the pair asks of this one, through the TLS that both have pinned."""

import logging
import time

from fastapi import APIRouter
from pydantic import BaseModel

from lbadmin.api.auth import FromPeer
from lbadmin.api.context import Context, ContextDep
from lbadmin.client import PREFIX
from lbadmin.errors import LbadminError, PairError, StaleError
from lbadmin.pair.model import PairId
from lbadmin.pair.protocol import SentCluster, SentPoint
from lbadmin.pair.truth import Hello, HelloAnswer, Text

router = APIRouter(prefix=f"{PREFIX}/peer", dependencies=[FromPeer], include_in_schema=False)

log = logging.getLogger(__name__)


class Push(SentCluster):
    """A ClusterConfig, and the one that it is to replace."""

    id: PairId
    replaces: SentPoint


class Resolution(BaseModel):
    """Who decided that both nodes keep the configuration of the one that is asked."""

    id: PairId
    who: Text


@router.post("/hello")
def hello(context: ContextDep, said: Hello) -> HelloAnswer:
    """Exchange truths: one request informs both nodes."""
    _check_pair(context, said.id)
    known = context.pair.sync.greeted(said.truth, said.time)
    if context.pair.sync.needs_work():
        context.pair.wake()
    return _answer(context, knows_yours=known)


@router.put("/cluster")
def adopt(context: ContextDep, push: Push) -> HelloAnswer:
    """Take the other node's ClusterConfig; why it can't be taken is told with every hello from then on."""
    _check_pair(context, push.id)
    given = push.given()
    try:
        context.changes.adopt(given, push.replaces.point())
    except StaleError:
        raise
    except LbadminError as error:
        context.pair.witness.refuse(given.point, error)
        log.warning("revision %d of the peer was refused: %s", given.revision, error)
        raise
    return _answer(context, knows_yours=True)


@router.post("/resolve")
def resolve(context: ContextDep, resolution: Resolution) -> HelloAnswer:
    """Give the other node this one's ClusterConfig in place of its own: it was decided there."""
    _check_pair(context, resolution.id)
    context.pair.sync.keep_ours(resolution.who)
    return _answer(context, knows_yours=True)


def _check_pair(context: Context, pair_id: str) -> None:
    pair = context.pair.config
    if pair is None or pair.id != pair_id:
        raise PairError("this node is not in that pair; break it and pair again")


def _answer(context: Context, *, knows_yours: bool) -> HelloAnswer:
    return HelloAnswer(truth=context.pair.witness.tell(), time=time.time(), knows_yours=knows_yours)
