"""Sessions: who is logged in, kept in memory alone, so that a restart of lbadmind ends them all."""

import hashlib
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from lbadmin.errors import LoginError

SESSION_S = 8 * 3600
"""A working day."""
IDLE_S = 30 * 60
"""How long a session lasts without any request (NIST SP 800-63B, 4.2.3).

A page that refreshes itself keeps its session: what ends is that of a closed browser or a sleeping computer.
"""
SESSIONS_MAX = 256


@dataclass(frozen=True)
class Session:
    """A login: who, and until when at the longest (UTC; monotonic seconds for the check)."""

    user: str
    expires: datetime
    ends_s: float


@dataclass
class _Used:
    session: Session
    last_s: float


class Sessions:
    """The sessions by the digest of their token. Not safe for several threads: the caller serialises."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._used: dict[bytes, _Used] = {}

    def open(self, user: str) -> tuple[str, Session]:
        """Return a new token and its session; when there are too many, the least recently opened ends."""
        self._used = {digest: used for digest, used in self._used.items() if self._is_live(used)}
        while len(self._used) >= SESSIONS_MAX:
            del self._used[next(iter(self._used))]
        token, now_s = secrets.token_urlsafe(32), self._clock()
        expires = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=SESSION_S)
        session = Session(user, expires, now_s + SESSION_S)
        self._used[_digest(token)] = _Used(session, now_s)
        return token, session

    def of(self, token: str) -> Session:
        """Return the session of a token, which counts as used. Raises LoginError when it is over."""
        used = self._used.get(_digest(token))
        if used is None or not self._is_live(used):
            raise LoginError("the session is over; log in again")
        used.last_s = self._clock()
        return used.session

    def close(self, token: str) -> None:
        """End the session of a token, if there is one."""
        self._used.pop(_digest(token), None)

    def close_of(self, user: str) -> None:
        """End all sessions of a user."""
        self._used = {digest: used for digest, used in self._used.items() if used.session.user != user}

    def _is_live(self, used: _Used) -> bool:
        now_s = self._clock()
        return now_s < used.session.ends_s and now_s < used.last_s + IDLE_S


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
