"""The clock as chronyd keeps it: by which server, how far off, and which servers do not answer."""

import threading
import time
from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BaseModel

from lbadmin.node.time import TimeSettings
from lbadmin.system import System

KEEP_S = 5.0
"""How long an answer of chronyd's is good for: every open page asks every few seconds."""

PATIENCE_S = 30.0
"""A server that has not answered for this long after it was named does not answer (iburst takes 8 s)."""

_TRACKING_FIELDS = 14
_SOURCE_FIELDS = 10


class TimeServer(BaseModel):
    """A time server: whether it answers, and whether the clock follows it; the offset is in seconds."""

    name: str
    answers: bool
    selected: bool
    offset_s: float | None


class ClockStatus(BaseModel):
    """What time it is here (ISO 8601, with the offset of the time zone), and how sure that is.

    `offset_s` is how far the clock is off, in seconds, None as long as no server tells.
    """

    now: str
    time_zone: str
    synchronised: bool
    server: str | None
    offset_s: float | None
    servers: list[TimeServer]


class Clock:
    """Asks chronyd, seldom. Safe to use from several threads."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._lock = threading.Lock()
        self._settings = TimeSettings()
        self._settings_since = time.monotonic()
        self._asked = 0.0
        self._answer: tuple[list[TimeServer], str | None, float | None] = ([], None, None)

    def status(self, settings: TimeSettings) -> ClockStatus:
        """Return what chronyd says now, or said moments ago."""
        servers, server, offset_s = self._ask(settings)
        return ClockStatus(
            now=datetime.now(ZoneInfo(settings.time_zone)).isoformat(timespec="seconds"),
            time_zone=settings.time_zone,
            synchronised=server is not None,
            server=server,
            offset_s=offset_s,
            servers=servers,
        )

    def silent(self, settings: TimeSettings) -> list[str]:
        """Return the time servers that do not answer, as soon as that is sure."""
        servers, _, _ = self._ask(settings)
        if time.monotonic() - self._settings_since < PATIENCE_S:
            return []
        return [each.name for each in servers if not each.answers]

    def _ask(self, settings: TimeSettings) -> tuple[list[TimeServer], str | None, float | None]:
        with self._lock:
            now = time.monotonic()
            if settings != self._settings:
                self._settings, self._settings_since, self._asked = settings, now, 0.0
            if now - self._asked > KEEP_S or not self._asked:
                self._answer = self._chronyd(settings) if settings.ntp_servers else ([], None, None)
                self._asked = now
            return self._answer

    def _chronyd(self, settings: TimeSettings) -> tuple[list[TimeServer], str | None, float | None]:
        servers = list(_servers(self._run("sources", "-a"), settings))
        tracking = next(iter(self._run("tracking")), [])
        if len(tracking) < _TRACKING_FIELDS or tracking[-1] == "Not synchronised":
            return servers, None, None
        selected = next((each.name for each in servers if each.selected), tracking[1])
        return servers, selected, float(tracking[4])

    def _run(self, *command: str) -> list[list[str]]:
        result = self._system.run(["chronyc", "-c", "-N", *command])
        return [line.split(",") for line in result.output.splitlines()] if result.status == 0 else []


def _servers(rows: list[list[str]], settings: TimeSettings) -> Iterator[TimeServer]:
    """Yield the configured servers in their order; chronyd does not know those that it never reached."""
    # mode, state, name, stratum, poll, reach, last sample, its adjusted and its measured offset, its error
    known = {row[2]: row for row in rows if len(row) == _SOURCE_FIELDS}
    for name in dict.fromkeys(settings.ntp_servers):
        row = known.get(name)
        answers = row is not None and row[5] != "0"
        yield TimeServer(
            name=name,
            answers=answers,
            selected=row is not None and row[1] == "*",
            offset_s=float(row[8]) if row is not None and answers else None,
        )


@lru_cache(maxsize=1)
def time_zones() -> tuple[str, ...]:
    """Return the names of all time zones of the tz database, UTC first."""
    named = {name for name in available_timezones() if name[0].isupper() and name not in {"Factory", "UTC"}}
    return ("UTC", *sorted(named))
