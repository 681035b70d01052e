"""Where users write down what they do: the run's file of events, and Locust's own statistics."""

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from loadtests import events
from loadtests.events import Event

_NO_REQUESTS = {events.CONNECTION_LOST, events.BACK, events.SIGNED_OUT}
KILLED = "killed"
_FAILURES = {events.AFFINITY, events.LOST}


class LoadError(Exception):
    """What Locust counts as a failure, by its text."""


class Journal:
    """One process's."""

    def __init__(self, path: Path, fire: Any) -> None:  # noqa: ANN401 - Locust's event hook has no type
        self._file = path.open("w", encoding="utf-8", buffering=1)
        self._fire = fire

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def note(
        self, client: str, kind: str, user: str, *, ms: float = 0.0, error: str = "", front_end: str = ""
    ) -> None:
        """Write down what a user of the class `client` has done, or met."""
        self._file.write(Event(time.time(), kind, user, ms, error, front_end).line())
        if kind in _NO_REQUESTS:
            return
        self._fire(
            request_type=client,
            name=kind,
            response_time=ms,
            response_length=0,
            exception=LoadError(error) if error or kind in _FAILURES else None,
            context={},
        )


class Timed:
    """One thing that is being done: who answered is told while it goes on."""

    def __init__(self) -> None:
        self.front_end = ""


class Writer:
    """The journal as one user has it, of the class `client`; `words` say what an exception means."""

    def __init__(self, journal: Journal, client: str, user: str, words: Callable[[Exception], str]) -> None:
        self._journal = journal
        self._client = client
        self._user = user
        self._words = words

    def note(self, kind: str, *, ms: float = 0.0, error: str = "", front_end: str = "") -> None:
        """Write down what the user has done, or met."""
        self._journal.note(self._client, kind, self._user, ms=ms, error=error, front_end=front_end)

    @contextlib.contextmanager
    def timed(self, kind: str) -> Iterator[Timed]:
        """Write down how long the block takes, and what it raises; that is raised on.

        What is killed half-way, because the load is over, has neither gone well nor failed.
        """
        started = time.perf_counter()
        met, error = Timed(), ""
        try:
            yield met
        except Exception as failure:
            error = self._words(failure)
            raise
        except BaseException:
            error = KILLED
            raise
        finally:
            ms = (time.perf_counter() - started) * 1000
            if error != KILLED:
                self.note(kind, ms=ms, error=error, front_end=met.front_end)
