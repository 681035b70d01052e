"""Whatever a valid document says, HAProxy and keepalived accept what is rendered from it."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

from lbadmin.activate import Rendering
from lbadmin.checkers import check_files
from lbadmin.errors import CheckError, RefusedError
from lbadmin.render.layer4 import LAYER4_CONF
from lbadmin.render.layer4_checks import CHECKS_CFG
from lbadmin.render.layer4_rules import LAYER4_RULES
from lbadmin.rules import check_rules, parse_cluster, parse_node
from tests.image.conftest import Appliance
from tests.image.responders import Balancer

labels = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", fullmatch=True) | st.sampled_from(
    ["lbva", "GLOBAL", "MASTER", "global", "defaults", "listen", "1", "0", "none"]
)
addresses = st.ip_addresses(network="10.0.0.0/8").map(str) | st.ip_addresses(network="2001:db8::/32").map(str)
durations = st.integers(1, 24 * 24 * 3600 * 1000) | st.sampled_from(["30m", "1ms", "24d", "4s"])
ports = st.lists(
    st.integers(1, 65535)
    | st.tuples(st.integers(1, 65000), st.integers(0, 20)).map(lambda p: f"{p[0]}-{sum(p)}"),
    min_size=1,
    max_size=4,
)


def optional(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=fields)


real_servers = st.fixed_dictionaries(
    {"label": labels, "ip": addresses},
    optional={
        "port": st.none() | st.integers(1, 65535),
        "weight": st.integers(0, 256),
        "re_encrypt": st.booleans(),
        "maxconn": st.none() | st.integers(1, 250000),
        "state": st.sampled_from(["online", "drain", "halt"]),
    },
)
virtual_services = st.fixed_dictionaries(
    {"label": labels, "ip": addresses, "ports": ports},
    optional={
        "protocol": st.sampled_from(["tcp", "http"]),
        "scheduler": st.sampled_from(["leastconn", "roundrobin", "source"]),
        "persistence": optional(
            mode=st.sampled_from(["source_ip", "http_cookie", "tls_session_id", "none"]),
            timeout_ms=durations,
            table_size=st.integers(1, 1000000),
            cookie_name=labels,
        ),
        "health_check": optional(
            type=st.sampled_from(["connect", "sip", "http", "external", "none"]),
            check_ports=st.lists(st.integers(1, 65535), max_size=3, unique=True),
            tls=st.booleans(),
            method=st.sampled_from(["GET", "HEAD", "OPTIONS"]),
            path=st.from_regex(r"/[A-Za-z0-9._~!$&()*+,;=:@%/?-]{0,1023}", fullmatch=True),
            host=st.sampled_from([None, "pool.example", "a-b.c"]),
            expected_status=st.sampled_from([None, "200", "100-599", "200-202,404"]),
            expected_text=st.none() | st.text(st.characters(exclude_categories=("C", "Z")), min_size=1),
            script=st.just("look"),
            interval_ms=durations,
            rise=st.integers(1, 100),
            fall=st.integers(1, 100),
        ),
        "fallback_server": st.just({})
        | st.fixed_dictionaries({"ip": addresses}, optional={"port": st.integers(1, 65535)}),
        "timeouts": optional(connection_ms=durations, client_ms=durations, real_server_ms=durations),
        "maxconn": st.none() | st.integers(1, 250000),
        "forwarded_for": st.booleans(),
        "accept_proxy_protocol": st.booleans(),
        "send_proxy_protocol": st.sampled_from(["none", "v1", "v2"]),
        "tls_certificate": st.sampled_from([None, "web"]),
        "tls_minimum": st.sampled_from(["1.2", "1.3"]),
        "enabled": st.booleans(),
        "real_servers": st.lists(real_servers, max_size=3, unique_by=lambda s: s["label"]),
    },
)


def sensible(service: dict[str, Any]) -> dict[str, Any]:
    """Return the service without what its own rules would refuse at once."""
    mode = service.get("persistence", {}).get("mode")
    check = service.get("health_check", {})
    if mode in {"http_cookie", "tls_session_id"}:
        service = {**service, "protocol": "http" if mode == "http_cookie" else "tcp"}
    if mode == "tls_session_id":
        service = {**service, "tls_certificate": None}
    if check.get("type") == "external":
        service = {**service, "health_check": {**check, "script": "look", "check_ports": []}}
    if check.get("method") == "HEAD":
        service = {**service, "health_check": {**service["health_check"], "expected_text": None}}
    return service


layer4_services = st.fixed_dictionaries(
    {"label": labels.map(lambda label: f"L4-{label}"[:63]), "ip": addresses},
    optional={
        "ports": ports,
        "protocol": st.sampled_from(["tcp", "udp", "both", "mark"]),
        "firewall_mark": st.none() | st.integers(1, 65535),
        "forwarding": st.sampled_from(["snat", "nat", "dr", "tun"]),
        "scheduler": st.sampled_from(["wlc", "wrr", "lc", "rr", "dh", "sh", "mh"]),
        "persistence": optional(
            enabled=st.booleans(),
            timeout_ms=st.integers(1000, 86_400_000),
            granularity=st.none() | st.integers(1, 32),
        ),
        "health_check": optional(
            type=st.sampled_from(["connect", "sip", "http", "external", "none"]),
            check_ports=st.lists(st.integers(1, 65535), max_size=3, unique=True),
            tls=st.booleans(),
            script=st.just("look"),
            interval_ms=durations,
        ),
        "on_failure": st.sampled_from(["remove", "quiesce"]),
        "fallback_server": st.booleans(),
        "snat_addresses": st.lists(addresses, max_size=3, unique=True),
        "real_servers": st.lists(
            st.fixed_dictionaries(
                {"label": labels, "ip": addresses},
                optional={
                    "port": st.none() | st.integers(1, 65535),
                    "weight": st.integers(0, 256),
                    "state": st.sampled_from(["online", "drain", "halt"]),
                },
            ),
            min_size=1,
            max_size=3,
            unique_by=lambda s: s["label"],
        ),
    },
)


def possible(service: dict[str, Any]) -> dict[str, Any]:
    """Return the service without most of what IPVS can't do, which its rules would refuse."""
    version = 6 if ":" in service["ip"] else 4
    forwarding = service.get("forwarding", "snat")
    service = {"ports": [80], **service}
    if service.get("protocol") == "mark":
        service = {**service, "ports": None, "firewall_mark": service.get("firewall_mark") or 1}
    else:
        service = {**service, "firewall_mark": None}
    if service.get("protocol") in {"udp", "mark"}:
        service["health_check"] = {**service.get("health_check", {}), "check_ports": [80]}
    if forwarding != "snat":
        service["snat_addresses"] = []
    same = [ip for ip in service.get("snat_addresses", []) if (":" in ip) == (version == 6)]
    servers = [
        {**each, "ip": NEAR[version].format(number), "port": None}
        for number, each in enumerate(service.get("real_servers", []), 1)
    ]
    fallback = {"ip": NEAR[version].format(99)} if service.get("fallback_server") else {}
    service = {**service, "snat_addresses": same, "real_servers": servers, "fallback_server": fallback}
    return sensible(service)


NEAR = {4: "192.168.2.{}", 6: "2001:db8:ffff::{}"}
"""Real servers in a subnet of the node, as NAT and Direct Routing need them."""

clusters = optional(
    layer7=optional(
        logging=st.booleans(),
        log_only_errors=st.booleans(),
        redispatch=st.booleans(),
        connection_timeout_ms=durations,
        client_timeout_ms=durations,
        real_server_timeout_ms=durations,
        maxconn=st.integers(1, 250000),
        stop_old_workers_after_ms=durations,
    ),
    virtual_services=st.lists(
        virtual_services.map(sensible), min_size=1, max_size=4, unique_by=lambda s: s["label"]
    ),
)
clusters_of_layer4 = st.fixed_dictionaries(
    {
        "layer4_services": st.lists(
            layer4_services.map(possible), min_size=1, max_size=3, unique_by=lambda s: s["label"]
        )
    }
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(document=clusters)
def test_the_daemons_accept_every_valid_document(balancer: Balancer, document: dict[str, Any]) -> None:
    try:
        rendering = rendered({**document, "certificates": balancer.certificates()})
    except RefusedError:
        return
    expect_accepted(balancer, rendering)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(document=clusters_of_layer4)
def test_the_daemons_accept_every_valid_service_of_layer_4(
    balancer: Balancer, document: dict[str, Any]
) -> None:
    try:
        rendering = rendered(document)
    except RefusedError:
        reject()
    expect_accepted(balancer, rendering)


def rendered(document: dict[str, Any]) -> Rendering:
    """What a document becomes on a node with an address of each family. Raises RefusedError."""
    addresses = ["192.168.2.21/24", "2001:db8:ffff::21/64"]
    node = parse_node({"interfaces": [{"name": "eth0", "addresses": addresses}]})
    cluster = parse_cluster({**document, "check_scripts": [{"label": "look", "text": "#!/bin/sh\n"}]})
    check_rules(cluster, node)
    return Rendering.of(cluster, node)


def checked(balancer: Balancer, rendering: Rendering) -> None:
    """Ask the daemons what they think of all files. Raises RefusedError."""
    nothing = Rendering(rendering.cluster, rendering.node, dict.fromkeys(rendering.files, ""))
    check_files(balancer.appliance.system, balancer.changes.keys, nothing, rendering)


def expect_accepted(balancer: Balancer, rendering: Rendering) -> None:
    checked(balancer, rendering)
    again = parse_cluster(rendering.cluster.model_dump(mode="json"))
    assert Rendering.of(again, rendering.node) == rendering


@pytest.mark.parametrize(
    ("path", "text", "said"),
    [
        (LAYER4_CONF, "virtual_server nowhere 80 {\n}\n", "keepalived refuses this configuration: .*nowhere"),
        (LAYER4_RULES, "table ip lbva_layer4 { chain nonsense\n", "nft refuses this configuration"),
        (CHECKS_CFG, "backend B\n    server FE nonsense:1:2:3\n", "HAProxy refuses this configuration"),
    ],
)
def test_what_the_daemons_of_layer_4_do_not_take_is_refused(
    balancer: Balancer, path: str, text: str, said: str
) -> None:
    server = {"label": "FE-1", "ip": "192.168.2.31"}
    service = {"label": "Calls", "ip": "192.168.2.30", "ports": [5060, 5061], "real_servers": [server]}
    valid = rendered({"layer4_services": [service]})
    checked(balancer, valid)
    with pytest.raises(CheckError, match=said):
        checked(balancer, Rendering(valid.cluster, valid.node, {**valid.files, path: text}))


def test_a_node_whose_interface_does_not_exist_is_refused(appliance: Appliance) -> None:
    changes = appliance.changes()
    service = {"label": "web", "ip": "192.168.2.30", "ports": [80]}
    changes.change_cluster(
        lambda _: parse_cluster({"virtual_services": [service], "layer7": {"maxconn": 1000}}), "root", "web"
    )
    node = parse_node({"interfaces": [{"name": "eth7", "addresses": ["192.168.2.21/24"]}]})
    with pytest.raises(
        Exception, match=r"keepalived refuses this configuration: .*eth7.*; nothing was changed"
    ):
        changes.change_node(lambda _: node, "root", "another interface")
    assert changes.current.node_revision == 0
