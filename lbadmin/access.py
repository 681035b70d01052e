"""Who may come in: the password, sessions, and the limit on login attempts; all of it in lbadmind."""

import hashlib
import hmac
import logging
import secrets
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHash, VerificationError

from lbadmin.errors import Fault, ForbiddenError, LoginError, RefusedError, UnavailableError
from lbadmin.store import Store
from lbadmin.throttle import Throttle

USER = "loadbalancer"
FACTORY_PASSWORD = "loadbalancer"  # noqa: S105 - the guide, section 7: it is meant to be known, and changed
PASSWORD_MIN, PASSWORD_MAX = 8, 1024
"""Length of a password: NIST SP 800-63B's minimum; the maximum bounds the work of a login attempt."""
SESSION_S = 8 * 3600
"""A working day."""
SESSIONS_MAX = 256
BASIC_CACHE_S = 60.0
"""How long a password that was right is not hashed again: scripts call many times in a row."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Session:
    """A login: who, and until when (UTC; monotonic seconds for the check)."""

    user: str
    expires: datetime
    ends_s: float


class Access:
    """Passwords and sessions. Safe to use from several threads; one password is hashed at a time."""

    def __init__(self, store: Store) -> None:
        self._store = store
        # 19 MiB, two passes, one lane: OWASP's Password Storage Cheat Sheet, for a machine with one CPU.
        self._hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
        self._throttle = Throttle()
        self._lock = threading.Lock()
        self._key = secrets.token_bytes(32)
        self._sessions: dict[bytes, Session] = {}
        self._cache: dict[bytes, float] = {}
        self._factory_hash: str | None = None
        revision = store.current()
        self._hash: str | None = revision.document["users"][USER]["hash"] if revision else None
        # Were the factory password to come back by damage, a stranger could bring it back.
        self._damaged = revision is None and bool(store.numbers())
        if self._damaged:
            log.error(
                "no revision in %s is readable: logins are refused until root sets a password", store.folder
            )

    @property
    def factory_password(self) -> bool:
        """Tell whether the password was never changed."""
        return self._hash is None and not self._damaged

    def authenticate(self, user: str, password: str, client: str) -> str:
        """Return the user when the password is right.

        Raises LoginError, the same for a wrong user and a wrong password, or ThrottledError.
        """
        key = hmac.digest(self._key, f"{user}\0{password}".encode("utf-8", "surrogatepass"), "sha256")
        if self._cache.get(key, 0.0) > time.monotonic():
            return user
        with self._lock:
            self._throttle.check(client, user)
            if not self._verify(user, password):
                self._throttle.failed(client, user)
                log.warning("failed login from %s", client)
                raise LoginError("user or password is not right; check both")
            self._throttle.succeeded(client, user)
            self._cache = {key: time.monotonic() + BASIC_CACHE_S}
        return user

    def _verify(self, user: str, password: str) -> bool:
        if self._damaged:
            raise UnavailableError(
                "the password's file is damaged; set a new password at the console as root"
            )
        if len(password) > PASSWORD_MAX:
            return False
        expected = self._hash or self._factory()
        try:
            # An unknown user costs the same time as a known one.
            return self._hasher.verify(expected, password) and user == USER
        except (VerificationError, InvalidHash, UnicodeError):
            return False

    def _factory(self) -> str:
        if self._factory_hash is None:
            self._factory_hash = self._hasher.hash(FACTORY_PASSWORD)
        return self._factory_hash

    def open_session(self, user: str, password: str, client: str) -> tuple[str, Session]:
        """Return a token and its session. Raises LoginError or ThrottledError."""
        self.authenticate(user, password, client)
        token = secrets.token_urlsafe(32)
        session = Session(
            user,
            datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=SESSION_S),
            time.monotonic() + SESSION_S,
        )
        with self._lock:
            live = {key: kept for key, kept in self._sessions.items() if kept.ends_s > time.monotonic()}
            while len(live) >= SESSIONS_MAX:
                del live[next(iter(live))]
            self._sessions = {**live, _digest(token): session}
        return token, session

    def session(self, token: str) -> Session:
        """Return the session of a token. Raises LoginError when there is none or it is over."""
        session = self._sessions.get(_digest(token))
        if session is None or session.ends_s <= time.monotonic():
            raise LoginError("the session is over; log in again")
        return session

    def close_session(self, token: str) -> None:
        """End the session of a token, if there is one."""
        with self._lock:
            self._sessions.pop(_digest(token), None)

    def change_password(self, current: str | None, new: str, client: str) -> None:
        """Set the user's password and end all sessions; `current` is None when root does it.

        Raises ForbiddenError when the current one is wrong, RefusedError when the new one is too short,
        ThrottledError and StorageError.
        """
        if not PASSWORD_MIN <= len(new) <= PASSWORD_MAX:
            raise _refused(f"new password is not {PASSWORD_MIN} to {PASSWORD_MAX} characters long")
        if new in {USER, FACTORY_PASSWORD}:
            raise _refused("new password is the factory password; choose another")
        if current is not None:
            try:
                self.authenticate(USER, current, client)
            except LoginError:
                raise ForbiddenError("current password is not right; nothing was changed") from None
        with self._lock:
            hashed = self._hasher.hash(new)
            who = "root" if current is None else USER
            self._store.commit({"users": {USER: {"hash": hashed}}}, who, "change the password")
            self._hash, self._damaged = hashed, False
            self._sessions, self._cache = {}, {}


def _refused(message: str) -> RefusedError:
    return RefusedError([Fault("new", None, message)])


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
