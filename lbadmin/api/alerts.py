"""/alerts: what has happened, and whether its ways out work."""

from fastapi import APIRouter
from pydantic import BaseModel

from lbadmin.alerts.event import Event
from lbadmin.api.auth import Caller
from lbadmin.api.context import ContextDep
from lbadmin.api.problems import RESPONSES
from lbadmin.client import PREFIX

router = APIRouter(prefix=f"{PREFIX}/alerts", responses=RESPONSES, tags=["monitoring"])


class LatestAlerts(BaseModel):
    """The latest alerts of this node, newest first."""

    alerts: list[Event]


class AlertResult(BaseModel):
    """How the test of one way ended: `problem` is none when the other side has taken it."""

    way: str
    problem: str | None


class AlertResults(BaseModel):
    """How the test of each way that is set up ended."""

    results: list[AlertResult]


@router.get("", operation_id="getAlerts", summary="Read the latest alerts")
def get_alerts(context: ContextDep, _: Caller) -> LatestAlerts:
    """What has happened to this node, whether or not it was told by mail or webhook; kept across restarts."""
    return LatestAlerts(alerts=context.alerts.latest())


@router.post("/test", operation_id="testAlerts", summary="Send a test by mail and webhook")
def send_test(context: ContextDep, _: Caller) -> AlertResults:
    """Waits until the relay and the webhook have answered, up to a minute."""
    outcomes = context.alerts.test()
    return AlertResults(results=[AlertResult(way=each.way, problem=each.problem) for each in outcomes])
