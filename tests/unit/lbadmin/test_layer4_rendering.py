"""What layer 4 services are rendered to."""

from ipaddress import ip_address
from typing import Any

import pytest

from lbadmin.model import ClusterConfig, NodeConfig
from lbadmin.pair.model import PairConfig
from lbadmin.render.keepalived import virtual_addresses
from lbadmin.render.layer4 import (
    LAYER4_CONF,
    LAYER4_SYSCTL,
    ServiceKey,
    check_path,
    key_of,
    mark_of,
    render_layer4,
)
from lbadmin.render.layer4_checks import CHECKS_CFG, render_layer4_checks
from lbadmin.render.layer4_rules import LAYER4_RULES, render_layer4_rules
from lbadmin.render.layer4_sync import CONNTRACKD_CONF, SYNC_ENV, render_layer4_sync

VIP = ip_address("192.168.10.30")
NODE = NodeConfig.model_validate({"interfaces": [{"name": "eth1", "addresses": ["192.168.10.21/24"]}]})
PAIR = PairConfig.model_construct(
    local_ip=ip_address("192.168.10.21"), peer_ip=ip_address("192.168.10.22"), router_id=21
)
SERVERS = [{"label": f"FE-{number}", "ip": f"192.168.10.3{number}"} for number in (1, 2)]


def cluster(**fields: Any) -> ClusterConfig:  # noqa: ANN401 - whatever the fields hold
    service = {"label": "OCS", "ip": str(VIP), "ports": "5060,5061,5071-5074", "real_servers": SERVERS}
    return ClusterConfig.model_validate({"layer4_services": [{**service, **fields}]})


def conf(**fields: Any) -> str:  # noqa: ANN401 - whatever the fields hold
    return render_layer4(cluster(**fields))[LAYER4_CONF]


def rules(pair: PairConfig | None = None, node: NodeConfig = NODE, **fields: Any) -> str:  # noqa: ANN401
    return render_layer4_rules(cluster(**fields), node, pair)[LAYER4_RULES]


def test_a_single_node_without_services_has_empty_files() -> None:
    nothing = ClusterConfig()
    rendered = {
        **render_layer4(nothing),
        **render_layer4_checks(nothing),
        **render_layer4_rules(nothing, NODE, PAIR),
        **render_layer4_sync(nothing, NODE, PAIR),
    }
    assert set(rendered.values()) == {""}
    assert set(render_layer4_sync(cluster(), NODE, None).values()) == {""}


@pytest.mark.parametrize(
    "without",
    [
        {"enabled": False},
        {"real_servers": []},
        {"real_servers": [{**server, "state": "halt"} for server in SERVERS]},
    ],
)
def test_a_service_that_has_nowhere_to_send_clients_is_left_out(without: dict[str, Any]) -> None:
    assert conf(**without) == ""
    assert rules(**without) == ""


def test_one_port_is_known_by_its_address_and_several_by_a_mark() -> None:
    one = cluster(ports=[5060]).layer4_services[0]
    assert key_of(one) == ServiceKey(None, "tcp", VIP, 5060)
    assert "virtual_server 192.168.10.30 5060 {" in conf(ports=[5060])
    several = cluster().layer4_services[0]
    assert key_of(several) == ServiceKey(mark_of(several))
    assert f"virtual_server fwmark {mark_of(several)} {{" in conf()
    assert key_of(cluster(ports=[53], protocol="both").layer4_services[0]).mark is not None
    assert key_of(cluster(ports=None, protocol="mark", firewall_mark=7).layer4_services[0]).mark == 7


def test_what_is_renamed_or_gets_another_port_keeps_its_mark_and_its_checks() -> None:
    before = cluster().layer4_services[0]
    after = cluster(label="Pool", ports="5060,5061").layer4_services[0]
    assert mark_of(before) == mark_of(after)
    assert check_path(before, before.real_servers[0]) == check_path(after, after.real_servers[0])
    assert mark_of(before) != mark_of(cluster(ip="192.168.10.31").layer4_services[0])


def test_a_draining_server_has_no_weight_and_a_halted_one_is_not_there() -> None:
    states = [{**SERVERS[0], "state": "drain"}, {**SERVERS[1], "state": "halt"}]
    text = conf(real_servers=states)
    assert "real_server 192.168.10.31 0 {\n        weight 0\n" in text
    assert "192.168.10.32" not in text
    assert "192.168.10.32" not in render_layer4_checks(cluster(real_servers=states))[CHECKS_CFG]


def test_the_last_resort_serves_when_all_others_were_taken_out() -> None:
    fallback = {"ip": "192.168.10.99"}
    assert "sorry_server 192.168.10.99 0\n" in conf(fallback_server=fallback)
    for state in ("drain", "halt"):
        servers = [{**server, "state": state} for server in SERVERS]
        text = conf(fallback_server=fallback, real_servers=servers)
        assert "sorry_server" not in text
        assert "real_server 192.168.10.99 0 {\n        weight 1\n    }\n" in text


def test_persistence_is_in_whole_seconds_and_its_granularity_a_mask() -> None:
    assert "persistence_timeout 300\n" in conf()
    assert "persistence_timeout 2\n" in conf(persistence={"timeout_ms": 1001})
    assert "persistence" not in conf(persistence={"enabled": False})
    assert "persistence_granularity 255.255.240.0\n" in conf(persistence={"granularity": 20})
    six = {"ip": "2001:db8::30", "real_servers": [{"label": "FE-1", "ip": "2001:db8::31"}]}
    assert "persistence_granularity 64\n" in conf(persistence={"granularity": 64}, **six)
    assert " inet6 {" in conf(**six)


@pytest.mark.parametrize(
    ("forwarding", "method", "forwards", "tracks"),
    [("snat", "NAT", 1, 1), ("nat", "NAT", 1, 0), ("dr", "DR", 0, 0), ("tun", "TUN", 0, 0)],
)
def test_only_modes_that_need_it_make_the_appliance_a_router(
    forwarding: str, method: str, forwards: int, tracks: int
) -> None:
    assert f"lvs_method {method}\n" in conf(forwarding=forwarding)
    settings = render_layer4(cluster(forwarding=forwarding))[LAYER4_SYSCTL]
    assert f"net.ipv4.ip_forward = {forwards}\n" in settings
    assert f"net.ipv4.vs.conntrack = {tracks}\n" in settings
    text = rules(forwarding=forwarding)
    assert ("policy drop" in text) == bool(forwards)
    assert ("snat ip to 192.168.10.30" in text) == bool(tracks)
    assert ("notrack" in text) == bool(tracks)


def test_real_servers_behind_nat_alone_are_routed_for() -> None:
    text = rules(forwarding="nat")
    assert "ip saddr { 192.168.10.31, 192.168.10.32 } accept" in text
    assert "ct status" not in text
    text = rules(forwarding="nat", fallback_server={"ip": "192.168.10.99"})
    assert "ip saddr { 192.168.10.31, 192.168.10.32, 192.168.10.99 } accept" in text
    assert "ct status snat accept" in rules()


def test_only_what_snat_translates_is_tracked() -> None:
    text = rules(snat_addresses=["192.168.10.40"], fallback_server={"ip": "192.168.10.99"})
    mark = mark_of(cluster().layer4_services[0])
    servers = "{ 192.168.10.31, 192.168.10.32, 192.168.10.99 }"
    assert f"meta mark {{ {mark} }} accept" in text
    assert f"ip saddr {servers} ip daddr {{ 192.168.10.40 }} accept" in text
    assert "ip daddr { 192.168.10.30, 192.168.10.40 } icmp type { destination-unreachable, " in text
    assert text.count("accept\n        notrack\n") == 1


def test_several_sources_take_turns_and_are_brought_up() -> None:
    sources = ["192.168.10.40", "192.168.10.41"]
    assert "snat ip to numgen inc mod 2 map { 0 : 192.168.10.40, 1 : 192.168.10.41 }" in rules(
        snat_addresses=sources
    )
    assert {str(ip) for ip in virtual_addresses(cluster(snat_addresses=sources))} == {str(VIP), *sources}


def test_a_firewall_script_may_track_whatever_it_wants() -> None:
    scripted = NODE.model_copy(update={"firewall": NODE.firewall.model_copy(update={"script": "table t {}"})})
    assert "notrack" not in rules(node=scripted)


def test_the_state_goes_to_the_peer_alone_and_comes_from_nobody_else() -> None:
    text = rules(PAIR)
    assert "ip daddr 224.0.0.81 udp dport 8848 ip saddr set 192.168.10.21 ip daddr set 192.168.10.22" in text
    assert "udp dport { 8848, 3780 } ip daddr 192.168.10.21 ip saddr != 192.168.10.22 drop" in text
    files = render_layer4_sync(cluster(), NODE, PAIR)
    assert files[SYNC_ENV] == "INTERFACE=eth1\nGROUP=224.0.0.81\nID=21\n"
    assert "IPv4_Destination_Address 192.168.10.22\n" in files[CONNTRACKD_CONF]
    assert render_layer4_sync(cluster(forwarding="dr"), NODE, PAIR)[CONNTRACKD_CONF] == ""
