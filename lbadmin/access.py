"""Who may come in: users, sessions, API keys and the limit on attempts; all of it in lbadmind."""

import hmac
import logging
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHash, VerificationError

from lbadmin.accounts import USER, USERS_MAX, Accounts, User, read_accounts, stored_accounts
from lbadmin.apikeys import KEYS_MAX, ApiKey, find_key, make_key
from lbadmin.audit import Audit, no_audit
from lbadmin.errors import (
    DuplicateError,
    Fault,
    ForbiddenError,
    LbadminError,
    LoginError,
    NotFoundError,
    RefusedError,
    ThrottledError,
    UnavailableError,
)
from lbadmin.roles import Role
from lbadmin.sentences import show
from lbadmin.sessions import Session, Sessions
from lbadmin.store import Store
from lbadmin.throttle import Throttle
from lbadmin.unixlogin import CONSOLE_USER, hash_password

FACTORY_PASSWORD = "loadbalancer"  # noqa: S105 - the guide, section 7: it is meant to be known, and changed
PASSWORD_MIN, PASSWORD_MAX = 8, 1024
"""Length of a password: NIST SP 800-63B's minimum; the maximum bounds the work of a login attempt."""
BASIC_CACHE_S = 60.0
"""How long a password that was right is not hashed again: scripts call many times in a row."""
DECOY = f"$argon2id$v=19$m=19456,t=2,p=1${'A' * 22}${'A' * 43}"
"""What the password of an unknown user is held against: a hash of the same cost, of no password."""
ROOT = "root"
"""As whom the console asks."""
log = logging.getLogger(__name__)


class Access:
    """Users, sessions and API keys. Safe to use from several threads; one password is hashed at a time.

    What is stored is `Accounts`; without a hash of USER the factory password holds.
    """

    def __init__(
        self, store: Store, clock: Callable[[], float] = time.monotonic, audit: Audit = no_audit
    ) -> None:
        self._store = store
        # 19 MiB, two passes, one lane: OWASP's Password Storage Cheat Sheet, for a machine with one CPU.
        self._hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1, hash_len=32)
        self._throttle = Throttle(clock)
        # Apart from the passwords': a program with a revoked key keeps nobody of its address from logging in.
        self._key_throttle = Throttle(clock)
        self._clock = clock
        self._audit = audit
        self._lock = threading.Lock()
        self._secret = secrets.token_bytes(32)
        self._sessions = Sessions(clock)
        self._cache: dict[bytes, float] = {}
        self._factory_hash: str | None = None
        self._load()

    def _load(self) -> None:
        revision, numbers = self._store.current(), self._store.numbers()
        whole = not numbers or (revision is not None and revision.revision == numbers[-1])
        self._accounts = read_accounts(revision.document if revision else {})
        # Were the factory password or a revoked key to come back by damage, a stranger could bring it back.
        self._damaged = not whole and self._accounts.users[USER].hash is None
        if not whole:
            only = {USER: self._accounts.users[USER]}
            self._accounts = replace(self._accounts, users=only, keys=())
            log.error(
                "the newest revision in %s is not readable: no API key holds and no user but %s, and without "
                "an older password of theirs logins are refused until root sets one",
                self._store.folder,
                USER,
            )

    @property
    def factory_password(self) -> bool:
        """Tell whether the password was never changed."""
        return self._accounts.users[USER].hash is None and not self._damaged

    @property
    def api_keys(self) -> tuple[ApiKey, ...]:
        """The API keys, in the order in which they were made."""
        return self._accounts.keys

    @property
    def users(self) -> tuple[User, ...]:
        """The users, in the order in which they were added."""
        return tuple(self._accounts.users.values())

    @property
    def console_password(self) -> bool:
        """Tell whether the user of console and SSH has a password."""
        return self._accounts.console is not None

    def role_of(self, user: str) -> Role:
        """Return a user's role. Raises LoginError for one who is gone."""
        found = self._accounts.users.get(user)
        if found is None:
            raise LoginError("the session is over; log in again")
        return found.role

    def authenticate(self, user: str, password: str, client: str) -> str:
        """Return the user when the password is right.

        Raises LoginError, the same for a wrong user and a wrong password, or ThrottledError.
        """
        key = self._cache_key(user, password)
        if self._cache.get(key, 0.0) > self._clock():
            return user
        with self._lock:
            self._check(user, password, client)
            self._cache = {key: self._clock() + BASIC_CACHE_S}
            self._audit("login accepted", user=user, role=self.role_of(user), by="password", **_from(client))
        return user

    def _cache_key(self, user: str, password: str) -> bytes:
        return hmac.digest(self._secret, f"{user}\0{password}".encode("utf-8", "surrogatepass"), "sha256")

    def _check(self, user: str, password: str, client: str) -> None:
        """Raise what keeps a login out, and write it down."""
        refusal = self._refusal(user, password, client)
        if refusal is not None:
            self._audit("login refused", refused=True, user=user, reason=refusal.sentence, **_from(client))
            raise refusal
        self._throttle.succeeded(client, user)

    def _refusal(self, user: str, password: str, client: str) -> LbadminError | None:
        try:
            self._throttle.check(client, user)
            if self._verify(user, password):
                return None
        except (ThrottledError, UnavailableError) as error:
            return error
        self._throttle.failed(client, user)
        return LoginError("user or password is not right; check both")

    def _verify(self, user: str, password: str) -> bool:
        if self._damaged:
            raise UnavailableError(
                "the password's file is damaged; set a new password at the console as root"
            )
        if len(password) > PASSWORD_MAX:
            return False
        found = self._accounts.users.get(user)
        # An unknown user costs the same time as a known one.
        expected = DECOY if found is None else found.hash or self._factory()
        try:
            return self._hasher.verify(expected, password) and found is not None
        except (VerificationError, InvalidHash, UnicodeError):
            return False

    def _factory(self) -> str:
        if self._factory_hash is None:
            self._factory_hash = self._hasher.hash(FACTORY_PASSWORD)
        return self._factory_hash

    def open_session(self, user: str, password: str, client: str) -> tuple[str, Session]:
        """Return a token and its session. Raises LoginError or ThrottledError."""
        with self._lock:
            # Under one lock with the check: no session is opened for a user who has just gone.
            self._check(user, password, client)
            opened = self._sessions.open(user)
            self._audit("login accepted", user=user, role=self.role_of(user), by="session", **_from(client))
            return opened

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
        found = find_key(self._accounts.keys, key)
        if found is not None:
            return found
        refusal: LbadminError = LoginError("there is no such API key; it may have been revoked")
        with self._lock:
            try:
                self._key_throttle.check(client, "API key")
                self._key_throttle.failed(client, "API key")
            except ThrottledError as error:
                refusal = error
        self._audit("login refused", refused=True, by="API key", reason=refusal.sentence, **_from(client))
        raise refusal

    def add_key(self, name: str, role: Role, *, who: str) -> tuple[str, ApiKey]:
        """Make an API key; return it, which is never told again, and what is stored of it.

        Raises DuplicateError, RefusedError when there are too many, UnavailableError and StorageError.
        """
        with self._lock:
            keys = self._accounts.keys
            if any(each.name == name for each in keys):
                raise DuplicateError(
                    [Fault("name", name, f"name {name} is used by another API key; choose another name")]
                )
            if len(keys) >= KEYS_MAX:
                raise RefusedError(
                    [Fault("name", name, f"there are {KEYS_MAX} API keys already; revoke one first")]
                )
            key, stored = make_key(name, role, who)
            self._commit(replace(self._accounts, keys=(*keys, stored)), who, f"make API key {name}")
            return key, stored

    def remove_key(self, name: str, who: str) -> None:
        """Revoke an API key, at once. Raises NotFoundError, UnavailableError and StorageError."""
        with self._lock:
            keys = self._accounts.keys
            kept = tuple(each for each in keys if each.name != name)
            if len(kept) == len(keys):
                raise NotFoundError(f"there is no API key {show(name)}; list the keys to see their names")
            self._commit(replace(self._accounts, keys=kept), who, f"revoke API key {name}")

    def user(self, name: str) -> User:
        """Return a user. Raises NotFoundError."""
        found = self._accounts.users.get(name)
        if found is None:
            raise NotFoundError(f"there is no user {show(name)}; list the users to see their names")
        return found

    def add_user(self, name: str, role: Role, password: str, who: str) -> User:
        """Add a user.

        Raises DuplicateError, RefusedError for a bad password or too many users, UnavailableError and
        StorageError.
        """
        check_password("password", password, name)
        with self._lock:
            users = self._accounts.users
            if name in users:
                raise DuplicateError(
                    [Fault("name", name, f"name {name} is used by another user; choose another name")]
                )
            if len(users) >= USERS_MAX:
                raise RefusedError(
                    [Fault("name", name, f"there are {USERS_MAX} users already; remove one first")]
                )
            added = User(name, role, self._hasher.hash(password))
            self._commit_user(added, who, f"add user {name}, {role}")
            return added

    def change_role(self, name: str, role: Role, who: str) -> User:
        """Give a user another role, and end the user's sessions.

        Raises NotFoundError, RefusedError for USER, who stays an administrator, UnavailableError and
        StorageError.
        """
        with self._lock:
            old = self.user(name)
            if name == USER and role != "administrator":
                sentence = f"role {role} is not for {USER}, who stays an administrator; add another user"
                raise RefusedError([Fault("role", role, sentence)])
            changed = replace(old, role=role)
            if changed != old:
                self._commit_user(changed, who, f"make user {name} {role}")
            return changed

    def remove_user(self, name: str, who: str) -> None:
        """Remove a user, and end the user's sessions.

        Raises NotFoundError, RefusedError for USER, UnavailableError and StorageError.
        """
        with self._lock:
            self.user(name)
            if name == USER:
                sentence = f"user {USER} can't be removed; set another password to keep others out"
                raise RefusedError([Fault("user", name, sentence)])
            kept = {key: user for key, user in self._accounts.users.items() if key != name}
            self._commit(replace(self._accounts, users=kept), who, f"remove user {name}")
            self._forget(name)

    def change_password(
        self, name: str, current: str | None, new: str, *, client: str = "console", who: str = ROOT
    ) -> None:
        """Set a user's password and end the user's sessions; `current` is None when somebody else does it.

        Raises NotFoundError, ForbiddenError when the current one is wrong, RefusedError when the new one is
        too short, ThrottledError and StorageError.
        """
        self.user(name)
        check_password("new", new, name)
        if current is not None:
            try:
                self.authenticate(name, current, client)
            except LoginError:
                raise ForbiddenError("current password is not right; nothing was changed") from None
        with self._lock:
            changed = replace(self.user(name), hash=self._hasher.hash(new))
            self._commit_user(changed, who, f"change the password of {name}")
            self._damaged = False

    def set_console(self, password: str | None, who: str) -> str | None:
        """Keep the password of console and SSH, None for none, and return its hash for shadow.

        Raises RefusedError for a bad one, UnavailableError, StorageError, and OSError when there is no hash.
        """
        if password is not None:
            check_password("new", password, CONSOLE_USER)
        with self._lock:
            hashed = None if password is None else hash_password(password)
            done = "take away" if hashed is None else "change"
            accounts = replace(self._accounts, console=hashed)
            self._commit(accounts, who, f"{done} the password of {CONSOLE_USER} (console and SSH)")
            return hashed

    def _commit_user(self, user: User, who: str, what: str) -> None:
        users: Mapping[str, User] = {**self._accounts.users, user.name: user}
        self._commit(replace(self._accounts, users=users), who, what)
        self._forget(user.name)

    def _forget(self, user: str) -> None:
        self._sessions.close_of(user)
        self._cache = {}

    def _commit(self, accounts: Accounts, who: str, what: str) -> None:
        if accounts.users[USER].hash is None and self._damaged:
            raise UnavailableError(
                "the password's file is damaged; set a new password at the console as root first"
            )
        self._store.commit(stored_accounts(accounts), who, what)
        self._accounts = accounts
        log.info("%s: %s", who, what)


def check_password(field: str, new: str, user: str) -> None:
    """Raise RefusedError for a password that is too short, too long, or known to everybody."""
    named = f"{field} password" if field == "new" else field
    if not PASSWORD_MIN <= len(new) <= PASSWORD_MAX:
        raise _refused(field, f"{named} is not {PASSWORD_MIN} to {PASSWORD_MAX} characters long")
    if not _is_text(new):
        raise _refused(field, f"{named} has characters that can't be typed; choose another")
    if new == FACTORY_PASSWORD:
        raise _refused(field, f"{named} is the factory password; choose another")
    if new == user:
        raise _refused(field, f"{named} is the user's name; choose another")


def _is_text(text: str) -> bool:
    return not any(ord(each) < ord(" ") or "\ud800" <= each <= "\udfff" for each in text)


def _from(client: str) -> dict[str, str]:
    return {"from": client}


def _refused(field: str, message: str) -> RefusedError:
    return RefusedError([Fault(field, None, message)])
