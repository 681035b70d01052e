"""The password reset at the console, for whoever stands before the machine and has lost the password.

lbadmind keeps the rules, whatever the menu does: a code that the screen alone shows has to be typed, not
before DELAY_S have passed, in which somebody who watches can still step in; wrong codes lock it for a while;
it is logged, and the message box says so until somebody who can log in has taken note.
"""

import hmac
import json
import logging
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from math import ceil

from lbadmin.access import Access
from lbadmin.accounts import USER
from lbadmin.errors import ForbiddenError, NotFoundError
from lbadmin.store import write_durably
from lbadmin.system import System

DELAY_S = 30
"""From the code to its use: nobody resets a password in passing."""
VALID_S = 300
"""How long a code holds."""
MAX_WRONG = 3
LOCK_S = 600
"""How long there is no other code after MAX_WRONG wrong ones, or after a reset."""
CODE_DIGITS = 6

_NOTE = "password-reset.json"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Begun:
    """A code, and between which moments (of the clock) it can be used."""

    code: str
    from_s: float
    until_s: float


class PasswordReset:
    """One reset at a time. Safe to use from several threads."""

    def __init__(self, system: System, access: Access, clock: Callable[[], float] = time.monotonic) -> None:
        self._system = system
        self._access = access
        self._clock = clock
        self._begun: Begun | None = None
        self._wrong = 0
        self._locked_until_s = 0.0
        self._lock = threading.Lock()

    def begin(self) -> str:
        """Return a new code, which can be used after DELAY_S. Raises ForbiddenError while it is locked."""
        code = "".join(secrets.choice("0123456789") for _ in range(CODE_DIGITS))
        with self._lock:
            now = self._clock()
            if now < self._locked_until_s:
                left_s = ceil(self._locked_until_s - now)
                raise ForbiddenError(f"the password can't be reset now; try again in {left_s} s")
            self._begun = Begun(code, now + DELAY_S, now + DELAY_S + VALID_S)
        log.warning("a password reset was begun at the console")
        return code

    def finish(self, code: str, new: str) -> None:
        """Set the password. Raises ForbiddenError for a wrong, early or late code, and what Access does."""
        with self._lock:
            self._check(code, self._clock())
            self._access.change_password(USER, None, new, who="console")
            self._close(self._clock())
            log.warning("the password was reset at the console")
            note = json.dumps({"when": datetime.now(UTC).isoformat(timespec="seconds")})
            write_durably(self._system.state / _NOTE, note.encode(), mode=0o600)

    def _check(self, code: str, now: float) -> None:
        begun = self._begun
        if begun is None or now >= begun.until_s:
            raise ForbiddenError("the code does not hold any more; begin anew")
        if now < begun.from_s:
            raise ForbiddenError(f"the code can be used in {ceil(begun.from_s - now)} s; wait")
        if not hmac.compare_digest(begun.code.encode(), code.encode("utf-8", "replace")):
            raise self._refused_code(now)

    def _refused_code(self, now: float) -> ForbiddenError:
        self._wrong += 1
        log.warning("a wrong code was typed for a password reset at the console")
        if self._wrong < MAX_WRONG:
            return ForbiddenError("the code is not the one on the screen; type it as it is shown")
        self._close(now)
        return ForbiddenError(f"{MAX_WRONG} wrong codes; try again in {LOCK_S // 60} minutes")

    def _close(self, now: float) -> None:
        self._begun, self._wrong, self._locked_until_s = None, 0, now + LOCK_S

    def take_note(self, who: str) -> None:
        """Tell of the reset no more. Raises NotFoundError when there is none to tell of, and OSError."""
        try:
            (self._system.state / _NOTE).unlink()
        except FileNotFoundError:
            raise NotFoundError("no password reset is to be taken note of") from None
        log.info("%s took note of the password reset at the console", who)


def reset_at(system: System) -> datetime | None:
    """Return when the password was reset at the console, None when that was taken note of."""
    try:
        return datetime.fromisoformat(json.loads((system.state / _NOTE).read_bytes())["when"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError):
        # Damaged or not: somebody did it.
        return datetime.fromtimestamp(0, UTC)
