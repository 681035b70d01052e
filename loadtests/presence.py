"""Who was signed in when, and how long it took until they were so again after a fault. Pure.

A user is signed in from a sign-in that went well until the connection is lost or the user signs out.
Moments are seconds since the epoch, lengths are seconds.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness.failover.analysis import AGAIN_SHARE, Distribution, nearest_rank
from loadtests.columns import Codes, Columns, Numbers
from loadtests.events import BACK, CONNECTION_LOST, SIGN_IN, SIGNED_OUT
from loadtests.record import Fault

SETTLED_S = 30.0
"""After so long, users who lose their connection do so for another reason than the fault."""


@dataclass(frozen=True)
class Changes:
    """When a user's state changed, in order; `up` is 1 where one signed in, -1 where one was no longer."""

    at: Numbers
    user: Codes
    up: Codes

    @property
    def signed_in(self) -> Numbers:
        """How many users were signed in from each of the moments on."""
        return np.cumsum(self.up).astype(np.float64)


@dataclass(frozen=True)
class Return:
    """What a fault did to the users: how many it cost their connection, and when they were signed in again.

    Times are from the fault on; None where so many never were, `last_s` is of those who were. `gone` is how
    long each of them was not signed in.
    """

    what: str
    at: float
    signed_in: int
    lost: int
    first_s: float | None
    most_s: float | None
    last_s: float | None
    never: int
    gone: Distribution | None


def changes(events: Columns) -> Changes:
    """When users came and went; who signs in while being signed in changes nothing."""
    signs_in = events.of_kind(SIGN_IN, BACK) & events.well
    wanted = signs_in | events.of_kind(CONNECTION_LOST, SIGNED_OUT)
    at, user, state = events.at[wanted], events.user[wanted], signs_in[wanted].astype(np.int64)
    by_user = np.lexsort((np.arange(len(at)), user))
    user_ordered, state_ordered = user[by_user], state[by_user]
    before = np.append(0, state_ordered[:-1])[: len(by_user)]
    new_user = np.append(True, np.diff(user_ordered) != 0)[: len(by_user)]
    before[new_user] = 0
    up = np.zeros(len(at), dtype=np.int64)
    up[by_user] = state_ordered - before
    changed = up != 0
    return Changes(at[changed], user[changed], up[changed])


def returns(faults: Sequence[Fault], events: Columns, all_changes: Changes) -> list[Return]:
    """What each fault did to the users, and its end, if that cost anybody the connection.

    An end that comes within SETTLED_S is part of its fault.
    """
    moments = [(fault.at, fault.what, True) for fault in faults]
    moments += [
        (fault.undone, f"{fault.what}: undone", False)
        for fault in faults
        if fault.undone is not None and fault.undone - fault.at > SETTLED_S
    ]
    moments.sort()
    ends = [*(at for at, _what, _always in moments), float("inf")]
    found = []
    for (at, what, always), end in zip(moments, ends[1:], strict=True):
        one = return_after(at, what, end, events, all_changes)
        if always or one.lost:
            found.append(one)
    return found


def return_after(at: float, what: str, end: float, events: Columns, all_changes: Changes) -> Return:
    """What became of the users who lost their connection between `at` and `end`.

    A user is back when signed in again after the last loss within that time, be it after `end`.
    """
    lost = events.of_kind(CONNECTION_LOST) & (events.at >= at) & (events.at < end)
    last_loss = dict(zip(events.user[lost].tolist(), events.at[lost].tolist(), strict=True))
    back: dict[int, float] = {}
    later = (all_changes.at >= at) & (all_changes.up > 0)
    for user, moment in zip(all_changes.user[later].tolist(), all_changes.at[later].tolist(), strict=True):
        if user in last_loss and moment >= last_loss[user]:
            back.setdefault(user, moment)
    after = sorted(moment - at for moment in back.values())
    times = after + [float("inf")] * (len(last_loss) - len(back))
    most = nearest_rank(times, AGAIN_SHARE) if times else float("inf")
    return Return(
        what=what,
        at=at,
        signed_in=int(all_changes.up[all_changes.at < at].sum()),
        lost=len(last_loss),
        first_s=after[0] if after else None,
        most_s=most if most < float("inf") else None,
        last_s=after[-1] if after else None,
        never=len(last_loss) - len(back),
        gone=Distribution.of(moment - last_loss[user] for user, moment in back.items()),
    )
