"""The deployment guide, sections 6 to 8, on the booted appliance, as its clients see it."""

import httpx
import pytest

from harness.appliance import OCS_PORTS, SERVICE_ADDRESS, SERVICE_LABEL, Appliance
from harness.clients import SIP_TCP_PORT, SIP_TLS_PORT, OcsClient, clients
from harness.deadline import Deadline
from harness.lab import Lab
from harness.ocs import sipp
from harness.topology import VIP
from tests.system.ocs_ports import answer_of

NAMES = {"FE-1", "FE-2"}
# fall 2 x 4 s, plus what emulation adds.
HEALTH_S = 60


def test_clients_register_through_the_virtual_address_over_tcp_and_tls(
    lab: Lab, balancing: Appliance
) -> None:
    for port in (SIP_TCP_PORT, SIP_TLS_PORT):
        served_by = {client.register(port) for client in clients(lab, 6)}
        assert served_by == NAMES, f"port {port}: not all front ends took part"


def test_a_real_sip_client_is_balanced(lab: Lab, balancing: Appliance) -> None:
    runs = [
        sipp.run(lab.inside, (str(VIP), SIP_TCP_PORT), f"192.168.10.{octet}", calls=5)
        for octet in (110, 111, 112, 113)
    ]
    for run in runs:
        assert run.passed, run.result
        assert len(run.front_ends) == 5
        assert len(set(run.front_ends)) == 1, "one source address was sent to several front ends"
    assert {run.front_ends[0] for run in runs} == NAMES


@pytest.mark.parametrize("steps", ["message", "invite"])
def test_a_real_sip_client_speaks_to_another_through_the_appliance(
    lab: Lab, balancing: Appliance, steps: sipp.Steps
) -> None:
    vip, addresses = (str(VIP), SIP_TCP_PORT), [f"192.168.10.{octet}" for octet in range(110, 114)]
    with sipp.waiting(lab.inside, lab.pool, vip, addresses[0], "bob"):
        callee_at = lab.pool.front_end_of("bob")
        runs = [
            sipp.run(lab.inside, vip, address, steps, user="alice", callee="bob") for address in addresses[1:]
        ]
    for run in runs:
        assert run.passed, run.result
    assert {run.front_ends[0] for run in runs} | {callee_at} == NAMES, "nobody spoke across front ends"


def test_a_client_keeps_its_front_end_across_connections_and_ports(lab: Lab, balancing: Appliance) -> None:
    for client in clients(lab, 4):
        ports = (SIP_TCP_PORT, SIP_TLS_PORT, SIP_TCP_PORT, 5065, 5074, SIP_TLS_PORT)
        assert len({client.register(port) for port in ports}) == 1


def test_a_client_keeps_its_front_end_across_a_reload_and_a_change(lab: Lab, balancing: Appliance) -> None:
    some = clients(lab, 4)
    before = [client.register() for client in some]
    balancing.call("POST", "/services/haproxy/reload")
    balancing.call("PATCH", "/layer7/settings", {"connection_timeout_ms": 5000})
    assert [client.register() for client in some] == before


def test_a_held_connection_lives_through_a_graceful_reload(lab: Lab, balancing: Appliance) -> None:
    with OcsClient(lab, "192.168.10.120").connected(SIP_TLS_PORT) as held:
        held.register()
        balancing.call("POST", "/services/haproxy/reload")
        balancing.call("PATCH", "/layer7/settings", {"connection_timeout_ms": 5000})
        held.ping()


@pytest.mark.parametrize("port", OCS_PORTS)
def test_each_port_of_the_guide_answers_through_the_virtual_address(
    lab: Lab, balancing: Appliance, port: int
) -> None:
    answer = answer_of(lab, port, "192.168.10.130")
    assert any(name in answer for name in NAMES), answer


def test_the_front_ends_see_the_appliance_as_the_client(lab: Lab, balancing: Appliance) -> None:
    assert OcsClient(lab, "192.168.10.140").register() in NAMES
    requests = [
        event for front_end in lab.front_ends for event in front_end.events() if event.method == "REGISTER"
    ]
    assert requests[-1].source == str(SERVICE_ADDRESS.ip)


def test_a_dead_front_end_is_taken_out_and_taken_back(lab: Lab, balancing: Appliance) -> None:
    client = OcsClient(lab, "192.168.10.150")
    first = client.register()
    victim = next(front_end for front_end in lab.front_ends if front_end.name == first)
    other = next(iter(NAMES - {first}))
    with victim.stopped():
        balancing.wait_for_health(victim.name, "down", Deadline(HEALTH_S))
        assert client.wait_until_served(Deadline(30)) == other
        assert {each.register() for each in clients(lab, 6)} == {other}
    balancing.wait_for_health(victim.name, "up", Deadline(HEALTH_S))
    fresh_clients = [OcsClient(lab, f"192.168.10.{octet}") for octet in range(200, 206)]
    assert {each.register(SIP_TLS_PORT) for each in fresh_clients} == NAMES


def test_clients_of_a_front_end_that_hangs_are_let_go_as_soon_as_it_is_found_out(
    lab: Lab, balancing: Appliance
) -> None:
    with OcsClient(lab, "192.168.10.160").connected(SIP_TCP_PORT, timeout_s=HEALTH_S) as held:
        victim = next(
            front_end for front_end in lab.front_ends if front_end.name == held.register().front_end
        )
        with victim.stopped(), pytest.raises(ConnectionError):
            held.ping()


def test_a_halted_front_end_gets_nobody_and_a_drained_one_keeps_its_clients(
    lab: Lab, balancing: Appliance
) -> None:
    client = OcsClient(lab, "192.168.10.170")
    first = client.register()
    other = next(iter(NAMES - {first}))
    state = f"/layer7/virtual-services/{SERVICE_LABEL}/real-servers/{first}/state"
    balancing.call("PUT", state, {"state": "drain"})
    assert client.register() == first
    assert {each.register() for each in clients(lab, 4)} == {other}
    balancing.call("PUT", state, {"state": "halt"})
    assert client.register() == other
    balancing.call("PUT", state, {"state": "online"})
    assert {OcsClient(lab, f"192.168.10.{octet}").register() for octet in range(210, 216)} == NAMES


def test_the_status_tells_what_is_served(lab: Lab, balancing: Appliance) -> None:
    with OcsClient(lab, "192.168.10.180").connected(SIP_TLS_PORT) as held:
        name = held.register().front_end
        server = balancing.real_servers()[name]
    assert server["health"] == "up"
    assert server["sessions_current"] >= 1
    assert server["weight"] == 100


def test_the_overview_page_shows_the_service_to_a_user_who_has_logged_in(
    lab: Lab, balancing: Appliance
) -> None:
    with lab.http(str(balancing.http.base_url)) as browser:
        assert SERVICE_LABEL not in browser.get("/lbadmin/", follow_redirects=True).text
        login = {"user": "loadbalancer", "password": "loadbalancer"}
        answer = browser.post(
            "/lbadmin/login", data=login, headers={"Origin": str(browser.base_url)}, follow_redirects=True
        )
        assert answer.status_code == httpx.codes.OK
        assert SERVICE_LABEL in answer.text
        assert "FE-1" in answer.text
