"""What the users of a load write down: one JSON object a line, a file for each process. Pure but for files.

Times are seconds since the epoch, when a thing ended; durations are milliseconds.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

CONNECT, TLS, SIGN_IN, SUBSCRIBE = "connect", "TLS", "sign-in", "subscribe"
KEEP_ALIVE, RENEWAL, INVITATION, MESSAGE = "keep-alive", "renewal", "invitation", "message"
ADDRESS_BOOK, FOCUS, ENDPOINT_MAP = "address book", "focus", "endpoint map"
CONNECTION_LOST = "connection lost"
"""A connection of a signed-in user that broke; it is no request, and `error` says how."""
BACK = "signed in again"
"""From the loss of the connection until the user was signed in again."""
SIGNED_OUT = "signed out"
AFFINITY = "affinity"
"""A user came to another front end than before; `error` says from which to which."""
LOST = "lost message"
"""A message that was acknowledged to its sender and never seen by its receiver."""


@dataclass(frozen=True)
class Event:
    """What a user did: `kind` is one of the above, `error` is "" where it went well.

    `front_end` is who answered, "" where nobody did.
    """

    at: float
    kind: str
    user: str
    ms: float = 0.0
    error: str = ""
    front_end: str = ""

    def line(self) -> str:
        """The event as a line of the file."""
        return json.dumps(asdict(self)) + "\n"


def path_of(folder: Path, worker: int) -> Path:
    """The file of worker `worker`, counted from 1, in the folder of a run."""
    return folder / f"events-{worker}.jsonl"


def read(folder: Path) -> list[Event]:
    """The events of all processes of a run, in the order of their times."""
    return sorted(stream(folder), key=lambda event: event.at)


def stream(folder: Path) -> Iterator[Event]:
    """The same, one after the other as they stand in the files: of a long run there are millions."""
    for path in sorted(folder.glob("events-*.jsonl")):
        with path.open(encoding="utf-8") as lines:
            for line in lines:
                # One without its end was being written when the process was ended.
                if line.endswith("\n"):
                    yield Event(**json.loads(line))
