"""Time zone and time servers."""

import re
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field, WithJsonSchema

from lbadmin.document import Document
from lbadmin.node.hosts import Host

MAX_SERVERS = 8

_ZONE = re.compile(r"[A-Z][A-Za-z0-9_+-]{0,31}(/[A-Za-z][A-Za-z0-9_+-]{0,31}){0,2}", re.ASCII)


def _time_zone(value: object) -> str:
    text = value.strip() if isinstance(value, str) else ""
    try:
        known = _ZONE.fullmatch(text) is not None and ZoneInfo(text) is not None
    except (OSError, ValueError, KeyError):  # no such zone, a folder of zones, or no zone's file
        known = False
    if not known:
        raise ValueError(
            "is not a time zone of the tz database; write it such as Europe/Berlin, America/New_York or UTC"
        )
    return text


TimeZone = Annotated[
    str,
    BeforeValidator(_time_zone),
    WithJsonSchema({"type": "string", "examples": ["Europe/Berlin", "UTC"]}),
]


class TimeSettings(Document):
    """Time zone and time servers; without a server the clock is the machine's own, or its hypervisor's."""

    time_zone: TimeZone = "UTC"
    ntp_servers: Annotated[tuple[Host, ...], Field(max_length=MAX_SERVERS)] = ()
