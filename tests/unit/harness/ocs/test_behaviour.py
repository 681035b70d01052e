"""A front end that is told at run time to fail in the ways of real ones."""

import socket
import time

import pytest

from harness.deadline import Deadline
from harness.ocs import Service
from harness.ocs.behaviour import NORMAL, Behaviour
from harness.ocs.client import SipClient
from tests.unit.harness.ocs.conftest import Pool, Running


def behave(pool: Pool, running: Running, behaviour: Behaviour) -> None:
    pool.remote.behave(running.name, behaviour, Deadline(10))


def test_a_slow_one_takes_its_time_and_others_do_not(pool: Pool, front_ends: list[Running]) -> None:
    slow, other = front_ends
    behave(pool, slow, Behaviour("slow", delay_s=1.0))
    for running, least, most in ((slow, 1.0, 10.0), (other, 0.0, 1.0)):
        with SipClient(running.connect(Service.SIP)) as client:
            started = time.monotonic()
            assert client.options().status == 200
            assert least <= time.monotonic() - started < most


def test_an_overloaded_one_says_when_to_come_again(pool: Pool, running: Running) -> None:
    with running.user("alice") as client:
        behave(pool, running, Behaviour("overloaded", retry_after_s=17))
        answer = client.register()
        assert (answer.status, answer.response.get("retry-after")) == (503, "17")
        behave(pool, running, NORMAL)
        assert client.register().status == 200


@pytest.mark.parametrize("service", [Service.SIP, Service.SIPS, Service.RPC, Service.MUTUAL_TLS])
def test_one_that_hangs_accepts_and_says_nothing(pool: Pool, running: Running, service: Service) -> None:
    with running.user("alice") as before:
        behave(pool, running, Behaviour("hang"))
        with running.connect(service, 0.3) as connection:
            connection.sendall(b"\r\n\r\n")
            with pytest.raises(TimeoutError):
                connection.recv(10)
            before.connection.settimeout(0.3)
            with pytest.raises(TimeoutError):
                before.ping()
            behave(pool, running, NORMAL)
            connection.settimeout(5)
            with pytest.raises(ConnectionResetError):
                connection.recv(10)


@pytest.mark.parametrize("tls", [False, True])
def test_what_was_asked_while_it_hung_is_answered_behind_it(pool: Pool, running: Running, tls: bool) -> None:
    with running.user("alice", tls=tls) as client:
        behave(pool, running, Behaviour("hang"))
        client.connection.sendall(b"\r\n\r")
        behave(pool, running, NORMAL)
        client.connection.sendall(b"\n")
        assert client.connection.recv(10) == b"\r\n"
        assert client.options().status == 200


def test_one_that_resets_does_so_to_open_and_to_new_connections(pool: Pool, running: Running) -> None:
    with running.user("alice") as before, running.user("bob", tls=True) as over_tls:
        behave(pool, running, Behaviour("reset"))
        with pytest.raises(ConnectionResetError):
            before.connection.recv(10)
        # Python's ssl tells a reset as an end.
        assert over_tls.connection.recv(10) == b""
        with pytest.raises(ConnectionResetError), running.connect(Service.SIP) as connection:
            connection.recv(10)


def test_one_that_refuses_keeps_whom_it_has(pool: Pool, running: Running) -> None:
    with running.user("alice") as before:
        behave(pool, running, Behaviour("refuse"))
        for service in Service:
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", running.ports[service]), 5)
        assert before.register().status == 200
        behave(pool, running, NORMAL)
        with running.user("bob"):
            pass
