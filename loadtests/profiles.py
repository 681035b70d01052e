"""The profiles of load: how many users, when, and what they do. Pure, and without Locust."""

from dataclasses import dataclass
from typing import Literal

Name = Literal["steady", "logon-storm", "held", "failover", "soak"]

MESSAGES_PER_SESSION = 10
SESSIONS_PER_HOUR = 2.0
MESSAGE_BYTES = 400
CONTACTS = 50
"""The user model of OCS 2007 R2's planning guide (FACTS: instant messages and contacts of a user)."""

KEEP_ALIVE_S = 300.0
"""What OCS 2007 R2 asks of its clients: `ms-keep-alive: …; timeout=300`."""

MAX_HOURS = 24.0


@dataclass(frozen=True)
class Profile:
    """A profile with what it has unless ordered otherwise.

    Users arrive at `ramp` a second (all within `hold_s` where that is None), and stay for `hold_s`. Those who
    do not `talk` hold their connection and keep it alive. The `fault` strikes at the share `fault_at` of that
    time.
    """

    what: str
    users: int
    ramp: float | None
    hold_s: float
    talk: bool = True
    keep_alive_s: float = KEEP_ALIVE_S
    fault: Literal["", "crash"] = ""
    fault_at: float = 0.3


PROFILES: dict[Name, Profile] = {
    "steady": Profile("users of the model, signed in and talking", 500, 10.0, 300.0),
    "logon-storm": Profile("everybody signs in within the time", 500, None, 120.0),
    "held": Profile("connections held idle, with keep-alive", 2000, 25.0, 330.0, talk=False),
    "failover": Profile(
        "steady load, and the master crashes", 500, 10.0, 180.0, keep_alive_s=20.0, fault="crash"
    ),
    "soak": Profile("steady load for a night", 500, 10.0, 8 * 3600.0),
}


VISITORS, VISITORS_SHARE = 3, 0.02
"""Beside the users, machines of three kinds ask other services: such a part of them, one of each at least."""


@dataclass(frozen=True)
class Order:
    """What is to be run. `pace` is how many times as much as in the model users talk."""

    profile: Name
    users: int
    ramp: float | None
    hold_s: float
    keep_alive_s: float
    pace: float = 1.0

    @property
    def talk(self) -> bool:
        """Whether users talk."""
        return PROFILES[self.profile].talk

    @property
    def visitors(self) -> int:
        """How many machines of each kind ask other services beside the users."""
        return max(1, round(self.users * VISITORS_SHARE / VISITORS))

    @property
    def arrivals(self) -> int:
        """How many arrive: users, and visitors beside them."""
        return self.users + VISITORS * self.visitors

    @property
    def rate(self) -> float:
        """How many arrive in a second."""
        return self.ramp or self.arrivals / self.hold_s

    @property
    def ramp_s(self) -> float:
        """How long it takes until all have arrived."""
        return self.arrivals / self.rate

    @property
    def total_s(self) -> float:
        """How long it lasts, from the first user's arrival until they begin to leave."""
        return self.ramp_s + (_AFTER_STORM_S if self.ramp is None else self.hold_s)

    @property
    def fault_s(self) -> float:
        """When the fault strikes, counted from the first user's arrival."""
        return self.ramp_s + PROFILES[self.profile].fault_at * self.hold_s


_AFTER_STORM_S = 30.0


def order(
    name: Name,
    *,
    users: int | None = None,
    ramp: float | None = None,
    minutes: float | None = None,
    keep_alive_s: float | None = None,
    pace: float = 1.0,
) -> Order:
    """What is run of a profile when nothing, or some of it, is ordered otherwise."""
    profile = PROFILES[name]
    return Order(
        profile=name,
        users=profile.users if users is None else users,
        ramp=profile.ramp if ramp is None else ramp,
        hold_s=profile.hold_s if minutes is None else minutes * 60,
        keep_alive_s=profile.keep_alive_s if keep_alive_s is None else keep_alive_s,
        pace=pace,
    )
