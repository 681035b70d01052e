"""One thing that has happened, as it is kept, shown and sent."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

Name = Literal[
    "real-server-down",
    "real-server-up",
    "real-server-flapping",
    "master",
    "fault",
    "warning",
    "warning-over",
    "test",
]
Severity = Literal["info", "warning", "critical"]


class Event(BaseModel):
    """What happened to what (`object`: SERVICE/SERVER or the node's name), as one sentence; UTC."""

    model_config = ConfigDict(frozen=True)

    event: Name
    severity: Severity
    object: str
    text: str
    time: datetime
