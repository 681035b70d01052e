"""Who wants to know of whose presence at one front end, and how they are told (RFC 6665, RFC 3856)."""

import asyncio
import itertools
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from harness.ocs import DOMAIN
from harness.ocs.answers import EXPIRES_S, PRESENCE, categories
from harness.ocs.sip import Message, Request, SipError

MAX_SUBSCRIPTIONS = 16
"""Of one connection; a client has one."""

EVERY_S = 5.0
"""Changes within this time are told at once (RFC 3856, 6.10: not more often than that)."""

_numbers = itertools.count(1)


@dataclass
class Subscription:
    """A client's: the dialog that notifications are part of, and the users that they are about."""

    call_id: str
    client: str
    server: str
    front_end: str
    contacts: tuple[str, ...]
    until: float
    changed: dict[str, bool] = field(default_factory=dict)

    @classmethod
    def of(
        cls, request: Request, front_end: str, contacts: Sequence[str], expires_s: float
    ) -> "Subscription":
        """The one that a SUBSCRIBE asks for."""
        to = request.get("to")
        server = to if ";tag=" in to.replace(" ", "").lower() else f"{to};tag={front_end}"
        until = time.monotonic() + expires_s
        return cls(request.get("call-id"), request.get("from"), server, front_end, tuple(contacts), until)

    def notify(self, user: str, present: Mapping[str, bool]) -> Request:
        """The NOTIFY to `user` that tells who is present."""
        number = next(_numbers)
        headers = (
            ("via", f"SIP/2.0/TCP {self.front_end};branch=z9hG4bK{number}"),
            ("max-forwards", "70"),
            ("from", self.server),
            ("to", self.client),
            ("call-id", self.call_id),
            ("cseq", f"{number} NOTIFY"),
            ("contact", f"<sip:{self.front_end}>"),
            ("server", self.front_end),
            ("event", PRESENCE),
            ("subscription-state", f"active;expires={EXPIRES_S}"),
            ("content-type", "application/msrtc-event-categories+xml"),
        )
        return Request(headers, method="NOTIFY", uri=f"sip:{user}@{DOMAIN}", body=categories(present))


class Watcher(Protocol):
    """A connection whose user wants to know."""

    user: str
    subscriptions: dict[str, Subscription] | None

    def send(self, message: Message) -> None:
        """Send a message."""


class Watchers:
    """Those of one front end."""

    def __init__(self) -> None:
        self._of: dict[str, set[Watcher]] = {}
        self._to_tell: set[Watcher] = set()

    def add(self, watcher: Watcher, subscription: Subscription) -> None:
        """Note a subscription, in the place of the one before in the same dialog.

        Raises SipError when the connection has too many.
        """
        if watcher.subscriptions is None:
            watcher.subscriptions = {}
        self.end(watcher, subscription)
        if len(watcher.subscriptions) >= MAX_SUBSCRIPTIONS:
            raise SipError("Too Many Subscriptions")
        watcher.subscriptions[subscription.call_id] = subscription
        for user in subscription.contacts:
            self._of.setdefault(user, set()).add(watcher)

    def end(self, watcher: Watcher, subscription: Subscription) -> None:
        """Forget a subscription."""
        held = watcher.subscriptions or {}
        before = held.pop(subscription.call_id, None)
        still = {user for each in held.values() for user in each.contacts}
        for user in set(before.contacts if before else ()) - still:
            self._discard(user, watcher)

    def forget(self, watcher: Watcher) -> None:
        """Forget all that a connection wanted."""
        for subscription in (watcher.subscriptions or {}).values():
            for user in subscription.contacts:
                self._discard(user, watcher)
        watcher.subscriptions = None
        self._to_tell.discard(watcher)

    def _discard(self, user: str, watcher: Watcher) -> None:
        watchers = self._of.get(user, set())
        watchers.discard(watcher)
        if not watchers:
            self._of.pop(user, None)

    def note(self, user: str, *, present: bool) -> None:
        """A user has come or gone: to be told soon to whoever wants to know."""
        for watcher in self._of.get(user, ()):
            for subscription in (watcher.subscriptions or {}).values():
                if user in subscription.contacts:
                    subscription.changed[user] = present
            self._to_tell.add(watcher)

    def tell(self) -> None:
        """Tell what has been noted."""
        watchers, self._to_tell = self._to_tell, set()
        for watcher in watchers:
            for subscription in list((watcher.subscriptions or {}).values()):
                if subscription.until < time.monotonic():
                    self.end(watcher, subscription)
                elif subscription.changed:
                    watcher.send(subscription.notify(watcher.user, subscription.changed))
                    subscription.changed = {}

    async def tell_for_ever(self) -> None:
        """Tell every few seconds."""
        while True:
            await asyncio.sleep(EVERY_S)
            self.tell()
