"""Slows down guessing of passwords: per client address and per user, with a delay that grows."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from lbadmin.errors import ThrottledError

FREE_FAILURES = 5
"""Failures that cost nothing: people mistype."""
CLIENT_DELAY_MAX_S = 300.0
USER_DELAY_MAX_S = 30.0
"""Shorter, because a stranger's guesses also keep the administrator waiting."""
FORGET_AFTER_S = 900.0
REMEMBERED = 4096
"""Clients and users remembered; a flood of made-up names makes the oldest be forgotten."""


@dataclass(frozen=True)
class _Failures:
    count: int
    last_s: float


class Throttle:
    """Counts failures. Not safe for several threads at once: the caller serialises."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures: dict[tuple[str, str], _Failures] = {}

    def check(self, client: str, user: str) -> None:
        """Raise ThrottledError while the client or the user has to wait."""
        waits = (
            self._wait_s(("client", client), CLIENT_DELAY_MAX_S),
            self._wait_s(("user", user), USER_DELAY_MAX_S),
        )
        if max(waits) > 0:
            raise ThrottledError(int(max(waits)) + 1)

    def failed(self, client: str, user: str) -> None:
        """Count a failed login."""
        for key in (("client", client), ("user", user)):
            count = self._fresh(key) + 1
            # Put at the end, so that the first key is always the one that failed longest ago.
            self._failures.pop(key, None)
            self._failures[key] = _Failures(count, self._clock())
        while len(self._failures) > REMEMBERED:
            del self._failures[next(iter(self._failures))]

    def succeeded(self, client: str, user: str) -> None:
        """Forget the failures of a client and a user that got in."""
        self._failures.pop(("client", client), None)
        self._failures.pop(("user", user), None)

    def _fresh(self, key: tuple[str, str]) -> int:
        failures = self._failures.get(key)
        return failures.count if failures and self._clock() - failures.last_s < FORGET_AFTER_S else 0

    def _wait_s(self, key: tuple[str, str], longest_s: float) -> float:
        count = self._fresh(key)
        if count < FREE_FAILURES:
            return 0.0
        # 2 ** 16 s is far beyond any longest delay; the exponent is bounded to stay a small number.
        delay_s = min(2.0 ** min(count - FREE_FAILURES, 16), longest_s)
        return self._failures[key].last_s + delay_s - self._clock()
