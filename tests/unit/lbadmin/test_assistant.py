"""The OCS assistant: what it produces, and where in its form it tells what is wrong."""

import itertools
from typing import Any

import pytest

from lbadmin.assistant import EdgeArray, FrontEndPool, Plan, edge_array, front_end_pool
from lbadmin.document import parse_as
from lbadmin.errors import DuplicateError, RefusedError
from lbadmin.rules import parse_cluster, parse_node
from lbadmin.rules_layer4 import warnings_of

NODE = parse_node({})
SERVERS = [{"label": "FE-1", "ip": "192.168.10.31"}, {"label": "FE-2", "ip": "192.168.10.32"}]


def pool(**fields: Any) -> FrontEndPool:  # noqa: ANN401 - fields of a form
    return parse_as(FrontEndPool, {"ip": "192.168.10.30", "real_servers": SERVERS, **fields})


EDGES = [
    {
        "label": f"EDGE-{n}",
        "access_ip": f"192.168.20.1{n}",
        "web_conferencing_ip": f"192.168.20.2{n}",
        "av_ip": f"192.168.20.3{n}",
        "internal_ip": f"192.168.10.4{n}",
    }
    for n in (1, 2)
]
VIPS = {
    "access_ip": "192.168.20.10",
    "web_conferencing_ip": "192.168.20.20",
    "av_ip": "192.168.20.30",
    "internal_ip": "192.168.10.40",
}


def array(**fields: Any) -> EdgeArray:  # noqa: ANN401 - fields of a form
    return parse_as(EdgeArray, {**VIPS, "real_servers": EDGES, **fields})


def edges(made: EdgeArray, document: object = None) -> Plan:
    return edge_array(parse_cluster(document or {}), NODE, made)


def test_an_edge_array_is_a_service_per_virtual_address() -> None:
    plan = edges(array())
    assert [(each.label, str(each.ip), each.ports) for each in plan.services] == [
        ("OCS-Edge-Access", "192.168.20.10", (443, 5061)),
        ("OCS-Edge-Web-Conferencing", "192.168.20.20", (443,)),
        ("OCS-Edge-AV", "192.168.20.30", (443,)),
        ("OCS-Edge-Internal", "192.168.10.40", (5061, 5062, 443)),
    ]
    assert [str(server.ip) for server in plan.services[3].real_servers] == ["192.168.10.41", "192.168.10.42"]
    timeouts = {each.timeouts.client_ms for each in plan.cluster.virtual_services}
    assert timeouts == {1_800_000}
    assert plan.cluster.layer7 == parse_cluster({}).layer7, "other services keep their time-outs"
    assert any("3478" in note for note in plan.notes)


def test_a_virtual_address_that_is_left_out_needs_no_servers_address() -> None:
    (server, _) = EDGES
    plan = edges(
        array(
            av_ip=None, web_conferencing_ip=None, real_servers=[{**server, "av_ip": None}], label="Perimeter"
        )
    )
    assert [each.label for each in plan.services] == ["Perimeter-Access", "Perimeter-Internal"]


@pytest.mark.parametrize(
    ("fields", "field", "sentence"),
    [
        (dict.fromkeys(VIPS), "access_ip", "access_ip and all other virtual addresses are blank"),
        ({"real_servers": [EDGES[0], {**EDGES[1], "av_ip": None}]}, "real_servers.1.av_ip",
         "av_ip of EDGE-2 is missing; give it, or leave the virtual address blank"),
        ({"av_ip": "192.168.20.20"}, "av_ip", "port 443 on 192.168.20.20 of OCS-Edge-AV is taken by"),
        ({"internal_ip": "192.168.2.21"}, "internal_ip", "address 192.168.2.21 of OCS-Edge-Internal is this"),
        ({"real_servers": [EDGES[0], {**EDGES[1], "access_ip": "192.168.20.11"}]}, "real_servers.1.access_ip",
         "address 192.168.20.11 of EDGE-2 in OCS-Edge-Access is the one of EDGE-1"),
        ({"real_servers": [EDGES[0], {**EDGES[1], "label": "EDGE-1"}]}, "real_servers.1.label",
         "label EDGE-1 is used by another real server of OCS-Edge-Access"),
    ],
)  # fmt: skip
def test_bad_input_of_an_edge_array_is_told_at_its_field(
    fields: dict[str, Any], field: str, sentence: str
) -> None:
    with pytest.raises(RefusedError) as caught:
        edges(array(**fields))
    assert caught.value.faults[0].field == field
    assert caught.value.sentence.startswith(sentence)


def test_a_pool_at_layer_4_is_one_service_with_one_persistence() -> None:
    plan = front_end_pool(parse_cluster({}), NODE, pool(method="layer4_snat"))
    (service,) = plan.cluster.layer4_services
    assert plan.services == (service,)
    assert (service.protocol, service.forwarding) == ("tcp", "snat")
    assert service.ports == (5060, 5061, 135, 443, 444, 5065, 5069, 5071, 5072, 5073, 5074, 8404)
    assert service.persistence.timeout_ms == 1_800_000
    assert (service.health_check.type, service.health_check.check_ports) == ("connect", (5061,))
    assert [str(each.ip) for each in service.real_servers] == ["192.168.10.31", "192.168.10.32"]
    assert warnings_of(service) == []
    assert plan.cluster.layer7 == parse_cluster({}).layer7, "layer 7's time-outs are none of it"


def test_pools_at_both_layers_are_refused_at_the_field_of_the_form() -> None:
    for first, second in itertools.permutations(("layer7", "layer4_snat")):
        before = front_end_pool(parse_cluster({}), NODE, pool(method=first)).cluster
        with pytest.raises(DuplicateError) as same_label:
            front_end_pool(before, NODE, pool(method=second, ip="192.168.10.50"))
        assert same_label.value.faults[0].field == "label"
        with pytest.raises(DuplicateError) as same_address:
            front_end_pool(before, NODE, pool(method=second, label="Other"))
        assert "ip" in {each.field for each in same_address.value.faults}


def test_an_existing_service_is_refused_at_the_field_of_the_form() -> None:
    before = front_end_pool(parse_cluster({}), NODE, pool()).cluster
    with pytest.raises(DuplicateError) as same_label:
        front_end_pool(before, NODE, pool(ip="192.168.10.50"))
    assert same_label.value.faults[0].field == "label"
    with pytest.raises(DuplicateError) as same_address:
        front_end_pool(before, NODE, pool(label="Other"))
    assert same_address.value.faults[0].field == "ip"


def test_a_bad_address_of_a_front_end_is_told_at_its_field() -> None:
    with pytest.raises(RefusedError) as caught:
        front_end_pool(parse_cluster({}), NODE, pool(real_servers=[{"label": "FE-1", "ip": "192.168.10.30"}]))
    assert caught.value.faults[0].field == "real_servers.0.ip"
