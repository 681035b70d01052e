"""/logs: the journal, for a live tail and for looking back."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from lbadmin import logs
from lbadmin.api.auth import Caller
from lbadmin.api.context import ContextDep
from lbadmin.api.problems import RESPONSES
from lbadmin.client import PREFIX

router = APIRouter(prefix=PREFIX, responses=RESPONSES, tags=["operations"])


def _printable(text: str) -> str:
    # A line's characters: a zero byte could not even be passed to journalctl.
    if any(ord(character) < ord(" ") or "\ud800" <= character <= "\udfff" for character in text):
        raise ValueError("is not printable text; leave control characters out")
    return text


def _cursor(value: str | None) -> str | None:
    if value is not None and not logs.is_cursor(value):
        raise ValueError("is not a cursor; send the last answer's, or leave it out to begin anew")
    return value


class LogQuery(BaseModel):
    """What to show."""

    model_config = ConfigDict(extra="forbid")

    source: Literal["all", "audit", "haproxy", "keepalived", "layer4", "management", "system"] = "all"
    priority: Annotated[
        int, Field(ge=0, le=7, description="the least grave to show: 3 errors, 6 all but debugging")
    ] = 6
    text: Annotated[
        str,
        Field(max_length=logs.TEXT_MAX, description="literal text in the message"),
        AfterValidator(_printable),
    ] = ""
    lines: Annotated[int, Field(ge=1, le=logs.LINES_MAX)] = 200
    after: Annotated[
        str | None, Field(description="cursor of an answer: only what came then"), AfterValidator(_cursor)
    ] = None


class LogEntry(BaseModel):
    """One message: UTC, whose, how grave (0 emergency to 7 debug), and what."""

    time: str
    source: logs.Source
    priority: int
    message: str


class Logs(BaseModel):
    """Messages, oldest first; `cursor` is where to go on."""

    entries: list[LogEntry]
    cursor: str | None


@router.get("/logs", operation_id="getLogs", summary="Read the journal")
def get_logs(context: ContextDep, _: Caller, query: Annotated[LogQuery, Query()]) -> Logs:
    """The newest messages, or with `after` the first of those that came since."""
    entries, cursor = logs.read(
        context.system,
        source=None if query.source == "all" else query.source,
        priority=query.priority,
        text=query.text,
        lines=query.lines,
        after=query.after,
    )
    return Logs(entries=[LogEntry(**vars(entry)) for entry in entries], cursor=cursor)
