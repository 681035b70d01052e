"""A pool on loopback: a real registrar, two front ends in a thread with a free port for each service."""

import asyncio
import io
import json
import socket
import ssl
import threading
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from harness.deadline import Deadline
from harness.ocs import POOL, Service, presence
from harness.ocs.behaviour import NORMAL
from harness.ocs.client import SipClient, secure
from harness.ocs.front_end import FrontEnd, server_tls
from harness.ocs.pki import write_pool
from harness.ocs.registrar import Registrar, Remote

T = TypeVar("T")
NAMES = ("FE-1", "FE-2")


class Running:
    """One of the front ends."""

    def __init__(self, name: str, pool: "Pool") -> None:
        self.name = name
        self.pool = pool
        self.events = io.StringIO()
        self.front_end = FrontEnd(name, Registrar(pool.socket, name), self.events)
        tls = server_tls(pool.folder / "front-end.pem", pool.authority)

        async def start() -> dict[Service, int]:
            await self.front_end.start()
            ports = await self.front_end.listen("127.0.0.1", {}, tls)
            for service in Service:
                ports += await self.front_end.listen("127.0.0.1", {0: service}, tls)
            return dict(zip(Service, ports, strict=True))

        self.ports = pool.do(start())

    def connect(self, service: Service, timeout_s: float = 5) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.ports[service]), timeout_s)

    def sips(self) -> ssl.SSLSocket:
        return secure(self.connect(Service.SIPS), self.pool.authority)

    def user(self, name: str, *, tls: bool = False) -> SipClient:
        """A user who is signed in."""
        client = SipClient(self.sips() if tls else self.connect(Service.SIP), user=name)
        assert client.register().status == 200
        return client

    def open_connections(self) -> int:
        async def count() -> int:
            return len(self.front_end._open_transports())

        return self.pool.do(count())

    def recorded(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.events.getvalue().splitlines()]


class Pool:
    def __init__(self, folder: Path, socket: Path) -> None:
        self.folder = folder
        self.socket = socket
        self.authority = folder / "ca.pem"
        self.certificate = folder / "client.pem"
        self.remote = Remote(self.socket)
        write_pool(folder, [POOL], ["127.0.0.1"])
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever)
        self._thread.start()
        self.front_ends = [Running(name, self) for name in NAMES]

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(30)

    def wait_until_signed_out(self, *users: str) -> None:
        Deadline(10).wait_until(lambda: self.remote.signed_in(users) == 0, "them to be signed out")

    def close(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        tasks = asyncio.all_tasks(self.loop)
        for task in tasks:
            task.cancel()
        self.loop.run_until_complete(asyncio.wait(tasks))
        self.loop.close()


@pytest.fixture(scope="session")
def pool(tmp_path_factory: pytest.TempPathFactory, registrar_socket: Path) -> Iterator[Pool]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(presence, "EVERY_S", 0.2)
        made = Pool(tmp_path_factory.mktemp("pool"), registrar_socket)
        yield made
        made.close()


@pytest.fixture
def front_ends(pool: Pool) -> Iterator[list[Running]]:
    yield pool.front_ends
    for name in NAMES:
        pool.remote.behave(name, NORMAL, Deadline(10))


@pytest.fixture
def running(front_ends: list[Running]) -> Running:
    return front_ends[0]
