"""Interfaces, bonds, VLANs and routes: what is refused, what is rendered, and what could cut somebody off."""

from typing import Any, TypeAlias

import pytest

from lbadmin.errors import RefusedError
from lbadmin.model import NodeConfig
from lbadmin.node.routelines import line_of, route_of
from lbadmin.node.rules import could_cut_off
from lbadmin.render import KEEPALIVED_CONF, render
from lbadmin.render.network import NETWORK_DIR, netdevs_of, without_mtu
from lbadmin.rules import check_rules, parse_cluster, parse_node

Json: TypeAlias = Any

ETH0 = {"name": "eth0", "addresses": ["192.168.2.21/24"]}
ETH1 = {"name": "eth1", "addresses": ["192.168.10.21/24"]}
CARDS: list[Json] = [{"name": "eth1"}, {"name": "eth2"}]
BOND = {"name": "bond0", "addresses": ["192.168.10.21/24"], "bond": {"members": ["eth1", "eth2"]}}


def vlan(number: int, parent: str, **more: object) -> Json:
    return {"name": f"vlan{number}", "vlan": {"parent": parent, "id": number}, **more}


def refusals(interfaces: list[Json] | None = None, **fields: object) -> list[tuple[str, str]]:
    """Return field and sentence of all that is refused."""
    document = {"interfaces": [ETH0, ETH1] if interfaces is None else interfaces, **fields}
    try:
        check_rules(parse_cluster({}), parse_node(document))
    except RefusedError as error:
        return [(fault.field, fault.message) for fault in error.faults]
    return []


BAD_INTERFACES: list[tuple[list[Json], str, str]] = [
    (
        [ETH0, vlan(5000, "eth0")],
        "interfaces.1.vlan.id",
        "id 5000 of vlan5000 is not between 1 and 4094",
    ),
    (
        [ETH0, vlan(20, "eth7")],
        "interfaces.1.vlan.parent",
        "parent eth7 of vlan20 is not an interface of this node; add it, or name another",
    ),
    (
        [ETH0, vlan(20, "vlan30"), vlan(30, "vlan20")],
        "interfaces.1.vlan.parent",
        "parent vlan30 of vlan20 is on vlan20 itself; name a network card or a bond",
    ),
    (
        [ETH0, vlan(20, "eth0"), {**vlan(20, "eth0"), "name": "other"}],
        "interfaces.2.vlan.id",
        "VLAN 20 of eth0 is vlan20 already; choose another id than vlan20 has",
    ),
    (
        [ETH0, vlan(20, "eth0", mtu=9000)],
        "interfaces.1.mtu",
        (
            "mtu 9000 of vlan20 is above the 1500 of eth0, which carries it; raise that of eth0, "
            "or lower this one"
        ),
    ),
    (
        [{**ETH0, "mtu": 100}],
        "interfaces.0.mtu",
        "mtu 100 of eth0 is not between 576 and 9216",
    ),
    (
        [{"name": "eth0", "addresses": ["2001:db8::21/64"], "mtu": 1279}],
        "interfaces.0.mtu",
        "mtu 1279 of eth0 is below 1280, the least for its IPv6 addresses; raise it",
    ),
    (
        [ETH0, *CARDS, {"name": "bond0", "bond": {"members": ["eth1", "eth2", "eth1"]}}],
        "interfaces.3.bond.members.2",
        "interface eth1 of bond0 is twice in it; put each interface into one bond once",
    ),
    (
        [ETH0, *CARDS, BOND, {"name": "bond1", "bond": {"members": ["eth2"]}}],
        "interfaces.4.bond.members.0",
        "interface eth2 of bond1 is in bond0 already; put each interface into one bond once",
    ),
    (
        [ETH0, {"name": "bond0", "bond": {"members": ["eth0"]}}],
        "interfaces.0.addresses",
        "interface eth0 is in bond0 and has addresses; move them to bond0",
    ),
    (
        [ETH0, {"name": "eth1", "mtu": 9000}, {"name": "bond0", "bond": {"members": ["eth1"]}}],
        "interfaces.1.mtu",
        "interface eth1 is in bond0 and has an MTU; set that of bond0",
    ),
    (
        [ETH0, {"name": "bond0", "bond": {"members": ["eth7"]}}],
        "interfaces.1.bond.members.0",
        "interface eth7 of bond0 is not an interface of this node; add it to the interfaces, or name another",
    ),
    (
        [ETH0, *CARDS, BOND, {"name": "bond1", "bond": {"members": ["bond0"]}}],
        "interfaces.4.bond.members.0",
        "interface bond0 of bond1 is no card but a bond or a VLAN; name network cards",
    ),
    (
        [ETH0, *CARDS, BOND, vlan(20, "eth2")],
        "interfaces.4.vlan.parent",
        "parent eth2 of vlan20 is in bond0; name bond0",
    ),
    (
        [ETH0, *CARDS, {**BOND, "vlan": {"parent": "eth0", "id": 20}}],
        "interfaces.3.vlan",
        "interface bond0 is both a bond and a VLAN; make the VLAN an interface on the bond",
    ),
    (
        [ETH0, *CARDS, {**BOND, "bond": {"members": ["eth1"], "mode": "fast"}}],
        "interfaces.3.bond.mode",
        (
            "mode fast of bond0 is not one of 'active-backup', '802.3ad', 'balance-rr', 'balance-xor', "
            "'broadcast', 'balance-tlb' or 'balance-alb'"
        ),
    ),
    (
        [ETH0, {"name": "lo", "addresses": ["10.0.0.1/8"]}],
        "interfaces.1.name",
        "interface lo is the loopback; name one with a cable",
    ),
]


@pytest.mark.parametrize(("interfaces", "field", "sentence"), BAD_INTERFACES)
def test_interfaces_that_can_not_be_are_refused_in_one_sentence(
    interfaces: list[Json], field: str, sentence: str
) -> None:
    assert refusals(interfaces)[0] == (field, sentence)


NOT_A_ROUTE = (
    "is not a route; write it such as 10.0.0.0/8 via 192.168.2.254, or default via 192.168.10.1 from "
    "192.168.20.0/24"
)


@pytest.mark.parametrize(
    ("route", "sentence"),
    [
        ("10.0.0.0/8 via 192.168.2.254 via 192.168.2.1", NOT_A_ROUTE),
        ("10.0.0.0/8", NOT_A_ROUTE),
        ("10.0.0.0/8 from 192.168.2.254", "is without its router; "),
        ("10.0.0.1/8 via 192.168.2.254", "is not a network but an address in one; write 10.0.0.0/8"),
        ("10.0.0.0/33 via 192.168.2.254", "is not a network; write it such as 10.0.0.0/8 or 2001:db8::/32"),
        ("10.0.0.0/8 via nowhere", "is not an IP address; "),
        (
            "10.0.0.0/8 via 172.16.0.1",
            (
                "route to 10.0.0.0/8 via 172.16.0.1 is not possible: the router is in no subnet of this "
                "node; choose one within 192.168.2.0/24, 192.168.10.0/24"
            ),
        ),
        ("10.0.0.0/8 via 192.168.2.21", "is not possible: the router is this node itself; name the next"),
        ("default via 192.168.2.1", "is the default route; set it as gateway"),
        ("192.168.10.0/24 via 192.168.2.1", "is to the subnet of eth1 itself; leave it out"),
        ("2001:db8::/32 via 192.168.2.1", "is of IPv4 and IPv6 at once; use one of them"),
        ("10.0.0.0/8 via 192.168.2.1 from 0.0.0.0/0", "is for packets from everywhere; leave out the source"),
    ],
)
def test_routes_that_can_not_be_are_refused_in_one_sentence(route: str, sentence: str) -> None:
    ((field, message),) = refusals(routes=[route])
    assert field.startswith("routes.0")
    assert sentence in message


def test_a_route_is_given_once_and_default_gateways_fit_their_family() -> None:
    twice = ["10.0.0.0/8 via 192.168.2.254", "10.0.0.0/8 via 192.168.2.1"]
    assert refusals(routes=twice) == [
        ("routes.1", "route to 10.0.0.0/8 via 192.168.2.1 is there twice; give each network one router")
    ]
    assert refusals(gateway6="192.168.2.1") == [
        ("gateway6", "gateway6 192.168.2.1 is not an IPv6 address; set it as gateway")
    ]
    six = [{"name": "eth0", "addresses": ["2001:db8::21/64"]}]
    assert refusals(six, gateway="2001:db8::1", gateway6="2001:db8::2") == [
        ("gateway6", "gateway6 2001:db8::2 is a second one for IPv6 beside 2001:db8::1; keep one of them")
    ]
    assert refusals(six, gateway="2001:db8::1") == []


@pytest.mark.parametrize(
    "line",
    ["10.0.0.0/8 via 192.168.2.254", "default via 192.168.10.1 from 192.168.20.0/24", "::/1 via 2001:db8::1"],
)
def test_a_route_is_read_and_written_as_a_line(line: str) -> None:
    assert line_of({"source": None, **route_of(line)}) == line


def files_of(**document: object) -> dict[str, str]:
    node = parse_node(document)
    check_rules(parse_cluster({}), node)
    files = render(parse_cluster({"virtual_services": [WEB]}), node)
    return {name.removeprefix(f"{NETWORK_DIR}/10-"): text for name, text in files.items()}


WEB = {"label": "web", "ip": "192.168.20.30", "ports": [80]}
TRUNK: list[Json] = [
    ETH0,
    *CARDS,
    {"name": "bond0", "mtu": 9000, "bond": {"members": ["eth1", "eth2"], "mode": "802.3ad"}},
    vlan(20, "bond0", addresses=["192.168.20.21/24"], mtu=1500),
]


def test_a_bond_and_a_vlan_are_made_and_carry_virtual_addresses() -> None:
    files = files_of(interfaces=TRUNK)
    assert files["bond0.netdev"].splitlines() == [
        "[NetDev]",
        "Name=bond0",
        "MTUBytes=9000",
        "Kind=bond",
        "MACAddress=none",
        "",
        "[Bond]",
        "Mode=802.3ad",
        "MIIMonitorSec=100ms",
        "TransmitHashPolicy=layer2+3",
    ]
    assert files["vlan20.netdev"].endswith("Kind=vlan\n\n[VLAN]\nId=20\n")
    for card in ("eth1", "eth2"):
        assert "Bond=bond0\n" in files[f"{card}.network"]
    assert "VLAN=vlan20\n" in files["bond0.network"]
    assert "[Link]\nMTUBytes=9000\n" in files["bond0.network"]
    assert "KeepConfiguration=static\n" in files["vlan20.network"]
    assert "192.168.20.30/32 dev vlan20\n" in files[KEEPALIVED_CONF]
    assert "dynamic_interfaces" in files[KEEPALIVED_CONF]
    assert "interface eth0\n" in files[KEEPALIVED_CONF]


def test_a_node_that_is_reached_by_a_bond_alone_speaks_vrrp_there() -> None:
    files = files_of(interfaces=[*CARDS, BOND])
    assert "interface bond0\n" in files[KEEPALIVED_CONF]


def test_each_policy_has_a_table_with_the_nodes_own_subnets() -> None:
    routes = ["10.0.0.0/8 via 192.168.2.254", "default via 192.168.10.1 from 172.16.0.0/12"]
    files = files_of(interfaces=[ETH0, ETH1], gateway="192.168.2.1", routes=routes)
    local = "\n[Route]\nDestination={}\nScope=link\nTable=1000\n"
    assert "Gateway=192.168.2.1\n\n[Route]\nDestination=10.0.0.0/8\nGateway=192.168.2.254\n" in files[
        "eth0.network"
    ]  # fmt: skip
    assert local.format("192.168.2.0/24") in files["eth0.network"]
    assert "RoutingPolicyRule" not in files["eth0.network"]
    assert files["eth1.network"].endswith(
        "\n[RoutingPolicyRule]\nFrom=172.16.0.0/12\nTable=1000\nPriority=1000\n"
        + local.format("192.168.10.0/24")
        + "\n[Route]\nDestination=0.0.0.0/0\nGateway=192.168.10.1\nTable=1000\n"
    )


def test_both_families_have_a_default_gateway() -> None:
    dual = {"name": "eth0", "addresses": ["192.168.2.21/24", "2001:db8::21/64"]}
    files = files_of(interfaces=[dual], gateway="192.168.2.1", gateway6="2001:db8::1")
    assert "Gateway=192.168.2.1\nGateway=2001:db8::1\n" in files["eth0.network"]


def test_what_is_to_be_made_anew_and_whose_mtu_goes_back_is_known() -> None:
    old = NodeConfig.model_validate({"interfaces": [{**ETH0, "mtu": 1400}, *TRUNK[1:]]})
    new = NodeConfig.model_validate({"interfaces": [ETH0]})
    assert netdevs_of(render(parse_cluster({}), old)).keys() == {"bond0", "vlan20"}
    assert netdevs_of(render(parse_cluster({}), new)) == {}
    assert without_mtu(old, new) == ["eth0"]


def changed(old: Json, new: Json) -> bool:
    before, after = (NodeConfig.model_validate({"interfaces": [ETH0, ETH1], **each}) for each in (old, new))
    return could_cut_off(before, after)


ROUTE = "10.0.0.0/8 via 192.168.2.254"
OTHER = "172.16.0.0/12 via 192.168.2.1"
WITHIN = {**ETH1, "addresses": [*ETH1["addresses"], "10.1.0.1/16"]}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({}, {"interfaces": [ETH0]}),
        ({}, {"interfaces": [ETH0, {"name": "eth1", "addresses": ["192.168.10.22/24"]}]}),
        ({}, {"interfaces": [{**ETH0, "mtu": 1400}, ETH1]}),
        # The same subnet on a second card: nobody knows by which the answers go.
        ({}, {"interfaces": [ETH0, {"name": "eth1", "addresses": ["192.168.10.21/24", "192.168.2.99/25"]}]}),
        ({"interfaces": TRUNK}, {"interfaces": [*TRUNK[:3], {**TRUNK[3], "mtu": 1500}, TRUNK[4]]}),
        ({"gateway": "192.168.2.1"}, {}),
        ({"gateway": "192.168.2.1"}, {"gateway": "192.168.2.2"}),
        ({"gateway": "192.168.2.1"}, {"gateway": "192.168.2.1", "routes": [ROUTE]}),
        ({"routes": [ROUTE]}, {}),
        ({"routes": [ROUTE]}, {"routes": [ROUTE, "10.1.0.0/16 via 192.168.10.1"]}),
        ({}, {"routes": [f"{ROUTE} from 192.168.2.0/24"]}),
        (
            {"routes": [ROUTE]},
            {"routes": [ROUTE], "interfaces": [ETH0, WITHIN]},
        ),
    ],
)  # fmt: skip
def test_a_change_that_could_take_an_administrators_packets_has_to_be_confirmed(old: Json, new: Json) -> None:
    assert changed(old, new)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({}, {"interfaces": [ETH0, {**ETH1, "addresses": [*ETH1["addresses"], "192.168.10.22/24"]}]}),
        ({"interfaces": [ETH0]}, {"interfaces": [ETH0, ETH1]}),
        ({"interfaces": [ETH0]}, {"interfaces": [ETH0, *CARDS, BOND]}),
        ({"interfaces": [ETH0, {"name": "eth1"}]}, {"interfaces": [ETH0, {"name": "eth1", "mtu": 9000}]}),
        ({}, {"gateway": "192.168.2.1"}),
        ({}, {"routes": [ROUTE]}),
        ({"routes": [ROUTE, OTHER]}, {"routes": [OTHER, ROUTE]}),
        ({}, {"hostname": "lb1"}),
    ],
)  # fmt: skip
def test_a_change_that_takes_nobodys_packets_holds_by_itself(old: Json, new: Json) -> None:
    assert not changed(old, new)


def test_the_documents_of_older_versions_are_read() -> None:
    old = {"hostname": "lb1", "interfaces": [ETH0, ETH1], "gateway": "192.168.2.1", "dns": []}
    node = parse_node(old)
    assert [each.mtu for each in node.interfaces] == [None, None]
    assert str(node.gateway) == "192.168.2.1"
