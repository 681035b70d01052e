"""Whether the configuration may be changed: in the trial, and with a licence. Balancing never asks."""

import logging
import threading
from datetime import date, timedelta
from typing import Literal

from pydantic import BaseModel

from lbadmin.errors import ForbiddenError, RefusedError, StorageError
from lbadmin.licensing.licence import Licence, appliance_id, check_holder, read_licence
from lbadmin.licensing.trial import SAVE_EVERY_S, Trial
from lbadmin.store import write_durably
from lbadmin.system import System

FILE = "licence.json"
DEVELOPMENT = "/usr/lib/lbva/development"
"""There in an image that takes licences which anybody can make (image/licence.py)."""

PAGE = "Local Configuration, License Key"

log = logging.getLogger(__name__)

State = Literal["trial", "licensed", "ended"]


class LicenceStatus(BaseModel):
    """Whether changes are taken, and why: "trial", "licensed", or "ended", in which they are not.

    `days_left` is of the trial, or of the licence; null when that has no end. `problem` says why a licence
    key file that is there does not count.
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

    def __init__(self, system: System, trial: Trial | None = None) -> None:
        """Read the licence key file that is there, if there is one."""
        self._system = system
        self._trial = trial or Trial(system)
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
        return SAVE_EVERY_S

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
            days = -(-left // timedelta(days=1))
            state = "trial" if left else "ended"
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
