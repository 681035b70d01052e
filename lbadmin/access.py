"""Who may come in: the password, sessions, API keys and the limit on attempts; all of it in lbadmind."""

import hmac
import logging
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import asdict

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHash, VerificationError

from lbadmin.apikeys import KEYS_MAX, ApiKey, find_key, make_key
from lbadmin.errors import (
    DuplicateError,
    Fault,
    ForbiddenError,
    LoginError,
    NotFoundError,
    RefusedError,
    UnavailableError,
)
from lbadmin.sentences import show
from lbadmin.sessions import Session, Sessions
from lbadmin.store import Revision, Store
from lbadmin.throttle import Throttle

USER = "loadbalancer"
FACTORY_PASSWORD = "loadbalancer"  # noqa: S105 - the guide, section 7: it is meant to be known, and changed
PASSWORD_MIN, PASSWORD_MAX = 8, 1024
"""Length of a password: NIST SP 800-63B's minimum; the maximum bounds the work of a login attempt."""
BASIC_CACHE_S = 60.0
"""How long a password that was right is not hashed again: scripts call many times in a row."""
log = logging.getLogger(__name__)


class Access:
    """Password, sessions and API keys. Safe to use from several threads; one password is hashed at a time.

    The document in the store is {"users": {NAME: {"hash"}}, "api_keys": [ApiKey]}. The first versions wrote
    no keys; without a hash the factory password holds.
    """

    def __init__(self, store: Store, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        # 19 MiB, two passes, one lane: OWASP's Password Storage Cheat Sheet, for a machine with one CPU.
        self._hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
        self._throttle = Throttle(clock)
        # Apart from the passwords': a program with a revoked key keeps nobody of its address from logging in.
        self._key_throttle = Throttle(clock)
        self._clock = clock
        self._lock = threading.Lock()
        self._secret = secrets.token_bytes(32)
        self._sessions = Sessions(clock)
        self._cache: dict[bytes, float] = {}
        self._factory_hash: str | None = None
        self._load(store.current())

    def _load(self, revision: Revision | None) -> None:
        numbers = self._store.numbers()
        whole = not numbers or (revision is not None and revision.revision == numbers[-1])
        document = revision.document if revision else {}
        self._hash: str | None = document.get("users", {}).get(USER, {}).get("hash")
        # Were the factory password or a revoked key to come back by damage, a stranger could bring it back.
        self._damaged = not whole and self._hash is None
        self._keys = tuple(ApiKey(**each) for each in document.get("api_keys", ())) if whole else ()
        if not whole:
            log.error(
                "the newest revision in %s is not readable: no API key holds, and without an older password "
                "logins are refused until root sets one",
                self._store.folder,
            )

    @property
    def factory_password(self) -> bool:
        """Tell whether the password was never changed."""
        return self._hash is None and not self._damaged

    @property
    def api_keys(self) -> tuple[ApiKey, ...]:
        """The API keys, in the order in which they were made."""
        return self._keys

    def authenticate(self, user: str, password: str, client: str) -> str:
        """Return the user when the password is right.

        Raises LoginError, the same for a wrong user and a wrong password, or ThrottledError.
        """
        key = hmac.digest(self._secret, f"{user}\0{password}".encode("utf-8", "surrogatepass"), "sha256")
        if self._cache.get(key, 0.0) > self._clock():
            return user
        with self._lock:
            self._throttle.check(client, user)
            if not self._verify(user, password):
                self._throttle.failed(client, user)
                log.warning("failed login from %s", client)
                raise LoginError("user or password is not right; check both")
            self._throttle.succeeded(client, user)
            self._cache = {key: self._clock() + BASIC_CACHE_S}
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
        with self._lock:
            return self._sessions.open(user)

    def session(self, token: str) -> Session:
        """Return the session of a token. Raises LoginError when there is none or it is over."""
        with self._lock:
            return self._sessions.of(token)

    def close_session(self, token: str) -> None:
        """End the session of a token, if there is one."""
        with self._lock:
            self._sessions.close(token)

    def api_key(self, key: str, client: str) -> ApiKey:
        """Return what is known of an API key.

        Raises LoginError when there is none, and ThrottledError for a client that guesses. A right key always
        holds: nobody finds one of 256 bits, while a program with a revoked one is no reason to stop another.
        """
        found = find_key(self._keys, key)
        if found is not None:
            return found
        with self._lock:
            self._key_throttle.check(client, "API key")
            self._key_throttle.failed(client, "API key")
        log.warning("wrong API key from %s", client)
        raise LoginError("there is no such API key; it may have been revoked")

    def add_key(self, name: str, *, read_only: bool, who: str) -> tuple[str, ApiKey]:
        """Make an API key; return it, which is never told again, and what is stored of it.

        Raises DuplicateError, RefusedError when there are too many, UnavailableError and StorageError.
        """
        with self._lock:
            if any(each.name == name for each in self._keys):
                raise DuplicateError(
                    [Fault("name", name, f"name {name} is used by another API key; choose another name")]
                )
            if len(self._keys) >= KEYS_MAX:
                raise RefusedError(
                    [Fault("name", name, f"there are {KEYS_MAX} API keys already; revoke one first")]
                )
            key, stored = make_key(name, read_only=read_only, created_by=who)
            self._commit(self._hash, (*self._keys, stored), who, f"make API key {name}")
            return key, stored

    def remove_key(self, name: str, who: str) -> None:
        """Revoke an API key, at once. Raises NotFoundError, UnavailableError and StorageError."""
        with self._lock:
            kept = tuple(each for each in self._keys if each.name != name)
            if len(kept) == len(self._keys):
                raise NotFoundError(f"there is no API key {show(name)}; list the keys to see their names")
            self._commit(self._hash, kept, who, f"revoke API key {name}")

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
            who = "root" if current is None else USER
            self._commit(self._hasher.hash(new), self._keys, who, "change the password")
            self._damaged = False
            self._sessions.close_all()
            self._cache = {}

    def _commit(self, hashed: str | None, keys: tuple[ApiKey, ...], who: str, what: str) -> None:
        if hashed is None and self._damaged:
            raise UnavailableError(
                "the password's file is damaged; set a new password at the console as root first"
            )
        users = {} if hashed is None else {USER: {"hash": hashed}}
        self._store.commit({"users": users, "api_keys": [asdict(key) for key in keys]}, who, what)
        self._hash, self._keys = hashed, keys
        log.info("%s: %s", who, what)


def _refused(message: str) -> RefusedError:
    return RefusedError([Fault("new", None, message)])
