"""SIP as a front end speaks it: one connection, and what its requests bring about."""

import asyncio
import itertools
import secrets
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Protocol

import redis

from harness.ocs import PASSWORD, digest, tls
from harness.ocs.answers import (
    ALLOW,
    KEEP_ALIVE,
    PRESENCE,
    Binding,
    address_of,
    contacts_of,
    expires_of,
    handed_on,
    refusal,
    respond,
    user_of,
    way_back,
)
from harness.ocs.behaviour import Behaviour
from harness.ocs.presence import Subscription, Watchers
from harness.ocs.registrar import Registrar
from harness.ocs.sip import CRLF, Framer, KeepAlive, Message, Request, Response, SipError

PART_TIMEOUT_S = 32.0
"""A message that has begun is complete by then, or the connection is closed (64 times T1, RFC 3261, 17.1)."""

MAX_WAITING = 64
"""Requests of one connection that wait for the registrar; a client that sends more is not read meanwhile."""

_CRLFS_PER_PING = 2  # RFC 5626 section 4.4.1
_HANDED_ON = frozenset({"MESSAGE", "INVITE", "ACK", "BYE", "CANCEL", "INFO"})


class Owner(Protocol):
    """What a connection needs of its front end."""

    name: str
    registrar: Registrar
    behaviour: Behaviour
    connections: dict[int, "SipConnection"]
    watchers: Watchers

    def record(self, event: str, **values: object) -> None:
        """Write an event down."""

    def spawn(self, work: Awaitable[None]) -> None:
        """Do something beside."""

    async def route(self, to: Binding, message: Message) -> bool:
        """Send a message over a connection of any front end; False when there is none."""


class SipConnection(asyncio.Protocol):
    """A client's connection; its requests are answered in their order."""

    __slots__ = (
        "_crlfs", "_framer", "_handlers", "_nonce", "_owner", "_part_timer", "_peer", "_port", "_serving",
        "_source_port", "_transport", "_waiting", "number", "subscriptions", "user",
    )  # fmt: skip
    # The registrar may still know connections of the process before: no number is taken again.
    _numbers = itertools.count(secrets.randbelow(10**9) * 10**8)
    _branches = itertools.count(1)

    def __init__(self, owner: Owner) -> None:
        self.number = next(self._numbers)
        self.user = ""
        self.subscriptions: dict[str, Subscription] | None = None
        self._owner = owner
        self._framer = Framer()
        self._crlfs = 0
        self._nonce = ""
        self._waiting: deque[Message] | None = None
        self._serving = False
        self._part_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Note who it is."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - of a stream it is
        self._transport = transport
        self._peer, self._source_port = transport.get_extra_info("peername")[:2]
        self._port = transport.get_extra_info("sockname")[1]
        self._owner.connections[self.number] = self

    def connection_lost(self, _error: Exception | None) -> None:
        """Sign the user out who was signed in here."""
        self._owner.connections.pop(self.number, None)
        self._owner.watchers.forget(self)
        if self._part_timer:
            self._part_timer.cancel()
        if self.user:
            self._owner.spawn(self._owner.registrar.unbind(self.user, self.number))

    def reset(self) -> None:
        """End it at once; what was to be sent is lost."""
        self._transport.abort()

    def send(self, message: Message) -> None:
        """Send a message, unless the client has stopped reading."""
        self.write(message.encode())

    def write(self, data: bytes) -> None:
        """Send bytes, unless the connection is closing, or the front end hangs."""
        if self._transport.is_closing() or self._owner.behaviour.kind == "hang":
            return
        self._transport.write(data)
        if self._transport.get_write_buffer_size() > tls.MAX_UNREAD:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Cut into messages what the client sends; what can be no message ends the connection."""
        try:
            for item in self._framer.feed(data):
                self._take(item)
        except SipError as error:
            self.send(refusal(self._owner.name, str(error)))
            self._transport.close()
        self._watch_part()

    def _watch_part(self) -> None:
        """Give a message that has begun its time."""
        if self._framer.has_part == (self._part_timer is not None):
            return
        if self._part_timer:
            self._part_timer.cancel()
            self._part_timer = None
        else:
            loop = asyncio.get_running_loop()
            self._part_timer = loop.call_later(PART_TIMEOUT_S, self._transport.close)

    def _take(self, item: Message | KeepAlive) -> None:
        if isinstance(item, KeepAlive):
            self._crlfs += 1
            if self._crlfs == _CRLFS_PER_PING:
                self._crlfs = 0
                self.write(CRLF)
            return
        self._crlfs = 0
        if self._waiting is None:
            self._waiting = deque()
        self._waiting.append(item)
        if len(self._waiting) >= MAX_WAITING:
            self._transport.pause_reading()
        if not self._serving:
            self._serving = True
            self._owner.spawn(self._serve())

    async def _serve(self) -> None:
        """Answer what waits, in its order."""
        try:
            while self._waiting and not self._transport.is_closing():
                message = self._waiting.popleft()
                await (self._respond(message) if isinstance(message, Request) else self._return(message))
        finally:
            self._serving = False
            self._waiting = None
        if not self._transport.is_closing():
            self._transport.resume_reading()

    async def _return(self, response: Message) -> None:
        """Hand a client's response to whoever asked."""
        if self.user and isinstance(response, Response) and (asked_by := way_back(response)):
            await self._owner.route(asked_by, response.without_first("via"))

    async def _respond(self, request: Request) -> None:
        self._owner.record(
            "request",
            port=self._port,
            source=self._peer,
            source_port=self._source_port,
            method=request.method,
        )
        behaviour = self._owner.behaviour
        if behaviour.kind == "slow":
            await asyncio.sleep(behaviour.delay_s)
        if behaviour.kind == "overloaded":
            after = ("retry-after", str(behaviour.retry_after_s))
            self.answer(request, 503, "Service Unavailable", after)
            return
        try:
            await self._handler(request.method)(request)
        except SipError as error:
            self.answer(request, 400, str(error))
        except redis.RedisError:
            self.answer(request, 500, "Registrar Does Not Answer")

    def _handler(self, method: str) -> Callable[[Request], Awaitable[None]]:
        if method == "REGISTER":
            return self._register
        if method == "OPTIONS":
            return self._options
        if method not in _HANDED_ON | {"SUBSCRIBE"}:
            return self._unknown
        if not self.user:
            return self._stranger
        return self._subscribe if method == "SUBSCRIBE" else self._hand_on

    def answer(self, request: Request, status: int, reason: str, *more: tuple[str, str]) -> None:
        """Answer a request; no answer is due to an ACK (RFC 3261, 17)."""
        if request.method != "ACK":
            self.send(respond(request, self._owner.name, self._peer, status, reason, *more))

    async def _options(self, request: Request) -> None:
        self.answer(request, 200, "OK", ("allow", ALLOW))

    async def _unknown(self, request: Request) -> None:
        self.answer(request, 501, "Not Implemented", ("allow", ALLOW))

    async def _stranger(self, request: Request) -> None:
        self.answer(request, 403, "Sign In First")

    async def _register(self, request: Request) -> None:
        """RFC 3261, 10.3: who proves to be a user is bound to this connection, or leaves it."""
        proof = request.get("authorization")
        if not self._nonce or not proof:
            self._challenge(request)
            return
        user = digest.user_of(proof, PASSWORD, request.method, self._nonce)
        self._nonce = ""
        if user is None or user.lower() != address_of(request.get("to")):
            self.answer(request, 403, "Forbidden")
            return
        expires_s = expires_of(request)
        if self.user not in {"", user.lower()}:
            await self._owner.registrar.unbind(self.user, self.number)
        if expires_s:
            self.user = user.lower()
            await self._owner.registrar.bind(self.user, self.number, expires_s)
            if self._transport.is_closing():
                # It was lost meanwhile: connection_lost may have come before the binding.
                await self._owner.registrar.unbind(self.user, self.number)
        else:
            await self._owner.registrar.unbind(user.lower(), self.number)
            self.user = ""
        contacts = [("contact", value) for value in request.all("contact")]
        expires = ("expires", str(expires_s))
        self.answer(request, 200, "OK", *contacts, expires, ("ms-keep-alive", KEEP_ALIVE))

    def _challenge(self, request: Request) -> None:
        self._nonce = secrets.token_hex(16)
        self.answer(request, 401, "Unauthorized", ("www-authenticate", digest.challenge(self._nonce)))

    async def _subscribe(self, request: Request) -> None:
        """RFC 6665: tell of the presence of contacts, now and at each change, until it expires."""
        if request.get("event").partition(";")[0].strip().lower() != PRESENCE:
            self.answer(request, 489, "Bad Event", ("allow-events", PRESENCE))
            return
        expires_s = expires_of(request)
        contacts = contacts_of(request)
        subscription = Subscription.of(request, self._owner.name, contacts, expires_s)
        expires = ("expires", str(expires_s))
        contact = ("contact", f"<sip:{self._owner.name}>")
        if expires_s:
            self._owner.watchers.add(self, subscription)
        else:
            self._owner.watchers.end(self, subscription)
        self.answer(request, 200, "OK", expires, contact)
        if not expires_s:
            return
        present = await self._owner.registrar.present(contacts)
        self.send(subscription.notify(self.user, dict(zip(contacts, present, strict=True))))

    async def _hand_on(self, request: Request) -> None:
        """RFC 3261, 16, without state: the request goes where the user is signed in whom it is for."""
        own = Binding(self._owner.name, self.number)
        user = user_of(request.uri)
        onward = handed_on(request, own, next(self._branches))
        if onward is None:
            self.answer(request, 483, "Too Many Hops")
            return
        target = await self._owner.registrar.find(user) if user else None
        if target is None or not await self._owner.route(target, onward):
            self.answer(request, 480, "Temporarily Unavailable")
