"""What lbadmind tells keepalived of this node's fitness (pair/watch.py)."""

import contextlib
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lbadmin.change import Changes
from lbadmin.haproxy import HAProxy
from lbadmin.pair import readiness
from lbadmin.pair.watch import Watch
from lbadmin.store import Store
from lbadmin.system import System
from tests.image.servers import wait_until
from tests.unit.lbadmin.pairing import PAIR

HOME = {"label": "a", "ip": "192.168.2.30", "ports": [80]}
AWAY = {"label": "b", "ip": "10.9.8.7", "ports": [80]}


class Answering:
    """Stands at HAProxy's two sockets, and says something to whoever comes."""

    def __init__(self, system: System) -> None:
        self._listeners = []
        for name in ("/run/haproxy/admin.sock", "/run/haproxy-master.sock"):
            path = system.path(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(str(path))
            listener.listen()
            self._listeners.append(listener)
            threading.Thread(target=self._answer, args=(listener,), daemon=True).start()

    def _answer(self, listener: socket.socket) -> None:
        while True:
            try:
                connection = listener.accept()[0]
            except OSError:
                return
            # A probe for the process alone asks nothing, and is gone.
            with connection, contextlib.suppress(BrokenPipeError):
                connection.recv(100)
                connection.send(b"3.0\n")

    def close(self) -> None:
        """Refuse connections from now on."""
        for listener in self._listeners:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()


@pytest.fixture
def system(tmp_path: Path) -> System:
    system = System(root=tmp_path)
    Store(system.state / "pair").commit(PAIR, "loadbalancer", "pair")
    return system


@pytest.fixture
def haproxy(system: System) -> Iterator[Answering]:
    made = Answering(system)
    yield made
    made.close()


@pytest.fixture
def watched(system: System) -> Iterator[list[Watch]]:
    """Watches that tests start; they end with the test."""
    made: list[Watch] = []
    yield made
    for watch in made:
        watch.stop()


def watch_with(system: System, watched: list[Watch], *services: object, fail_back: bool = False) -> Watch:
    document = {"virtual_services": services, "ha": {"fail_back": fail_back}}
    Store(system.state / "cluster").commit(document, "root", "services")
    watch = Watch(Changes(system, HAProxy(system)))
    watched.append(watch)
    watch.start()
    return watch


def unfit(system: System) -> int | None:
    path = system.path("/run/lbadmin/unfit")
    text = path.read_text() if path.exists() else ""
    return int(text) if text else None


def wait_for(system: System, value: int) -> None:
    wait_until(lambda: unfit(system) == value, what=f"{value} is added to the priority")


def test_a_node_whose_haproxy_is_not_there_is_no_master(system: System, watched: list[Watch]) -> None:
    watch = watch_with(system, watched, HOME)
    wait_for(system, -254)
    assert "HAProxy is not running" in watch.readiness()
    answering = Answering(system)
    wait_for(system, 0)
    assert "HAProxy is not running" not in watch.readiness()
    answering.close()


def test_an_address_without_a_network_counts_only_while_the_peer_can_do_better(
    system: System, haproxy: Answering, watched: list[Watch]
) -> None:
    watch = watch_with(system, watched, HOME, AWAY)
    wait_for(system, 0)
    assert any(
        sentence.startswith("10.9.8.7 lies in no network of this node") for sentence in watch.readiness()
    )
    watch.peer_can_serve = lambda: True
    wait_for(system, -254)
    watch.peer_can_serve = lambda: False
    wait_for(system, 0)


@pytest.mark.parametrize(("fail_back", "afterwards"), [(False, 0), (True, -100)])
def test_a_node_that_stood_by_is_second_only_where_nodes_fail_back(
    system: System, haproxy: Answering, watched: list[Watch], fail_back: bool, afterwards: int
) -> None:
    watch = watch_with(system, watched, HOME, fail_back=fail_back)
    wait_for(system, 0)
    with watch.standing_by("take-over by root"):
        assert unfit(system) == -254
    assert unfit(system) == afterwards
    watch.be_first()
    assert unfit(system) == 0


def test_a_single_node_tells_keepalived_nothing(tmp_path: Path, watched: list[Watch]) -> None:
    system = System(root=tmp_path / "single")
    path = system.path("/run/lbadmin/unfit")
    path.parent.mkdir(parents=True)
    path.write_text("-254\n")
    watch = watch_with(system, watched, HOME)
    wait_until(lambda: not path.exists(), what="what was told of a pair is gone")
    assert watch.readiness() == []


def test_a_probe_that_waits_for_haproxy_learns_of_its_end_at_once(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readiness, "PROBE_TIMEOUT_S", 60.0)
    listen = "import socket, sys; s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen()"
    wait = "print(flush=True); sys.stdin.read()"
    master, admin = (system.path(name) for name in ("/run/haproxy-master.sock", "/run/haproxy/admin.sock"))
    admin.parent.mkdir(parents=True)
    # What stands at the other socket lives on, and says nothing, as a worker does that is being torn down.
    with (
        subprocess.Popen(
            [sys.executable, "-c", f"{listen}; {wait}", str(master)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        ) as process,
        socket.socket(socket.AF_UNIX) as listener,
        ThreadPoolExecutor(1) as executor,
    ):  # fmt: skip
        assert process.stdout is not None
        process.stdout.readline()
        listener.bind(str(admin))
        listener.listen()
        probing = executor.submit(readiness.HAProxyProbe(system).trouble)
        with listener.accept()[0] as asked:
            asked.recv(100)
            process.kill()
            assert probing.result(timeout=10) == "HAProxy does not answer"
