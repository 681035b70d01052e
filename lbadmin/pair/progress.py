"""How far an attempt to pair has come, for whoever watches it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Literal

from lbadmin.errors import LbadminError

StepState = Literal["waiting", "running", "done", "failed"]


@dataclass(frozen=True)
class Step:
    """One step of the attempt, as a person reads it."""

    text: str
    state: StepState = "waiting"


@dataclass(frozen=True)
class Progress:
    """The steps, in order, and the sentence that ended the attempt, if one did."""

    steps: tuple[Step, ...]
    error: str | None = None

    def with_step(self, number: int, state: StepState) -> "Progress":
        """Return this with one step in another state."""
        changed = replace(self.steps[number], state=state)
        return replace(self, steps=(*self.steps[:number], changed, *self.steps[number + 1 :]))


class Journey:
    """The attempt that is made, or was made last; `progress` may be read from any thread."""

    def __init__(self) -> None:
        self.progress: Progress | None = None

    def begin(self, *texts: str) -> None:
        """Start anew with these steps."""
        self.progress = Progress(tuple(map(Step, texts)))

    def end(self) -> None:
        """Forget the attempt: what it led to is over."""
        self.progress = None

    @contextmanager
    def step(self, number: int) -> Iterator[None]:
        """Show a step as running during the block, and as done or failed after it."""
        self._set(number, "running")
        try:
            yield
        except LbadminError as error:
            self._set(number, "failed", error.sentence)
            raise
        except Exception:
            self._set(number, "failed", "lbadmind failed unexpectedly; its journal has the reason")
            raise
        self._set(number, "done")

    def _set(self, number: int, state: StepState, error: str | None = None) -> None:
        if self.progress is not None:
            self.progress = replace(self.progress.with_step(number, state), error=error)
