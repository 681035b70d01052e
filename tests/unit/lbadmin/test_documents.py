"""What documents may say, and the sentence for each thing that they may not."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from lbadmin import edits
from lbadmin.durations import parse_ms, show_ms
from lbadmin.errors import DuplicateError, RefusedError
from lbadmin.migrations import read_cluster
from lbadmin.model import ClusterConfig
from lbadmin.rules import check_rules, parse_cluster, parse_node

GUIDE: dict[str, Any] = {
    "layer7": {"client_timeout_ms": "30m", "real_server_timeout_ms": 1800000},
    "virtual_services": [
        {
            "label": "OCS-Front-End",
            "ip": "192.168.10.30",
            "ports": "5060,5061,135,443,444,5065,5069,5071,5072,5073,5074,8404",
            "health_check": {"check_ports": 5061},
            "real_servers": [
                {"label": "FE-1", "ip": "192.168.10.31"},
                {"label": "FE-2", "ip": "192.168.10.32"},
            ],
        }
    ],
}
Edit = Callable[[dict[str, Any]], object]


def refusal(edit: Edit) -> RefusedError:
    document = copy.deepcopy(GUIDE)
    edit(document)
    with pytest.raises(RefusedError) as caught:
        check_rules(parse_cluster(document), parse_node({}))
    return caught.value


def service(**fields: object) -> Edit:
    return lambda document: document["virtual_services"][0].update(fields)


def server(**fields: object) -> Edit:
    return lambda document: document["virtual_services"][0]["real_servers"][1].update(fields)


def another(**fields: object) -> Edit:
    return lambda document: document["virtual_services"].append({**document["virtual_services"][0], **fields})


def test_the_guides_values_and_the_factorys() -> None:
    cluster = parse_cluster(GUIDE)
    check_rules(cluster, parse_node({}))
    (ocs,) = cluster.virtual_services
    assert cluster.layer7.client_timeout_ms == cluster.layer7.real_server_timeout_ms == 1_800_000
    assert cluster.layer7.connection_timeout_ms == 4_000
    assert ocs.ports == (5060, 5061, 135, 443, 444, 5065, 5069, 5071, 5072, 5073, 5074, 8404)
    assert (ocs.persistence.mode, ocs.persistence.timeout_ms) == ("source_ip", 1_800_000)
    assert [(each.weight, each.state, each.port) for each in ocs.real_servers] == [(100, "online", None)] * 2
    factory = ClusterConfig().layer7
    assert (factory.client_timeout_ms, factory.real_server_timeout_ms) == (43_000, 45_000)
    assert parse_cluster(cluster.model_dump(mode="json")) == cluster


@pytest.mark.parametrize(
    ("text", "duration_ms"),
    [(1800000, 1800000), ("1800000", 1800000), ("30m", 1800000), ("1800s", 1800000), ("1h", 3600000),
     ("500ms", 500), ("2d", 172800000), (1, 1), ("24d", 2073600000)],
)  # fmt: skip
def test_durations_are_read_as_people_write_them(text: object, duration_ms: int) -> None:
    assert parse_ms(text) == duration_ms
    assert parse_ms(show_ms(duration_ms)) == duration_ms


@pytest.mark.parametrize(
    "text", ["0.5h", "", "m", "-1", "30 m", "1e3", "٣m", True, None, 1.5, 0, "25d", "0s", [], "9" * 99]
)
def test_what_is_no_duration_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="is not"):
        parse_ms(text)


@pytest.mark.parametrize(
    ("edit", "sentence"),
    [
        (service(ports=[70000]), "port 70000 of OCS-Front-End is not between 1 and 65535"),
        (service(ports="5060,x"), ("port 'x' of OCS-Front-End is not a number or a range; "
                                  "write it such as 5060 or 5071-5074")),
        (service(ports=["5074-5071"]), "range 5074-5071 of OCS-Front-End runs backwards; write 5071-5074"),
        (service(ports=[5071, "5070-5074"]),
         "port 5071 of OCS-Front-End is there twice; name each port once"),
        (service(ports=["1-1025"]), ("ports of OCS-Front-End has more than 1024 ports; "
                                    "split them over several virtual services")),
        (service(ports=[9443]), ("port 9443 of OCS-Front-End is used by the WebUI of this appliance; "
                                "choose another port")),
        (service(ports=["20-30"]), ("port 22 of OCS-Front-End is used by SSH of this appliance; "
                                   "choose another port")),
        (service(ip="192.168.10"), ("ip 192.168.10 of OCS-Front-End is not an IP address; "
                                   "write it such as 192.168.10.30 or 2001:db8::30")),
        (service(ip="fe80::1%eth0"), ("ip fe80::1%eth0 of OCS-Front-End is not an IP address; "
                                     "write it such as 192.168.10.30 or 2001:db8::30")),
        (service(ip="::ffff:192.168.10.30"), ("ip ::ffff:192.168.10.30 of OCS-Front-End is an IPv4 address "
                                             "in IPv6 form; write 192.168.10.30")),
        (service(ip="192.168.2.21"),
         "address 192.168.2.21 of OCS-Front-End is this node's own address on eth0; choose a free one"),
        (service(ip="127.0.0.1"), ("address 127.0.0.1 of OCS-Front-End is a loopback address; "
                                  "name one that the network reaches")),
        (service(ip="224.0.0.18"), ("address 224.0.0.18 of OCS-Front-End is not the address of one host; "
                                   "name a unicast address")),
        (service(ip="::"), "address :: of OCS-Front-End is the unspecified address; name one host"),
        (service(label="a\nb"), ('label "a\\nb" is not a label; use 1 to 63 letters, digits, dots, dashes '
                                "and underscores, beginning with a letter or digit")),
        (service(scheduler="random"), ("scheduler random of OCS-Front-End is not one of "
                                      "'leastconn', 'roundrobin' or 'source'")),
        (service(persistence={"timeout_ms": "soon"}),
         ("timeout_ms soon of OCS-Front-End is not a duration; "
         "write milliseconds or a number with ms, s, m, h or d, such as 30m")),
        (service(colour="red"), "colour of OCS-Front-End is not a known field; leave it out"),
        (service(enabled="yes"), "enabled yes of OCS-Front-End is neither true nor false"),
        (lambda document: document["virtual_services"][0].pop("ip"),
         "ip of OCS-Front-End is missing; give it a value"),
        (server(weight=257), "weight 257 of FE-2 in OCS-Front-End is not between 0 and 256"),
        (server(weight=1.5), "weight 1.5 of FE-2 in OCS-Front-End is not a whole number"),
        (server(port=0), "port 0 of FE-2 in OCS-Front-End is not between 1 and 65535"),
        (server(state="off"), "state off of FE-2 in OCS-Front-End is not one of 'online', 'drain' or 'halt'"),
        (server(ip="192.168.10.30"), ("address 192.168.10.30 of FE-2 in OCS-Front-End is the virtual service "
                                     "OCS-Front-End itself; name the server behind it")),
        (service(persistence={"mode": "http_cookie"}),
         ("persistence http_cookie of OCS-Front-End needs the protocol http; "
          "choose it, or another persistence")),
        (service(protocol="http", persistence={"mode": "tls_session_id"}),
         ("persistence tls_session_id of OCS-Front-End needs the protocol tcp; choose it, or http_cookie")),
        (service(tls_certificate="web"),
         ("tls_certificate web of OCS-Front-End is not there; add the certificate first, "
          "or choose one of those that are")),
        (service(fallback_server={"port": 80}),
         ("ip of the fallback server of OCS-Front-End is missing; "
          "give it an address, or no port either")),
        (service(fallback_server={"ip": "192.168.10.30", "port": 80}),
         ("address 192.168.10.30 of the fallback server of OCS-Front-End is the virtual service "
          "OCS-Front-End itself; name the server behind it")),
        (service(health_check={"type": "external"}),
         "script of OCS-Front-End is missing; an external health check needs a check script"),
        (service(health_check={"type": "external", "script": "look"}),
         ("script look of OCS-Front-End is not there; add the check script first, "
          "or choose one of those that are")),
        (service(health_check={"type": "http", "method": "HEAD", "expected_text": "well"}),
         ("expected_text of OCS-Front-End is not in the answer to a HEAD request, which has no text; "
          "choose the method GET")),
        (service(health_check={"type": "http", "expected_status": "200,600"}),
         ("expected_status 200,600 of OCS-Front-End is not a status of HTTP; "
          "choose codes from 100 to 599")),
        (service(health_check={"expected_status": "299-200"}),
         ("expected_status 299-200 of OCS-Front-End is not a list of status codes; "
          "write it such as 200 or 200-399,401")),
        (service(health_check={"path": "/a b"}),
         ("path /a b of OCS-Front-End is not the path of a web page; "
          "write it such as /health?full=1, without spaces")),
        (lambda document: document.update(virtual_services=3), "virtual_services 3 is not a list"),
        (lambda document: document.update(layer7={"maxconn": 0}), "maxconn 0 is not at least 1"),
    ],
)  # fmt: skip
def test_a_refusal_names_field_value_and_remedy(edit: Edit, sentence: str) -> None:
    error = refusal(edit)
    assert error.sentence == sentence
    assert error.status == 422


@pytest.mark.parametrize(
    ("edit", "sentence"),
    [
        (another(), "label OCS-Front-End is used by another virtual service; choose another label"),
        (another(label="web", ports=["5000-5060"]),
         "port 5060 on 192.168.10.30 of web is taken by OCS-Front-End; choose another address or port"),
        (server(label="FE-1"),
         "label FE-1 is used by another real server of OCS-Front-End; choose another label"),
        (server(ip="192.168.10.31"),
         "address 192.168.10.31 of FE-2 in OCS-Front-End is the one of FE-1; name each real server once"),
    ],
)  # fmt: skip
def test_a_duplicate_is_a_conflict(edit: Edit, sentence: str) -> None:
    error = refusal(edit)
    assert isinstance(error, DuplicateError)
    assert (error.status, error.sentence) == (409, sentence)


@pytest.mark.parametrize(
    ("addresses", "sentence"),
    [
        (["192.168.2.21"],
         "floating address 192.168.2.21 is this node's own address on eth0; choose a free one"),
        (["192.168.10.32"], "floating address 192.168.10.32 is the real server FE-2; choose a free one"),
        (["192.168.2.20", "192.168.2.20"],
         "floating address 192.168.2.20 is there twice; name each address once"),
        (["192.168.2.255"],
         "floating address 192.168.2.255 is the address of the network 192.168.2.0/24 itself; name one host"),
        (["127.0.0.1"],
         "floating address 127.0.0.1 is a loopback address; name one that the network reaches"),
    ],
)  # fmt: skip
def test_a_floating_address_is_a_free_one(addresses: list[str], sentence: str) -> None:
    assert (
        refusal(lambda document: document.update(ha={"floating_addresses": addresses})).sentence == sentence
    )


def test_a_floating_address_may_be_a_services_too() -> None:
    document = {**GUIDE, "ha": {"floating_addresses": ["192.168.2.20", "192.168.10.30"]}}
    check_rules(parse_cluster(document), parse_node({}))


def tables(document: dict[str, Any]) -> None:
    modes = ("source_ip", "tls_session_id", "source_ip")
    for number, mode in enumerate(modes):
        another(
            label=f"web-{number}", ports=[80 + number], persistence={"mode": mode, "table_size": 900_000}
        )(document)


def test_tables_of_both_kinds_count_together() -> None:
    assert refusal(tables).sentence == (
        "2710240 persistence entries of all virtual services together are more than 2000000; remove some"
    )


@pytest.mark.parametrize(
    "line", ["global", "  listen other", '"global"', r"gl\x6fbal", "frontend#x", "no peers", ".if 1"]
)
def test_a_manual_configuration_can_not_leave_its_section(line: str) -> None:
    sentence = refusal(service(manual_configuration=f"mode tcp\n{line}\n")).sentence
    assert sentence.startswith("manual_configuration of OCS-Front-End has a line that begins with ")


@pytest.mark.parametrize(
    "address",
    ["/run/lbadmin/lbadmind.sock", "10.0.0.1:80,unix@lbva", "abns@lbva", "${HOME}", '"unix"@x', r"\x2frun"],
)
def test_a_manual_configuration_binds_nothing_but_addresses(address: str) -> None:
    sentence = refusal(service(manual_configuration=f"mode tcp\n\tbind  {address} mode 666\n")).sentence
    assert sentence.startswith(f"manual_configuration of OCS-Front-End has a line that binds {address}; ")


def test_a_manual_configuration_is_a_text_of_keywords() -> None:
    text = "    mode tcp # listen\n\n    server listen 192.168.10.31\r\n"
    document = copy.deepcopy(GUIDE)
    service(manual_configuration=text)(document)
    (ocs,) = parse_cluster(document).virtual_services
    assert ocs.manual_configuration == text.replace("\r", "")


CHAIN = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
HELPERS: dict[str, Any] = {
    "certificates": [{"label": "web", "chain": CHAIN, "key": "ab" * 32}],
    "check_scripts": [{"label": "look", "text": "#!/bin/sh\nexit 0\n"}],
}


@pytest.mark.parametrize(
    ("field", "sentence"),
    [("certificates", "label web is used by another certificate; choose another label"),
     ("check_scripts", "label look is used by another check script; choose another label")],
)  # fmt: skip
def test_certificates_and_scripts_have_labels_of_their_own(field: str, sentence: str) -> None:
    error = refusal(lambda document: document.update({field: HELPERS[field] * 2}))
    assert (error.status, error.sentence) == (409, sentence)


def test_what_is_in_use_is_not_removed() -> None:
    document = {**copy.deepcopy(GUIDE), **HELPERS}
    service(tls_certificate="web", health_check={"type": "external", "script": "look"})(document)
    cluster = parse_cluster(document)
    check_rules(cluster, parse_node({}))
    for remove, what in (
        (edits.remove_certificate, "certificate web"),
        (edits.remove_script, "check script look"),
    ):
        with pytest.raises(RefusedError) as caught:
            remove(cluster, what.rsplit(" ", 1)[1])
        assert caught.value.sentence == f"{what} is used by OCS-Front-End; choose another one there first"
    free = edits.LAYER7.remove(cluster, "OCS-Front-End")
    assert (free.certificates, free.check_scripts) == (cluster.certificates, cluster.check_scripts)
    assert edits.remove_script(edits.remove_certificate(free, "web"), "look").certificates == ()


def test_an_edit_of_services_keeps_the_rest_of_the_document() -> None:
    cluster = parse_cluster({**GUIDE, **HELPERS})
    drained = edits.LAYER7.with_state(cluster, "OCS-Front-End", "drain")
    assert {each.state for each in drained.virtual_services[0].real_servers} == {"drain"}
    assert edits.LAYER7.with_state(drained, "OCS-Front-End", "online") == cluster


def test_a_document_of_format_1_is_migrated() -> None:
    service = {"label": "web", "ip": "192.168.10.30", "ports": [80]}
    old = {
        "virtual_services": [
            {**service, "health_check": {"type": "connect", "check_port": 5061, "rise": 3}},
            {**service, "label": "blank", "ports": [81], "health_check": {"check_port": None}},
        ]
    }
    before = copy.deepcopy(old)
    migrated = read_cluster(old)
    assert [each.health_check.check_ports for each in migrated.virtual_services] == [(5061,), ()]
    assert migrated.virtual_services[0].health_check.rise == 3
    assert old == before
    assert read_cluster(migrated.model_dump(mode="json")) == migrated


@pytest.mark.parametrize("found", [3, 0, "2", None, True])
def test_a_format_that_is_not_known_is_refused(found: object) -> None:
    with pytest.raises(RefusedError, match=r"^format .* of the configuration is not between 1 and 2; update"):
        read_cluster({"format": found})


@pytest.mark.parametrize("document", [[], 3, None, "x", {"virtual_services": [3]}])
def test_what_is_no_configuration_is_refused(document: object) -> None:
    with pytest.raises(RefusedError):
        read_cluster(document)


def test_two_services_may_share_an_address_on_other_ports() -> None:
    document = copy.deepcopy(GUIDE)
    another(label="web", ports=[80])(document)
    check_rules(parse_cluster(document), parse_node({}))


@pytest.mark.parametrize(
    ("node", "sentence"),
    [
        ({"gateway": "10.0.0.1"},
         "gateway 10.0.0.1 is in no subnet of this node; choose one within 192.168.2.0/24"),
        ({"gateway": "192.168.2.21"}, "gateway 192.168.2.21 is this node itself; name the next router"),
        ({"interfaces": []}, "interfaces has no address left; keep one to manage this node by"),
        ({"interfaces": [{"name": "eth0", "addresses": ["192.168.2.21"]}]},
         ("address 192.168.2.21 of eth0 is not an IP address with its prefix; "
         "write it such as 192.168.2.21/24")),
        ({"interfaces": [{"name": "eth0", "addresses": ["10.0.0.1/8"]}, {"name": "eth0"}]},
         "interface eth0 is there twice; name each interface once"),
        ({"interfaces": [{"name": "eth0", "addresses": ["10.0.0.1/8", "10.0.0.1/16"]}]},
         "address 10.0.0.1 of eth0 is also on eth0; give each address once"),
        ({"hostname": "-lb"}, ("hostname -lb is not a host name; "
                              "use up to 64 letters, digits, dashes and dots, such as lbva")),
        ({"dns": ["one"]}, ("name server one is not an IP address; "
                           "write it such as 192.168.10.30 or 2001:db8::30")),
    ],
)  # fmt: skip
def test_a_node_that_can_not_be_is_refused(node: dict[str, Any], sentence: str) -> None:
    with pytest.raises(RefusedError) as caught:
        check_rules(ClusterConfig(), parse_node(node))
    assert caught.value.sentence == sentence
