"""What layer 4 services may be, and the sentence for each thing that they may not."""

import copy
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lbadmin import edits, rules_layer4
from lbadmin.errors import DuplicateError, RefusedError
from lbadmin.fields import port_span
from lbadmin.model import ClusterConfig, Layer4Service
from lbadmin.render.layer4 import own_mark
from lbadmin.rules import check_rules, parse_cluster, parse_node
from lbadmin.rules_layer4 import warnings_of

OCS: dict[str, Any] = {
    "label": "OCS",
    "ip": "192.168.10.30",
    "ports": "5060,5061,135,443,444,5065,5069,5071-5074,8404",
    "health_check": {"check_ports": 5061},
    "real_servers": [
        {"label": "FE-1", "ip": "192.168.10.31"},
        {"label": "FE-2", "ip": "192.168.10.32"},
    ],
}
WEB: dict[str, Any] = {"label": "web", "ip": "192.168.10.40", "ports": "80"}
MARK: dict[str, Any] = {
    **WEB, "protocol": "mark", "ports": None, "firewall_mark": 7, "health_check": {"type": "none"},
}  # fmt: skip
NODE = {
    "interfaces": [
        {"name": "eth0", "addresses": ["192.168.2.21/24", "2001:db8::21/64"]},
        {"name": "eth1"},
        {"name": "eth2"},
        {"name": "bond0", "bond": {"members": ["eth1", "eth2"]}},
        {"name": "bond0.10", "vlan": {"parent": "bond0", "id": 10}, "addresses": ["192.168.10.21/24"]},
    ]
}
Edit = Callable[[dict[str, Any]], object]


def cluster(*edits: Edit) -> ClusterConfig:
    document: dict[str, Any] = {"layer4_services": [copy.deepcopy(OCS)]}
    for edit in edits:
        edit(document)
    return parse_cluster(document)


def check(*edits: Edit) -> None:
    check_rules(cluster(*edits), parse_node(NODE))


def refusal(*edits: Edit) -> RefusedError:
    with pytest.raises(RefusedError) as caught:
        check(*edits)
    return caught.value


def service(**fields: object) -> Edit:
    return lambda document: document["layer4_services"][0].update(fields)


def server(**fields: object) -> Edit:
    return lambda document: document["layer4_services"][0]["real_servers"][1].update(fields)


def another(old: dict[str, Any] = WEB, **fields: object) -> Edit:
    return lambda document: document["layer4_services"].append({**copy.deepcopy(old), **fields})


def layer7(**fields: object) -> Edit:
    return lambda document: document.update(virtual_services=[{**WEB, "label": "http", **fields}])


def floating(*addresses: str) -> Edit:
    return lambda document: document.update(ha={"floating_addresses": addresses})


def external(script: str | None) -> Edit:
    return service(health_check={"type": "external", "script": script})


def many(document: dict[str, Any]) -> None:
    servers = [{"label": f"S-{n}", "ip": f"10.0.0.{n + 1}"} for n in range(250)]
    for number in range(9):
        another(label=f"a-{number}", ports=[80 + number], real_servers=servers)(document)
    old = [{**WEB, "label": f"b-{n}", "ports": [180 + n], "real_servers": servers} for n in range(8)]
    document["virtual_services"] = old


@pytest.mark.parametrize(
    ("edit", "field", "sentence"),
    [
        (another(MARK, firewall_mark=65536), "firewall_mark",
         "firewall_mark 65536 of web is not between 1 and 65535"),
        (service(persistence={"granularity": 0}), "persistence.granularity",
         "granularity 0 of OCS is not between 1 and 128"),
        (service(forwarding="fullnat"), "forwarding",
         "forwarding fullnat of OCS is not one of 'snat', 'nat', 'dr' or 'tun'"),
        (service(scheduler="leastconn"), "scheduler",
         ("scheduler leastconn of OCS is not one of 'wlc', 'wrr', 'lc', 'rr', 'dh', 'sh' or 'mh'")),
        (service(snat_addresses=["here"]), "snat_addresses.0",
         ("SNAT address here of OCS is not an IP address; "
          "write it such as 192.168.10.30 or 2001:db8::30")),
        (server(weight=257), "real_servers.1.weight", "weight 257 of FE-2 in OCS is not between 0 and 256"),
        (service(ports=None), "ports",
         "ports of OCS is missing; name those that clients connect to, or choose the protocol mark"),
        (another(MARK, ports="80,81"), "ports",
         "ports 80,81 of web say nothing with the protocol mark; leave it blank, or choose tcp, udp or both"),
        (another(MARK, firewall_mark=None), "firewall_mark",
         "firewall_mark of web is missing; give the number that the firewall script marks its packets with"),
        (another(firewall_mark=7), "firewall_mark",
         "firewall_mark 7 of web needs the protocol mark; choose it, or leave it blank"),
        (service(ports="22"), "ports",
         "port 22 of OCS is used by SSH of this appliance; choose another port"),
        (service(ports="100-200", protocol="both"), "ports",
         "port 161 of OCS is used by SNMP of this appliance; choose another port"),
        (server(port=5060), "real_servers.1.port",
         "port 5060 of FE-2 in OCS would be the one for all that clients come to; leave it blank"),
        (service(ports="53", protocol="both", fallback_server={"ip": "192.168.10.33", "port": 53}),
         "fallback_server.port",
         ("port 53 of the fallback server of OCS would be the one for all that clients come to; "
          "leave it blank")),
        (another(MARK, real_servers=[{"label": "W-1", "ip": "192.168.10.41", "port": 80}]),
         "real_servers.0.port",
         "port 80 of W-1 in web would be the one for all that clients come to; leave it blank"),
        (another(forwarding="dr", real_servers=[{"label": "W-1", "ip": "192.168.10.41", "port": 8080}]),
         "real_servers.0.port",
         ("port 8080 of W-1 in web is not 80, and Direct Routing can't change ports; leave it blank, "
          "or choose SNAT or NAT")),
        (another(forwarding="tun", fallback_server={"ip": "192.168.10.41", "port": 8080}),
         "fallback_server.port",
         ("port 8080 of the fallback server of web is not 80, and Tunnel can't change ports; leave it blank, "
          "or choose SNAT or NAT")),
        (service(fallback_server={"port": 80}), "fallback_server.ip",
         "ip of the fallback server of OCS is missing; give it an address, or no port either"),
        ([service(forwarding="nat"), server(ip="10.0.0.1")], "real_servers.1.ip",
         ("address 10.0.0.1 of FE-2 in OCS is in no subnet of this node, so its answers would not come back "
          "through the appliance; choose SNAT, or give the appliance an address there")),
        ([service(forwarding="dr"), server(ip="10.0.0.1")], "real_servers.1.ip",
         ("address 10.0.0.1 of FE-2 in OCS is in no subnet of this node, and Direct Routing needs one "
          "network segment; choose SNAT or Tunnel")),
        (service(forwarding="dr", fallback_server={"ip": "10.0.0.1"}), "fallback_server.ip",
         ("address 10.0.0.1 of the fallback server of OCS is in no subnet of this node, and Direct Routing "
          "needs one network segment; choose SNAT or Tunnel")),
        (server(ip="2001:db8::32"), "real_servers.1.ip",
         "address 2001:db8::32 of FE-2 in OCS is not of IPv4, as 192.168.10.30 is; name one that is"),
        (service(ip="2001:db8::30", fallback_server={"ip": "2001:db8::33"}), "real_servers.0.ip",
         "address 192.168.10.31 of FE-1 in OCS is not of IPv6, as 2001:db8::30 is; name one that is"),
        (service(fallback_server={"ip": "2001:db8::33"}), "fallback_server.ip",
         ("address 2001:db8::33 of the fallback server of OCS is not of IPv4, as 192.168.10.30 is; "
          "name one that is")),
        (service(snat_addresses=["192.168.10.34", "2001:db8::34"]), "snat_addresses.1",
         "SNAT address 2001:db8::34 of OCS is not of IPv4, as 192.168.10.30 is; name one that is"),
        (service(persistence={"granularity": 33}), "persistence.granularity",
         "granularity 33 of OCS is more than the 32 bits of an address; choose less, or leave it blank"),
        (service(persistence={"timeout_ms": "999ms"}), "persistence.timeout_ms",
         "timeout_ms 999 of OCS is not at least 1000, one second"),
        (service(ip="224.0.0.18"), "ip",
         "address 224.0.0.18 of OCS is not the address of one host; name a unicast address"),
        (service(ip="192.168.10.21"), "ip",
         "address 192.168.10.21 of OCS is this node's own address on bond0.10; choose a free one"),
        (server(ip="192.168.10.30"), "real_servers.1.ip",
         "address 192.168.10.30 of FE-2 in OCS is the virtual service OCS itself; name the server behind it"),
        ([layer7(), server(ip="192.168.10.40")], "real_servers.1.ip",
         ("address 192.168.10.40 of FE-2 in OCS is the virtual service http itself; "
          "name the server behind it")),
        (server(ip="192.168.2.21"), "real_servers.1.ip",
         ("address 192.168.2.21 of FE-2 in OCS is this node's own address on eth0; "
          "name the server behind it")),
        (service(fallback_server={"ip": "127.0.0.1"}), "fallback_server.ip",
         ("address 127.0.0.1 of the fallback server of OCS is a loopback address; "
          "name one that the network reaches")),
        (service(snat_addresses=["192.168.10.34"], forwarding="nat"), "snat_addresses",
         "snat_addresses of OCS are for SNAT; choose it, or leave them blank"),
        (service(snat_addresses=["127.0.0.1"]), "snat_addresses.0",
         "SNAT address 127.0.0.1 of OCS is a loopback address; name one that the network reaches"),
        (service(snat_addresses=["192.168.10.255"]), "snat_addresses.0",
         ("SNAT address 192.168.10.255 of OCS is the address of the network 192.168.10.0/24 itself; "
          "name one host")),
        (service(snat_addresses=["192.168.10.21"]), "snat_addresses.0",
         "SNAT address 192.168.10.21 of OCS is this node's own address on bond0.10; choose a free one"),
        (service(snat_addresses=["192.168.10.32"]), "snat_addresses.0",
         "SNAT address 192.168.10.32 of OCS is the real server FE-2; choose a free one"),
        (service(snat_addresses=["192.168.10.34", "192.168.10.34"]), "snat_addresses.1",
         "SNAT address 192.168.10.34 of OCS is there twice; name each address once"),
        (another(protocol="udp"), "health_check.check_ports",
         ("check_ports of web is missing; checks are TCP, so name a TCP port of the real servers, "
          "or choose another type")),
        (another(MARK, health_check={"type": "sip"}), "health_check.check_ports",
         ("check_ports of web is missing; checks are TCP, so name a TCP port of the real servers, "
          "or choose another type")),
        (external(None), "health_check.script",
         "script of OCS is missing; an external health check needs a check script"),
        (external("look"), "health_check.script",
         ("script look of OCS is not there; add the check script first, "
          "or choose one of those that are")),
    ],
)  # fmt: skip
def test_a_refusal_names_field_value_and_remedy(edit: Edit | list[Edit], field: str, sentence: str) -> None:
    error = refusal(*(edit if isinstance(edit, list) else [edit]))
    assert error.sentence == sentence
    assert error.faults[0].field.split(".", 2)[::2] == ["layer4_services", field]
    assert error.status == 422


@pytest.mark.parametrize(
    ("edit", "field", "sentence"),
    [
        (another(label="OCS"), "layer4_services.1.label",
         "label OCS is used by another virtual service; choose another label"),
        (layer7(label="OCS"), "layer4_services.0.label",
         "label OCS is used by another virtual service; choose another label"),
        (server(label="FE-1"), "layer4_services.0.real_servers.1.label",
         "label FE-1 is used by another real server of OCS; choose another label"),
        (server(ip="192.168.10.31"), "layer4_services.0.real_servers.1.ip",
         "address 192.168.10.31 of FE-2 in OCS is the one of FE-1; name each real server once"),
        ([service(ports="5060"), server(ip="192.168.10.31", port=5060)],
         "layer4_services.0.real_servers.1.ip",
         "address 192.168.10.31 port 5060 of FE-2 in OCS is the one of FE-1; name each real server once"),
        (service(fallback_server={"ip": "192.168.10.31"}), "layer4_services.0.fallback_server.ip",
         ("address 192.168.10.31 of the fallback server of OCS is the one of FE-1; "
          "choose a server that clients are not sent to anyway")),
        ([another(MARK), another(MARK, label="other")], "layer4_services.2.firewall_mark",
         "firewall_mark 7 of other is the one of web; choose another mark"),
        (another(ip="192.168.10.30", ports="5000-5060"), "layer4_services.1.ports",
         "port 5060 on 192.168.10.30 of web is taken by OCS; choose another address or port"),
        (another(ip="192.168.10.30", ports="5060", protocol="both"), "layer4_services.1.ports",
         "port 5060 on 192.168.10.30 of web is taken by OCS; choose another address or port"),
        (layer7(ip="192.168.10.30", ports="443"), "virtual_services.0.ports",
         ("port 443 on 192.168.10.30 is both the layer 7 service http's and the layer 4 service OCS's; "
          "choose another address or port for one of them")),
    ],
)  # fmt: skip
def test_a_duplicate_is_a_conflict(edit: Edit | list[Edit], field: str, sentence: str) -> None:
    error = refusal(*(edit if isinstance(edit, list) else [edit]))
    assert isinstance(error, DuplicateError)
    assert (error.sentence, error.faults[0].field) == (sentence, field)


def test_a_port_of_both_layers_is_told_at_both() -> None:
    faults = refusal(layer7(ip="192.168.10.30", ports="443")).faults
    assert [each.field for each in faults] == ["virtual_services.0.ports", "layer4_services.0.ports"]


@pytest.mark.parametrize(
    "edit",
    [
        service(forwarding="nat"),
        service(forwarding="dr", fallback_server={"ip": "192.168.2.33"}),
        [service(forwarding="tun"), server(ip="10.0.0.1")],
        [service(forwarding="snat"), server(ip="10.0.0.1")],
        service(ports="5060", fallback_server={"ip": "192.168.10.33", "port": 8080}),
        [service(ports="5060", forwarding="nat"), server(port=8080)],
        [service(ports="5060", forwarding="dr"), server(port=5060)],
        another(ip="192.168.10.30", ports="5060", protocol="udp", health_check={"check_ports": 5061}),
        [service(protocol="udp"), layer7(ip="192.168.10.30", ports="5060")],
        another(MARK),
        another(ip="2001:db8::30", persistence={"granularity": 64}),
        service(persistence={"timeout_ms": "1s", "granularity": 32}),
        service(ports="80", protocol="both", health_check={}),
        [service(snat_addresses=["192.168.10.40"]), another(snat_addresses=["192.168.10.40"])],
        [service(snat_addresses=["192.168.10.50"]), floating("192.168.10.50")],
        [layer7(label="L7"), another(ports="81")],
    ],
)  # fmt: skip
def test_what_each_mode_can_do_is_allowed(edit: Edit | list[Edit]) -> None:
    check(*(edit if isinstance(edit, list) else [edit]))


def test_services_whose_marks_collide_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules_layer4, "own_mark", lambda _: 70_000)
    (fault,) = refusal(another()).faults
    assert fault.field == "layer4_services.1.ports"
    assert fault.message == (
        "ports of web would be marked for IPVS as those of OCS are; "
        "choose another address or another first port"
    )


def test_real_servers_of_both_layers_count_together() -> None:
    assert refusal(many).sentence == (
        "4252 real servers of all virtual services together are more than 4096; remove some"
    )


def test_ports_of_layer_4_count_together() -> None:
    ports = ",".join(str(number) for number in range(1000, 2024))
    edits_ = [
        another(label=f"a-{number}", ip=f"192.168.10.{number}", ports=ports) for number in range(40, 44)
    ]
    assert refusal(*edits_).sentence == (
        "4105 ports and ranges of layer 4 of all virtual services together are more than 4096; remove some"
    )


def test_a_floating_address_is_no_server() -> None:
    last_resort = service(fallback_server={"ip": "192.168.10.99"})
    assert refusal(last_resort, floating("192.168.10.99")).sentence == (
        "floating address 192.168.10.99 is the fallback server of OCS; choose a free one"
    )
    assert refusal(floating("192.168.10.32")).sentence == (
        "floating address 192.168.10.32 is the real server FE-2; choose a free one"
    )


def test_a_script_that_layer_4_uses_is_kept() -> None:
    script = {"check_scripts": [{"label": "look", "text": "#!/bin/sh\nexit 0\n"}]}
    used = cluster(external("look"), lambda document: document.update(script))
    check_rules(used, parse_node(NODE))
    renamed = used.check_scripts[0].model_copy(update={"label": "see"})
    sentence = "check script look is used by OCS; choose another one there first"
    with pytest.raises(RefusedError, match=sentence):
        edits.remove_script(used, "look")
    with pytest.raises(RefusedError, match=sentence):
        edits.replace_script(used, "look", renamed)


@pytest.mark.parametrize(
    ("fields", "warned"),
    [
        ({"forwarding": "nat"}, "NAT"),
        ({"forwarding": "dr"}, "Direct Routing"),
        ({"forwarding": "dr", "ports": "5000-5100"}, "Direct Routing"),
        ({"forwarding": "snat"}, None),
        ({"forwarding": "tun"}, None),
        ({"forwarding": "dr", "ports": "80,443"}, None),
        ({"forwarding": "dr", "protocol": "mark", "ports": None, "firewall_mark": 7}, None),
    ],
)
def test_of_what_microsoft_advises_against_is_warned(fields: dict[str, Any], warned: str | None) -> None:
    (found,) = cluster(service(**fields)).layer4_services
    expected = (
        f"OCS has SIP ports and the forwarding method {warned}: for OCS 2007 R2 Microsoft does not support "
        "destination NAT and does not recommend direct server return; choose SNAT"
    )
    assert warnings_of(found) == ([] if warned is None else [expected])


SPANS = st.tuples(st.integers(1, 12), st.integers(1, 12)).map(lambda span: f"{min(span)}-{max(span)}")
SERVICES = st.builds(
    lambda ip, protocol, ports: {
        "ip": f"10.0.0.{ip}", "protocol": protocol, "ports": [ports], "health_check": {"type": "none"},
    },
    st.integers(1, 2), st.sampled_from(["tcp", "udp", "both"]), SPANS,
)  # fmt: skip


@given(st.lists(SERVICES, max_size=5), st.lists(SPANS, max_size=2))
def test_services_are_refused_just_when_two_want_one_packet(
    services: list[dict[str, Any]], haproxys: list[str]
) -> None:
    def packets(service: dict[str, Any]) -> set[tuple[str, str, int]]:
        first, last = port_span(service["ports"][0])
        protocols = ("tcp", "udp") if service["protocol"] == "both" else (service["protocol"],)
        return {(service["ip"], name, port) for name in protocols for port in range(first, last + 1)}

    sevens = [{"ip": "10.0.0.1", "protocol": "tcp", "ports": [ports]} for ports in haproxys]
    document = {
        name: [{**each, "label": f"{name}-{number}"} for number, each in enumerate(found)]
        for name, found in (("layer4_services", services), ("virtual_services", sevens))
    }
    wanted = [packets(each) for each in (*services, *sevens)]
    distinct = len(set().union(*wanted)) == sum(map(len, wanted))
    if distinct:
        check_rules(parse_cluster(document), parse_node(NODE))
    else:
        with pytest.raises(DuplicateError):
            check_rules(parse_cluster(document), parse_node(NODE))


@given(st.integers(1, 65535), st.integers(0, 2**32 - 1))
def test_a_mark_of_the_appliances_own_is_none_of_an_administrator(port: int, ip: int) -> None:
    made = Layer4Service(label="web", ip=ip_address(ip), ports=(port,))
    assert 65_535 < own_mark(made) < 2**31
