"""/node/time, /node/time-zones and /node/mail: how the clock is, and whether the relay takes mails."""

from fastapi import APIRouter
from pydantic import BaseModel

from lbadmin.api.auth import Caller
from lbadmin.api.context import ContextDep
from lbadmin.api.problems import RESPONSES
from lbadmin.client import PREFIX
from lbadmin.mailing import password_of, send
from lbadmin.timekeeping import ClockStatus, time_zones

router = APIRouter(prefix=f"{PREFIX}/node", responses=RESPONSES, tags=["operations"])


class Zone(BaseModel):
    """A time zone of the tz database."""

    label: str


class Zones(BaseModel):
    """The time zones that there are."""

    time_zones: list[Zone]


@router.get("/time", operation_id="getTime", summary="Tell of the clock and its time servers")
def get_time(context: ContextDep, _: Caller) -> ClockStatus:
    """What time it is here, by which server, and which servers answer."""
    return context.clock.status(context.changes.current.node.time)


@router.get("/time-zones", operation_id="listTimeZones", summary="List the time zones")
def list_time_zones(_: Caller) -> Zones:
    """The names that `time.time_zone` of PATCH /node takes."""
    return Zones(time_zones=[Zone(label=name) for name in time_zones()])


@router.post("/mail/test", operation_id="testMail", summary="Send a test mail", status_code=204)
def test_mail(context: ContextDep, who: Caller) -> None:
    """Sends a mail by the relay of the configuration to all of its recipients; 409 has the relay's words."""
    node = context.changes.current.node
    text = (
        f"This is a test mail of the load balancer {node.hostname}, asked for by {who}.\n"
        "Its SMTP relay takes mails.\n"
    )
    password = password_of(context.changes.secrets, node.mail)
    send(context.system, node.mail, password, f"Test mail of {node.hostname}", text)
