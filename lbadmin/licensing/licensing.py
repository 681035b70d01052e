"""Whether the configuration may be changed: in the trial, and with a licence. Balancing never asks."""

import logging
import threading
from collections.abc import Callable
from datetime import date, timedelta
from typing import Literal

from pydantic import BaseModel

from lbadmin.errors import ForbiddenError, RefusedError, StorageError
from lbadmin.licensing.licence import Licence, appliance_id, check_holder, read_licence
from lbadmin.licensing.trial import GRACE, GRACE_RECORD, SAVE_EVERY_S, Clocks, Trial
from lbadmin.store import write_durably
from lbadmin.system import System

FILE = "licence.json"
DEVELOPMENT = "/usr/lib/lbva/development"
"""There in an image that takes licences which anybody can make (image/licence.py)."""

PAGE = "Local Configuration, License Key"

log = logging.getLogger(__name__)

State = Literal["trial", "licensed", "grace", "ended"]


class LicenceStatus(BaseModel):
    """Whether changes are taken, and why: "trial", "licensed", "grace", or "ended", in which they are not.

    Grace is given once to a node whose trial has ended and whose peer is licensed: it replaces another.
    `days_left` is of the trial, the licence or the grace; null when that has no end. `problem` says
    why a licence key file that is there does not count.
    """

    state: State
    days_left: int | None
    appliance: str
    development: bool
    customer: str | None = None
    serial: str | None = None
    edition: str | None = None
    expires: date | None = None
    problem: str | None = None


class Licensing:
    """The licence and the trial of this appliance. Safe to use from several threads."""

    def __init__(self, system: System, clocks: Clocks | None = None) -> None:
        """Read the licence key file that is there, if there is one."""
        self.in_pair: Callable[[], bool] = lambda: False
        """Whether this node belongs to a pair."""
        self.peer_is_licensed: Callable[[], bool] = lambda: False
        """Whether the other node of the pair was heard lately and has a licence."""
        self._system = system
        self._clocks = clocks
        self._trial = Trial(system, clocks)
        self._grace = self._begin_grace() if system.path(GRACE_RECORD).exists() else None
        self._appliance = appliance_id(system)
        self._path = system.state / FILE
        self._lock = threading.Lock()
        self._licence: Licence | None = None
        self._problem: str | None = None
        try:
            self._licence = read_licence(system, self._path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            pass
        except (RefusedError, OSError, UnicodeDecodeError) as error:
            self._problem = str(error)
            log.error("%s", error)  # noqa: TRY400 - the sentence says it

    def tick(self) -> float:
        """Count the trial though nobody asks; return the seconds until the next time."""
        self._trial.count()
        if self._grace is not None:
            self._grace.count()
        return SAVE_EVERY_S

    def _begin_grace(self) -> Trial:
        return Trial(self._system, self._clocks, record=GRACE_RECORD, whole=GRACE)

    def _grace_left(self) -> timedelta:
        """Return what is left of the time in which this node stands in for one of a licensed pair."""
        if not self.in_pair():
            return timedelta()
        with self._lock:
            if self._grace is None and self.peer_is_licensed():
                self._grace = self._begin_grace()
            return timedelta() if self._grace is None else self._grace.left()

    def is_licensed(self) -> bool:
        """Tell whether this node has a licence of its own."""
        return self.status().state == "licensed"

    def status(self) -> LicenceStatus:
        """Return the status of this moment."""
        appliance, licence, problem = self._appliance, self._licence, self._problem
        today = self._trial.today()
        state: State = "licensed"
        days: int | None = None
        if licence is not None:
            try:
                check_holder(licence, appliance, today)
                days = None if licence.expires is None else (licence.expires - today).days + 1
            except RefusedError as error:
                licence, problem = None, str(error)
        if licence is None:
            left = self._trial.left()
            state = "trial"
            if not left:
                left = self._grace_left()
                state = "grace" if left else "ended"
            days = -(-left // timedelta(days=1))
        return LicenceStatus(
            state=state,
            days_left=days,
            appliance=appliance,
            development=self._system.path(DEVELOPMENT).exists(),
            customer=licence.customer if licence else None,
            serial=licence.serial if licence else None,
            edition=licence.edition if licence else None,
            expires=licence.expires if licence else None,
            problem=problem,
        )

    def check_change(self) -> None:
        """Raise ForbiddenError when the configuration may not be changed."""
        if self.status().state == "ended":
            raise ForbiddenError(
                "the trial has ended and there is no licence: balancing goes on, the configuration can't be "
                f"changed; apply a licence under {PAGE}"
            )

    def apply(self, text: str, who: str) -> LicenceStatus:
        """Take a licence key file, and return what then holds. Raises RefusedError and StorageError."""
        licence = read_licence(self._system, text)
        check_holder(licence, self._appliance, self._trial.today())
        with self._lock:
            try:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                write_durably(self._path, text.encode(), mode=0o600)
            except OSError as error:
                raise StorageError(f"the licence could not be stored: {error.strerror}") from error
            self._licence, self._problem = licence, None
        log.info("licence %s of %s applied by %s", licence.serial, licence.customer, who)
        return self.status()
