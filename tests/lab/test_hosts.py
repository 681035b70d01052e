"""Sockets and programs on the lab's hosts, and the mock front ends there."""

import subprocess

import httpx
import pytest

from harness import topology
from harness.deadline import Deadline
from harness.errors import LabError
from harness.faults import Faults
from harness.lab import Lab
from harness.ocs import PORTS, Service, rpc, sipp
from harness.ocs.behaviour import Behaviour
from harness.ocs.client import SipClient, secure
from harness.result import CommandFailedError


def test_a_client_speaks_from_any_of_its_addresses(lab: Lab) -> None:
    front_end = lab.front_ends[0]
    for source in ("192.168.10.100", "192.168.10.250"):
        with SipClient(lab.connect("client", (str(front_end.address), 5060), source=source)) as client:
            assert client.register().front_end == "FE-1"
            port = client.connection.getsockname()[1]
        seen = [event for event in front_end.events() if event.source_port == port]
        assert {event.source for event in seen} == {source}


def test_every_port_of_the_guide_answers_with_the_front_ends_name(lab: Lab) -> None:
    for front_end in lab.front_ends:
        for port, service in PORTS.items():
            connection = lab.connect("client", (str(front_end.address), port))
            if service not in {Service.SIP, Service.RPC}:
                connection = secure(connection, lab.authority, certificate=lab.certificate)
            with connection, SipClient(connection) as client:
                if service in {Service.SIP, Service.SIPS}:
                    assert client.options().front_end == front_end.name
                    continue
                if service in {Service.WEB, Service.FOCUS}:
                    connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                elif service is Service.RPC:
                    connection.sendall(rpc.bind(1).encode())
                assert front_end.name.encode() in connection.recv(4096)


@pytest.mark.parametrize("steps", ["message", "invite"])
def test_sipp_speaks_to_a_user_at_another_front_end(lab: Lab, steps: sipp.Steps) -> None:
    one, other = ((str(front_end.address), 5060) for front_end in lab.front_ends)
    with sipp.waiting(lab.inside, lab.pool, other, "192.168.10.134", "bob"):
        run = sipp.run(lab.inside, one, "192.168.10.135", steps, user="alice", callee="bob", calls=3)
    assert run.passed, run.result
    assert run.front_ends == ("FE-1",) * 3


def test_a_front_end_behaves_as_told_and_well_again_behind_the_block(lab: Lab) -> None:
    front_end = lab.front_ends[0]
    with SipClient(lab.connect("client", (str(front_end.address), 5060))) as client:
        with front_end.behaving(Behaviour("overloaded")):
            assert client.options().status == 503
        assert client.options().status == 200


@pytest.mark.parametrize("way", ["slow", "overloaded", "hang", "reset", "stop", "restart", "freeze"])
def test_each_way_to_fail_is_undone(lab: Lab, way: str) -> None:
    front_end = lab.front_ends[0]
    with SipClient(lab.connect("client", (str(front_end.address), 5060), timeout_s=1)) as before:
        with Faults(lab) as faults:
            faults.front_end(front_end, way)
            assert not served(before)
        with SipClient(lab.connect("client", (str(front_end.address), 5060))) as client:
            assert client.options().status == 200


def served(client: SipClient) -> bool:
    """Whether a connection from before still serves as it should."""
    try:
        return client.options().status == 200
    except OSError:
        return False


def test_a_load_host_has_more_addresses_than_users(lab: Lab) -> None:
    front_end = lab.front_ends[0]
    lab.run("fe1", ["ip", "route", "add", str(topology.crowd_of(1)), "via", str(topology.LOAD_GATEWAY)])
    for source in ("10.1.0.1", "10.1.39.255"):
        with lab.connect("load1", (str(front_end.address), 5060), source=source) as connection:
            SipClient(connection).options()
            port = connection.getsockname()[1]
        assert {event.source for event in front_end.events() if event.source_port == port} == {source}


def test_a_stopped_front_end_refuses_and_a_started_one_serves(lab: Lab) -> None:
    front_end = lab.front_ends[0]
    with front_end.stopped(), pytest.raises(ConnectionRefusedError):
        lab.connect("client", (str(front_end.address), 5061))
    lab.connect("client", (str(front_end.address), 5061)).close()
    assert front_end.running()


def test_a_hanging_front_end_accepts_and_says_nothing(lab: Lab) -> None:
    front_end = lab.front_ends[1]
    with SipClient(lab.connect("client", (str(front_end.address), 5060), timeout_s=0.5)) as client:
        with front_end.hanging(), pytest.raises(TimeoutError):
            client.options()
        client.connection.settimeout(10)
        assert client.options().front_end == "FE-2"


def test_sipp_registers_and_learns_which_front_end_answered(lab: Lab) -> None:
    run = sipp.run(lab.inside, ("192.168.10.32", 5060), "192.168.10.133", calls=3)
    assert run.passed, run.result
    assert run.front_ends == ("FE-2",) * 3
    assert "192.168.10.133" in {event.source for event in lab.front_ends[1].events()}
    with lab.front_ends[1].stopped():
        assert not sipp.run(lab.inside, ("192.168.10.32", 5060), "192.168.10.133", timeout_s=5).passed


def test_http_from_inside(lab: Lab) -> None:
    with lab.http("https://192.168.10.31", host="client", source="192.168.10.140") as client:
        assert client.get("/").text == "FE-1\n"
    with lab.http("https://192.168.10.31", certificate=lab.authority) as client:
        assert client.get("/").text == "FE-1\n"
    with lab.http("https://192.168.10.31:1") as client, pytest.raises(httpx.ConnectError):
        client.get("/")


def test_a_program_runs_on_its_host_and_its_status_comes_back(lab: Lab) -> None:
    assert "192.168.10.32/24" in lab.run("fe2", ["ip", "-4", "address"]).stdout
    assert lab.run("client", ["cat"], data="hello").stdout == "hello"
    with pytest.raises(CommandFailedError, match="status 3"):
        lab.run("client", ["sh", "-c", "exit 3"])
    with pytest.raises(LabError, match=r"no host 'fe9'.*lab, client, fe1, fe2"):
        lab.run("fe9", ["true"])


def test_a_program_that_takes_too_long_is_killed(lab: Lab) -> None:
    argv = ["tail", "-f", "/dev/zero", "--pid=1"]
    with pytest.raises(subprocess.TimeoutExpired):
        lab.run("client", argv, timeout_s=0.5)

    def gone() -> bool:
        return not lab.run("lab", ["pgrep", "-f", "dev/zer[o]"], check=False).stdout

    Deadline(10).wait_until(gone, "tail to be killed")


def test_the_networks_are_apart(lab: Lab) -> None:
    with pytest.raises(OSError, match=r"unreachable|timed out|refused|No route"):
        lab.connect("fe1", ("192.168.2.1", 22), timeout_s=1)
    assert lab.run("client", ["ip", "-6", "address"]).stdout == ""
