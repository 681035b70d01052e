"""One deadline that is handed down, and waiting for conditions under it."""

import time
from collections.abc import Callable
from typing import TypeVar

from harness.errors import LabError

T = TypeVar("T")


class DeadlineExceededError(LabError, TimeoutError):
    """A condition did not come true in time; the message says which, and what was seen last."""


class Deadline:
    """A point in time by which work must be done; pass it down instead of passing time-outs."""

    def __init__(self, timeout_s: float) -> None:
        self.timeout_s = timeout_s
        self._end = time.monotonic() + timeout_s

    def remaining(self) -> float:
        """Seconds left, never below zero."""
        return max(0.0, self._end - time.monotonic())

    def expired(self) -> bool:
        """Whether no time is left."""
        return self.remaining() == 0.0

    def wait_until(
        self,
        condition: Callable[[], T],
        what: str,
        *,
        ignoring: tuple[type[Exception], ...] = (),
        interval_s: float = 0.1,
    ) -> T:
        """Ask `condition` until its answer is true, and return that answer.

        `what` completes the sentence "waited for …". Exceptions of the types `ignoring` count as
        "not yet". Raises DeadlineExceededError, with the last answer or exception in its message.
        The condition is asked at least once, and once more after the last pause.
        """
        while True:
            seen: object
            try:
                if answer := condition():
                    return answer
                seen = answer
            except ignoring as error:
                seen = f"{type(error).__name__}: {error}"
            if self.expired():
                raise DeadlineExceededError(
                    f"waited {self.timeout_s:g} s for {what}, in vain; seen last: {seen!s:.2000}"
                )
            time.sleep(min(interval_s, self.remaining()))
