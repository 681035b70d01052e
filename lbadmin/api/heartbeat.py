"""/pair/take-over, /pair/hand-over, /services/heartbeat: the role is moved; and what the peer asks of it."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field

from lbadmin.api.auth import Caller, FromPeer
from lbadmin.api.context import ContextDep
from lbadmin.api.problems import RESPONSES
from lbadmin.client import PREFIX
from lbadmin.pair.failovers import Told
from lbadmin.pair.role import Role

router = APIRouter(prefix=PREFIX, responses=RESPONSES, tags=["pair"])


class RoleNow(BaseModel):
    """The role of this node."""

    role: Role


class HeartbeatRestart(BaseModel):
    """What came of it: `peer` says why the peer's heartbeat was not restarted, null when it was."""

    peer: str | None


class StandBy(BaseModel):
    """Who asked for it, for the record."""

    who: Annotated[str, Field(min_length=1, max_length=200)]


@router.post("/pair/take-over", operation_id="takeOver", summary="Make this node the master")
def take_over(context: ContextDep, who: Caller) -> RoleNow:
    """Refused unless this node is a slave that can serve.

    Open connections end, clients connect anew and return to their real server.
    """
    context.pair.take_over.take_over(who)
    return RoleNow(role=context.pair.heartbeat.role())


@router.post("/pair/hand-over", operation_id="handOver", summary="Make the peer the master")
def hand_over(context: ContextDep, who: Caller) -> RoleNow:
    """Refused unless this node is the master and the peer can serve; see take-over."""
    context.pair.take_over.hand_over(who)
    return RoleNow(role=context.pair.heartbeat.role())


@router.post("/services/heartbeat/restart", operation_id="restartHeartbeat", summary="Restart heartbeat")
def restart_heartbeat(context: ContextDep, _: Caller) -> HeartbeatRestart:
    """Let keepalived read its configuration anew, here and on the peer; the master stays the master."""
    return HeartbeatRestart(peer=context.pair.take_over.restart())


@router.get("/peer/heartbeat", dependencies=[FromPeer], include_in_schema=False)
def get_heartbeat(context: ContextDep) -> Told:
    """What this node tells the peer of its role."""
    return context.pair.heartbeat.chronicle.tell()


@router.post("/peer/stand-by", dependencies=[FromPeer], include_in_schema=False)
def stand_by(context: ContextDep, wish: StandBy) -> RoleNow:
    """Give the role away: the peer takes over."""
    context.pair.take_over.stand_by(wish.who)
    return RoleNow(role=context.pair.heartbeat.role())


@router.post("/peer/heartbeat/restart", dependencies=[FromPeer], include_in_schema=False, status_code=204)
def restart_own_heartbeat(context: ContextDep) -> None:
    """Let keepalived of this node alone read its configuration anew."""
    context.pair.heartbeat.restart()
