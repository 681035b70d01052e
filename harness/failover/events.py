"""What the probe writes down, one JSON object a line, in seconds since the epoch. Pure but for `read`."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

Kind = Literal["new", "held", "client", "holder", "skipped", "share", "lasting"]
"""What an event is about.

`new`: a connection made, used and closed. `held`: one of those kept open. `client`: one of the registered
users. `holder`: a card that answered for the virtual address. `skipped`: an attempt that was not made,
because too many were open. `share`: how much of a processor the probe took. `lasting`: a request and its
answer over a connection that is never opened again (`lasting`).
"""


@dataclass(frozen=True)
class Event:
    """One thing that happened between `start` and `end`.

    `outcome` is ok, refused, reset, timeout (not connected), no-answer (connected, but not served) or
    unreachable. Of what is kept open it is also `broken`: reset, closed or silent after it had been served;
    of a lasting one `closed` by the other end, or answered by another front end (`elsewhere`).
    `source` is the client's address, a holder's MAC address; `name` says which of the held or registered
    ones it is; `front_end` who answered; `value` is the share of a processor.
    """

    kind: Kind
    start: float
    end: float
    outcome: str = "ok"
    source: str = ""
    name: str = ""
    front_end: str = ""
    value: float = 0.0

    def line(self) -> str:
        """The event as a line of the file, without what is empty."""
        return (
            json.dumps({key: value for key, value in asdict(self).items() if value or key == "start"}) + "\n"
        )


def parse(lines: Iterable[str]) -> list[Event]:
    """The events of lines; one without its end is still being written and left out."""
    return [Event(**json.loads(line)) for line in lines if line.endswith("\n")]


def read(path: Path) -> list[Event]:
    """The events of a file so far, in the order in which they ended; none when there is no file yet."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    return parse(text.splitlines(keepends=True))
