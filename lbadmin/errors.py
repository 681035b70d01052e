"""What can go wrong, each as one sentence for a person, and what the REST API answers for it."""

from typing import NamedTuple


class Fault(NamedTuple):
    """One refused value: the field's path in the document, the value, and a sentence with the remedy."""

    field: str
    value: object
    message: str


class LbadminError(Exception):
    """Base of everything that is told to the caller; `status` is the HTTP status that fits."""

    status = 500

    @property
    def sentence(self) -> str:
        """The one sentence that says it all."""
        return str(self)


class RefusedError(LbadminError):
    """A document breaks a rule; `faults` tells all that are known, the sentence is the first one's."""

    status = 422

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__(faults[0].message)
        self.faults = faults


class DuplicateError(RefusedError):
    """What should be added is there already."""

    status = 409


class NotFoundError(LbadminError):
    """The named virtual service, real server or revision does not exist."""

    status = 404


class StaleError(LbadminError):
    """The document changed since the caller read it."""

    status = 412


class NotMasterError(LbadminError):
    """This node is the slave of a pair: what both share is changed on the master."""

    status = 409


class PairError(LbadminError):
    """The pair can't do this now: the peer is not there, or is not as it has to be."""

    status = 409


class CheckError(LbadminError):
    """A daemon's own checker refused the rendered files; nothing was changed."""

    status = 422


class ActivationError(LbadminError):
    """The change could not be put into effect and was rolled back."""

    status = 500


class StorageError(LbadminError):
    """The document could not be written; nothing was changed."""

    status = 507


class UnavailableError(LbadminError):
    """A daemon that is needed for the answer does not answer itself."""

    status = 503


class LoginError(LbadminError):
    """User or password are not right, or the session is over."""

    status = 401


class ForbiddenError(LbadminError):
    """The caller is known, and may not do this."""

    status = 403


class ThrottledError(LbadminError):
    """Too many failed logins; `retry_after_s` says when the next attempt is heard."""

    status = 429

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(f"too many failed logins; try again in {retry_after_s} s")
        self.retry_after_s = retry_after_s
