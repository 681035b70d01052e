"""Layer 4 on the booted appliance, as clients and front ends see it: every forwarding method, end to end."""

import functools
from collections import Counter
from collections.abc import Iterator
from typing import get_args

import pytest
from playwright.sync_api import expect

from harness import guide, layer4
from harness.appliance import API, FACTORY_LOGIN, HTTPS_PORT, OCS_PORTS, SERVICE_LABEL, Appliance
from harness.browser import PAGE_S, Complaints, chromium, log_in, visitor
from harness.clients import SIP_TCP_PORT, SIP_TLS_PORT, OcsClient, clients
from harness.deadline import Deadline
from harness.faults import Faults
from harness.front_ends import FrontEnd
from harness.lab import Lab
from harness.layer4 import DIRECT, METHODS, NAT, SERVICES, SNAT, TUNNEL, Method
from harness.libvirt_machine import LibvirtMachine
from harness.ocs.client import SipClient
from harness.topology import SERVICE, VIP
from harness.webui import WebUi
from lbadmin.model import Layer4Service
from lbadmin.render.layer4 import mark_of
from tests.system.conftest import RESTORE_S, restored
from tests.system.ocs_ports import answer_of

NAMES = {"FE-1", "FE-2"}
PORTS = (SIP_TCP_PORT, SIP_TLS_PORT, 5069, 5074, SIP_TCP_PORT)
HEALTH_S = 60.0
COUNTED_S = 20.0
SNAPSHOT = "layer4"


@pytest.fixture(scope="module")
def served(lab: Lab, downloaded: LibvirtMachine) -> Iterator[LibvirtMachine]:
    """The appliance with a service of each method, and front ends that are set up as it says."""
    downloaded.restore("fresh", Deadline(RESTORE_S))
    appliance = Appliance(lab, downloaded)
    appliance.join_service_network()
    layer4.join_crowd(appliance)
    layer4.add_services(appliance, lab)
    for front_end in lab.front_ends:
        front_end.start()
    for method in METHODS.values():
        layer4.wait_for_health(appliance, method.label, "up", Deadline(HEALTH_S))
    with layer4.real_servers_of(appliance, lab):
        downloaded.snapshot(SNAPSHOT)
        yield downloaded


@pytest.fixture
def appliance(lab: Lab, served: LibvirtMachine) -> Iterator[Appliance]:
    for front_end in lab.front_ends:
        front_end.resume()
        front_end.start()
    yield from restored(lab, served, SNAPSHOT)


def path_of(method: Method, name: str = "") -> str:
    service = f"{SERVICES}/{method.label}"
    return f"{service}/real-servers/{name}" if name else service


def seen(lab: Lab, kind: str, begin: list[int]) -> set[str]:
    """The addresses that the front ends have seen as clients since they had told of so many events."""
    told = [
        event
        for front_end, first in zip(lab.front_ends, begin, strict=True)
        for event in front_end.events()[first:]
    ]
    return {event.source for event in told if event.kind == kind and event.method in {"", "REGISTER"}}


def front_end(lab: Lab, name: str) -> FrontEnd:
    return next(each for each in lab.front_ends if each.name == name)


def other_than(name: str) -> str:
    return next(iter(NAMES - {name}))


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_a_client_stays_on_its_front_end_across_ports_and_protocols(
    lab: Lab, appliance: Appliance, method: Method
) -> None:
    begin = [len(each.events()) for each in lab.front_ends]
    some = method.clients(lab, 4)
    served_by = [{client.register(port) for port in PORTS} | {client.ask_by_datagram()} for client in some]
    assert all(len(names) == 1 for names in served_by)
    assert set.union(*served_by) == NAMES, "not all front ends took part"
    expected = {str(method.vip)} if method.forwarding == SNAT else {client.address for client in some}
    assert seen(lab, "request", begin) == expected
    assert seen(lab, "datagram", begin) == expected

    def counted() -> bool:
        servers = layer4.servers_of(appliance, method.label).values()
        return all(server["sessions_total"] > 0 and server["bytes_in"] > 0 for server in servers)

    # The kernel adds its counters up every 2 s (net/netfilter/ipvs/ip_vs_est.c).
    Deadline(COUNTED_S).wait_until(counted, f"both real servers of {method.label} to have been counted")


def test_several_source_addresses_share_the_connections_of_a_service(lab: Lab, appliance: Appliance) -> None:
    method = METHODS[SNAT]
    addresses = [str(SERVICE.interface(octet).ip) for octet in (75, 76)]
    appliance.call("PATCH", path_of(method), {"snat_addresses": addresses})
    begin = [len(each.events()) for each in lab.front_ends]
    for client in method.clients(lab, 6):
        assert client.wait_until_served(Deadline(30)) in NAMES
    assert seen(lab, "request", begin) == set(addresses)


@pytest.mark.parametrize(
    ("forwarding", "on_failure"),
    [
        (SNAT, "remove"),
        (DIRECT, "quiesce"),
        pytest.param(NAT, "quiesce", marks=pytest.mark.nightly),
        pytest.param(TUNNEL, "remove", marks=pytest.mark.nightly),
    ],
)
def test_a_front_end_that_fails_gets_nobody_and_keeps_its_connections_only_if_told(
    lab: Lab, appliance: Appliance, forwarding: str, on_failure: str
) -> None:
    method = METHODS[forwarding]
    appliance.call("PATCH", path_of(method), {"on_failure": on_failure})
    (client, *others) = method.clients(lab, 6)
    with client.connected(SIP_TCP_PORT) as held:
        victim = front_end(lab, held.register().front_end)
        with victim.hanging():
            layer4.wait_for_health(appliance, method.label, "down", Deadline(HEALTH_S), victim.name)
            assert client.wait_until_served(Deadline(30)) == other_than(victim.name)
            assert {each.register() for each in others} == {other_than(victim.name)}
        if on_failure == "quiesce":
            held.ping()
        else:
            with pytest.raises(OSError, match=r".*"):
                held.ping()
    layer4.wait_for_health(appliance, method.label, "up", Deadline(HEALTH_S), victim.name)
    assert {each.register() for each in method.clients(lab, 8, first=10)} == NAMES


@pytest.mark.parametrize("forwarding", [SNAT, pytest.param(DIRECT, marks=pytest.mark.nightly)])
def test_a_real_server_is_drained_halted_and_brought_back_at_run_time(
    lab: Lab, appliance: Appliance, forwarding: str
) -> None:
    method = METHODS[forwarding]
    (client,) = method.clients(lab, 1)
    with client.connected(SIP_TCP_PORT) as held:
        name = held.register().front_end
        state = f"{path_of(method, name)}/state"
        appliance.call("PUT", state, {"state": "drain"})
        assert {each.register() for each in method.clients(lab, 4, first=1)} == {other_than(name)}
        # Its persistence would lead the client itself back.
        assert client.register() == other_than(name)
        held.ping()
        appliance.call("PUT", state, {"state": "halt"})
        with pytest.raises(OSError, match=r".*"):
            held.ping()
        assert client.register() == other_than(name)
        appliance.call("PUT", state, {"state": "online"})
    layer4.wait_for_health(appliance, method.label, "up", Deadline(HEALTH_S), name)
    assert {each.register() for each in method.clients(lab, 8, first=10)} == NAMES


@pytest.mark.parametrize(
    "forwarding",
    [
        NAT,
        pytest.param(SNAT, marks=pytest.mark.nightly),
        pytest.param(TUNNEL, marks=pytest.mark.nightly),
    ],
)
def test_the_last_resort_serves_for_as_long_as_no_real_server_is_left(
    lab: Lab, appliance: Appliance, forwarding: str
) -> None:
    method = METHODS[forwarding]
    first, second = lab.front_ends
    fields = {
        "real_servers": [{"label": first.name, "ip": str(first.address)}],
        "fallback_server": {"ip": str(second.address)},
    }
    appliance.call("PATCH", path_of(method), fields)
    some = method.clients(lab, 3)
    assert {client.register() for client in some} == {first.name}
    with first.hanging():
        layer4.wait_for_health(appliance, method.label, "down", Deadline(HEALTH_S))
        assert {client.wait_until_served(Deadline(30)) for client in some} == {second.name}
        assert layer4.service_health(appliance, method.label) == "fallback"
        # What is down is drained, too, and comes back: keepalived lives through it.
        checker = appliance.machine.run("cat /run/lbva-layer4/checkers.pid").stdout
        for state in ("drain", "online"):
            appliance.call("PUT", f"{path_of(method, first.name)}/state", {"state": state})
            assert {client.wait_until_served(Deadline(30)) for client in some} == {second.name}
            assert appliance.machine.run("cat /run/lbva-layer4/checkers.pid").stdout == checker
    layer4.wait_for_health(appliance, method.label, "up", Deadline(HEALTH_S))
    assert {client.wait_until_served(Deadline(30)) for client in some} == {first.name}
    # By the administrator's will, too, and then what is open stays.
    with some[0].connected(SIP_TCP_PORT) as held:
        assert held.register().front_end == first.name
        appliance.call("PUT", f"{path_of(method, first.name)}/state", {"state": "drain"})
        assert {client.wait_until_served(Deadline(30)) for client in some} == {second.name}
        held.ping()
        assert layer4.service_health(appliance, method.label) == "fallback"
        appliance.call("PUT", f"{path_of(method, first.name)}/state", {"state": "online"})
    assert {client.wait_until_served(Deadline(30)) for client in some} == {first.name}


def test_every_scheduler_of_the_kernel_shares_clients_out(lab: Lab, appliance: Appliance) -> None:
    method = METHODS[SNAT]
    some = method.clients(lab, 4)
    weights = {front_end.name: weight for front_end, weight in zip(lab.front_ends, (3, 1), strict=True)}
    for name, weight in weights.items():
        appliance.call("PATCH", path_of(method, name), {"weight": weight})
    mark = mark_of(Layer4Service.model_validate(layer4.service_of(method, lab)))
    for scheduler in get_args(Layer4Service.model_fields["scheduler"].annotation):
        appliance.call("PATCH", path_of(method), {"scheduler": scheduler, "persistence": {"enabled": False}})
        in_kernel = appliance.machine.run("ipvsadm --list --numeric").stdout
        assert [str(mark), scheduler] in [line.split()[1:3] for line in in_kernel.splitlines()], in_kernel
        served_by = [client.wait_until_served(Deadline(30)) for client in (*some, *some)]
        if scheduler in {"dh", "sh", "mh"}:
            # By addresses: whoever comes again goes where they were.
            assert served_by[:4] == served_by[4:], scheduler
        elif scheduler == "wrr":
            assert Counter(served_by) == {name: 2 * weight for name, weight in weights.items()}
        elif scheduler == "rr":
            assert Counter(served_by) == dict.fromkeys(NAMES, 4)


SCRIPT = "#!/bin/bash\nexec 3<>/dev/tcp/$3/$4\n"


def test_a_check_script_decides_about_a_real_server(lab: Lab, appliance: Appliance) -> None:
    method = METHODS[SNAT]
    victim = lab.front_ends[0]
    appliance.call("POST", "/layer7/check-scripts", {"label": "connects", "text": SCRIPT})
    check = {"type": "external", "script": "connects", "interval_ms": 2000, "rise": 1}
    service = layer4.service_of(method, lab, label="Scripted", ports="15060", health_check=check)
    for server in service["real_servers"]:
        server["port"] = SIP_TCP_PORT
    appliance.call("POST", SERVICES, {**service, "protocol": "tcp"})
    with victim.stopped():
        layer4.wait_for_health(appliance, "Scripted", "down", Deadline(HEALTH_S), victim.name)
        layer4.wait_for_health(appliance, "Scripted", "up", Deadline(HEALTH_S), other_than(victim.name))
        (client,) = method.clients(lab, 1)
        assert _plain(lab, client.address, method) == other_than(victim.name)
    layer4.wait_for_health(appliance, "Scripted", "up", Deadline(HEALTH_S), victim.name)


MARKS = """table ip mine {
    chain marks {
        type filter hook prerouting priority mangle
        ip daddr %s tcp dport { 5060, 5069 } meta mark set 7
    }
}
"""


def test_what_the_firewall_script_marks_is_a_service(lab: Lab, appliance: Appliance) -> None:
    vip = SERVICE.interface(77).ip
    method = METHODS[SNAT]
    check = {"type": "sip", "check_ports": [SIP_TCP_PORT]}
    marked = {"label": "Marked", "ip": str(vip), "ports": None, "protocol": "mark", "firewall_mark": 7}
    service = {**layer4.service_of(method, lab, health_check=check), **marked}
    appliance.call("POST", SERVICES, service)
    (message,) = [each["text"] for each in appliance.get("/messages")["messages"] if "Marked" in each["text"]]
    assert message.startswith("No firewall script marks packets on this node, so it serves nobody by Marked.")
    appliance.call("PATCH", "/node?confirmed=true", {"firewall": {"script": MARKS % vip}})
    layer4.wait_for_health(appliance, "Marked", "up", Deadline(HEALTH_S))
    some = [OcsClient(lab, source, vip=vip) for source in method.sources[:4]]
    served_by = [{client.wait_until_served(Deadline(30)), client.register(5069)} for client in some]
    assert all(len(names) == 1 for names in served_by)
    assert set.union(*served_by) == NAMES
    assert not [each for each in appliance.get("/messages")["messages"] if "Marked" in each["text"]]


def test_every_method_serves_again_after_a_restart(lab: Lab, appliance: Appliance) -> None:
    with Faults(lab) as faults:
        faults.reboot(appliance.machine)()
    for method in METHODS.values():
        layer4.wait_for_health(appliance, method.label, "up", Deadline(HEALTH_S))
        served_by = {client.wait_until_served(Deadline(30)) for client in method.clients(lab, 4)}
        assert served_by == NAMES


def test_one_port_becomes_another_and_datagrams_can_be_all_of_a_service(
    lab: Lab, appliance: Appliance
) -> None:
    method = METHODS[SNAT]
    calls = layer4.service_of(method, lab, label="Other-Port", ports="15060", protocol="tcp")
    for server in calls["real_servers"]:
        server["port"] = SIP_TCP_PORT
    check = {"type": "sip", "interval_ms": 2000, "check_ports": SIP_TCP_PORT}
    flows = layer4.service_of(method, lab, label="Flows", ports="15060", protocol="udp", health_check=check)
    for server in flows["real_servers"]:
        server["port"] = SIP_TCP_PORT
    for service in (calls, flows):
        appliance.call("POST", SERVICES, service)
        layer4.wait_for_health(appliance, service["label"], "up", Deadline(HEALTH_S))
    some = method.clients(lab, 6)
    by_port = {client.address: _plain(lab, client.address, method) for client in some}
    assert set(by_port.values()) == NAMES
    assert {client.ask_by_datagram(15060) for client in some} == NAMES


def test_what_happens_is_told_by_messages_alerts_metrics_and_graphs(lab: Lab, appliance: Appliance) -> None:
    method = METHODS[SNAT]
    victim = lab.front_ends[0]
    graphs = {f"server~{method.label}~{each.name}" for each in lab.front_ends} | {f"service~{method.label}"}
    state = f'service="{method.label}",forwarding="{SNAT}",server="{victim.name}"'

    def told() -> list[str]:
        return [each["text"] for each in appliance.get("/messages")["messages"] if "lbva-" in each["text"]]

    def alerts() -> list[tuple[str, str]]:
        return [(each["event"], each["object"]) for each in appliance.get("/alerts")["alerts"]]

    def metrics() -> set[str]:
        return set(appliance.http.get(f"{API}/metrics").text.splitlines())

    def measured() -> set[str]:
        return {each["id"] for each in appliance.get("/graphs")["graphs"]}

    assert told() == []
    assert f'lbva_layer4_server_health{{{state},state="up"}} 1' in metrics()
    with victim.hanging():
        layer4.wait_for_health(appliance, method.label, "down", Deadline(HEALTH_S), victim.name)
        lost = ("real-server-down", f"{method.label}/{victim.name}")
        Deadline(HEALTH_S).wait_until(lambda: lost in alerts(), "the alert")
        assert f'lbva_layer4_server_health{{{state},state="down"}} 1' in metrics()
    Deadline(HEALTH_S).wait_until(lambda: graphs <= measured(), "graphs of layer 4")
    appliance.machine.run("systemctl stop lbva-checks.service")
    assert [text.partition(",")[0] for text in told()] == ["lbva-checks does not answer"]


def _plain(lab: Lab, address: str, method: Method) -> str:
    with lab.connect(method.host, (str(method.vip), 15060), source=address, timeout_s=20) as connection:
        return SipClient(connection).register().front_end


def test_the_guides_service_at_layer_4_by_lbcli_serves_the_pool(lab: Lab, fresh: Appliance) -> None:
    fresh.join_service_network()
    ports = ",".join(map(str, OCS_PORTS))
    machine = lab.machine("lb1")
    service = f"--label {SERVICE_LABEL} --ip {VIP} --ports {ports} --forwarding snat --check-port 5061"
    machine.run(f"lbcli add-layer4-vip {service}")
    for each in lab.front_ends:
        machine.run(f"lbcli add-layer4-rip --vip {SERVICE_LABEL} --label {each.name} --ip {each.address}")
    expect_guides_service(lab, fresh)
    assert SERVICE_LABEL in machine.run("lbcli list-layer4-vips").stdout


def expect_guides_service(lab: Lab, appliance: Appliance) -> None:
    """Front ends are up, serve clients who keep theirs across the guide's ports, and see the appliance."""
    layer4.wait_for_health(appliance, SERVICE_LABEL, "up", Deadline(HEALTH_S))
    begin = [len(each.events()) for each in lab.front_ends]
    served_by = [{client.register(port) for port in PORTS} for client in clients(lab, 6)]
    assert all(len(names) == 1 for names in served_by)
    assert set.union(*served_by) == NAMES
    assert seen(lab, "request", begin) == {str(VIP)}
    answers = {port: answer_of(lab, port, "192.168.10.130") for port in OCS_PORTS}
    names = {port: next((name for name in NAMES if name in text), None) for port, text in answers.items()}
    assert len(names) == len(OCS_PORTS)
    assert len(set(names.values())) == 1, names
    assert None not in names.values(), names


def test_the_guides_service_at_layer_4_by_page_serves_the_pool(lab: Lab, fresh: Appliance) -> None:
    fresh.join_service_network()
    expect.set_options(timeout=PAGE_S * 1000)
    url = f"https://{fresh.machine.address}:{HTTPS_PORT}"
    with (
        chromium(functools.partial(lab.inside.argv, "client")) as browser,
        visitor(browser, url, size=(1180, 800)) as context,
    ):
        complaints = Complaints(context)
        page = context.new_page()
        log_in(page, *FACTORY_LOGIN)
        ui = WebUi(page)
        guide.add_layer4_service(ui)
        guide.add_servers(
            ui,
            [guide.Server(each.name, str(each.address)) for each in lab.front_ends],
            menu=guide.LAYER4_SERVERS,
        )
        expect_guides_service(lab, fresh)
        assert complaints.found == []
