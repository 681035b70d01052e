"""What the front ends of a pool know in common, as the real ones do by their back-end database.

It is kept by Redis, in memory: who is signed in at which connection of which front end, and the channels by
which front ends hand messages to each other, tell of changed presence and are told how to behave.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

import redis
import redis.asyncio

from harness.deadline import Deadline
from harness.ocs.answers import Binding
from harness.ocs.behaviour import NORMAL, Behaviour

SERVER = Path("/usr/bin/redis-check-rdb")
"""Debian's redis-tools: one program that is the server when it is called by that name."""

_CONNECTIONS = 16
_AGAIN_S = 0.02
_PRESENCE = "presence"
_REMOVE_IF = "return redis.call('GET', KEYS[1]) == ARGV[1] and redis.call('DEL', KEYS[1]) or 0"


def server_argv(program: Path, socket: Path) -> list[str]:
    """The command of a registrar on a Unix socket, which keeps nothing; `program` is a link to SERVER."""
    return [
        str(program),
        "--port", "0",
        "--unixsocket", str(socket),
        "--save", "",
        "--appendonly", "no",
        "--maxmemory", "256mb",
        "--client-output-buffer-limit", "pubsub", "64mb", "32mb", "10",
    ]  # fmt: skip


@dataclass(frozen=True)
class Delivery:
    """Bytes that another front end wants to be sent over a connection of this one."""

    connection: int
    data: bytes


@dataclass(frozen=True)
class Change:
    """A user who has signed in, or out."""

    user: str
    present: bool


def _key(user: str) -> str:
    return f"binding:{user}"


def _channel(front_end: str) -> str:
    return f"front-end:{front_end}"


def _orders(front_end: str) -> str:
    return f"behave:{front_end}"


def _state(front_end: str) -> str:
    return f"behaves:{front_end}"


class Registrar:
    """The registrar as the front end `name` uses it; raises redis.RedisError when it does not answer."""

    def __init__(self, socket: Path, name: str) -> None:
        self.name = name
        pool = redis.asyncio.BlockingConnectionPool.from_url(
            f"unix://{socket}", max_connections=_CONNECTIONS, timeout=None
        )
        self._redis = redis.asyncio.Redis(connection_pool=pool)
        self._remove_if = self._redis.register_script(_REMOVE_IF)

    def _value(self, connection: int) -> str:
        return f"{self.name} {connection}"

    async def wait_until_up(self, timeout_s: float) -> None:
        """Wait for it to answer; raises TimeoutError when it does not."""
        async with asyncio.timeout(timeout_s):
            while True:
                with contextlib.suppress(redis.ConnectionError):
                    await self._redis.ping()
                    return
                await asyncio.sleep(_AGAIN_S)

    async def bind(self, user: str, connection: int, expires_s: int) -> None:
        """Sign a user in at a connection of this front end, in the place of any other."""
        await self._redis.set(_key(user), self._value(connection), ex=expires_s)
        await self._tell(user, present=True)

    async def unbind(self, user: str, connection: int) -> None:
        """Sign a user out, unless signed in at another connection meanwhile."""
        if await self._remove_if(keys=[_key(user)], args=[self._value(connection)]):
            await self._tell(user, present=False)

    async def _tell(self, user: str, *, present: bool) -> None:
        await self._redis.publish(_PRESENCE, json.dumps([user, present]))

    async def find(self, user: str) -> Binding | None:
        """Where a user is signed in."""
        value = await self._redis.get(_key(user))
        if value is None:
            return None
        front_end, number = cast(bytes, value).decode().split()
        return Binding(front_end, int(number))

    async def present(self, users: Sequence[str]) -> list[bool]:
        """Which of the users are signed in, in their order."""
        if not users:
            return []
        return [value is not None for value in await self._redis.mget(map(_key, users))]

    async def hand_over(self, to: Binding, data: bytes) -> bool:
        """Let another front end send `data` over its connection; False when it is not there."""
        return bool(await self._redis.publish(_channel(to.front_end), b"%d\n" % to.connection + data))

    async def behaving(self, behaviour: Behaviour) -> None:
        """Make known how this front end behaves now."""
        await self._redis.set(_state(self.name), json.dumps(asdict(behaviour)))

    async def news(self) -> AsyncIterator[Delivery | Change | Behaviour | None]:
        """What concerns this front end, for ever; first None, as soon as nothing will be missed."""
        orders = _orders(self.name).encode()
        async with self._redis.pubsub() as subscription:
            await subscription.subscribe(_channel(self.name), _PRESENCE, orders)
            async for item in subscription.listen():
                data = item["data"]
                if item["type"] != "message":
                    if data == len((_channel(self.name), _PRESENCE, orders)):
                        yield None
                elif item["channel"] == _PRESENCE.encode():
                    user, present = json.loads(data)
                    yield Change(user, present)
                elif item["channel"] == orders:
                    yield Behaviour(**json.loads(data))
                else:
                    number, _, message = data.partition(b"\n")
                    yield Delivery(int(number), message)


class Remote:
    """The registrar as a test holds it, from outside the lab."""

    def __init__(self, socket: Path) -> None:
        self._redis = redis.Redis(unix_socket_path=str(socket), socket_timeout=10)

    def signed_in(self, users: Iterable[str]) -> int:
        """How many of the users are signed in."""
        keys = [_key(user) for user in users]
        return self._redis.exists(*keys) if keys else 0

    def front_end_of(self, user: str) -> str:
        """The front end that a user is signed in at, "" of one who is not."""
        return cast(bytes, self._redis.get(_key(user)) or b"").decode().partition(" ")[0]

    def behave(self, front_end: str, behaviour: Behaviour, deadline: Deadline) -> None:
        """Tell a front end how to behave and wait until it does."""
        heard = self._redis.publish(_orders(front_end), json.dumps(asdict(behaviour)))
        if not heard:
            return  # it does not run, and starts as NORMAL
        deadline.wait_until(
            lambda: self.behaviour(front_end) == behaviour,
            f"{front_end} to be {behaviour.kind}",
            interval_s=0.02,
        )

    def behaviour(self, front_end: str) -> Behaviour:
        """How a front end behaves."""
        state = self._redis.get(_state(front_end))
        return Behaviour(**json.loads(state)) if state else NORMAL
