"""The events of a run as columns of numbers: of a long run there are millions."""

from array import array
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from loadtests.events import AFFINITY, BACK, CONNECTION_LOST, LOST, SIGNED_OUT, Event

Numbers = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

NO_REQUESTS = frozenset({CONNECTION_LOST, BACK, SIGNED_OUT, AFFINITY, LOST})
"""What users note beside their requests."""


@dataclass(frozen=True)
class Columns:
    """Events in the order of their times; `kind`, `user`, `error` are places in `kinds`, `users`, `errors`.

    `at` is seconds since the epoch, `ms` milliseconds. The first of `errors` is "", that of what went well.
    """

    at: Numbers
    ms: Numbers
    kind: Codes
    user: Codes
    error: Codes
    kinds: tuple[str, ...]
    users: tuple[str, ...]
    errors: tuple[str, ...]

    def of_kind(self, *kinds: str) -> Mask:
        """Which events are of one of these kinds."""
        wanted = np.array([kind in kinds for kind in self.kinds], dtype=np.bool_)
        return wanted[self.kind]

    @property
    def well(self) -> Mask:
        """Which events went well."""
        found: Mask = self.error == 0
        return found

    @property
    def requests(self) -> tuple[str, ...]:
        """The kinds of requests there are, in the order in which they were first made."""
        return tuple(kind for kind in self.kinds if kind not in NO_REQUESTS)

    def moments(self, *kinds: str) -> Numbers:
        """When the events of these kinds were."""
        return self.at[self.of_kind(*kinds)]


def columns(events: Iterable[Event]) -> Columns:
    """The columns of events that come in any order."""
    at, ms = array("d"), array("d")
    kind, user, error = array("q"), array("q"), array("q")
    kinds: dict[str, int] = {}
    users: dict[str, int] = {}
    errors: dict[str, int] = {"": 0}
    for event in events:
        at.append(event.at)
        ms.append(event.ms)
        kind.append(kinds.setdefault(event.kind, len(kinds)))
        user.append(users.setdefault(event.user, len(users)))
        error.append(errors.setdefault(event.error, len(errors)))
    moments = np.array(at, dtype=np.float64)
    order = np.argsort(moments, kind="stable")
    return Columns(
        moments[order],
        np.array(ms, dtype=np.float64)[order],
        np.array(kind, dtype=np.int64)[order],
        np.array(user, dtype=np.int64)[order],
        np.array(error, dtype=np.int64)[order],
        tuple(kinds),
        tuple(users),
        tuple(errors),
    )
