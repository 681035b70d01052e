"""Layer 4 services over REST on lbadmind with the shipped daemons: documents, states, history, refusals."""

from typing import Any

import pytest

from lbadmin.client import Client
from lbadmin.roles import OPERATORS, may
from tests.image.asking import Ask, api, ask

__all__ = ["api", "ask"]

VIPS = "/layer4/virtual-services"
OCS = f"{VIPS}/OCS-Front-End"
FRONT_ENDS = [{"label": f"FE-{n}", "ip": f"192.168.10.3{n}"} for n in (1, 2)]
SERVICE = {
    "label": "OCS-Front-End",
    "ip": "192.168.10.30",
    "ports": "5060,5061,5071-5074",
    "persistence": {"timeout_ms": "30m"},
    "health_check": {"check_ports": 5061},
}


@pytest.fixture
def client(daemon: str) -> Client:
    return Client(daemon)


@pytest.fixture
def service(client: Client) -> dict[str, Any]:
    """The service with its two front ends, as the API answers it."""
    client.call("POST", VIPS, SERVICE)
    for server in FRONT_ENDS:
        client.call("POST", f"{OCS}/real-servers", server)
    found: dict[str, Any] = client.call("GET", OCS)
    return found


def states(client: Client) -> list[str]:
    return [each["state"] for each in client.call("GET", f"{OCS}/real-servers")["real_servers"]]


def test_a_service_is_added_read_changed_and_deleted(client: Client, service: dict[str, Any]) -> None:
    assert service["ports"] == [5060, 5061, "5071-5074"]
    assert (service["forwarding"], service["scheduler"]) == ("snat", "wlc")
    assert service["persistence"] == {"enabled": True, "timeout_ms": 1_800_000, "granularity": None}
    assert [each["label"] for each in service["real_servers"]] == ["FE-1", "FE-2"]
    assert client.call("GET", VIPS) == {"virtual_services": [service]}
    assert client.call("GET", "/config")["layer4_services"] == [service]
    changed = client.call("PATCH", OCS, {"scheduler": "mh", "persistence": {"granularity": 24}})
    assert (changed["scheduler"], changed["persistence"]["timeout_ms"]) == ("mh", 1_800_000)
    assert client.call("PUT", OCS, {**service, "label": "web"})["label"] == "web"
    client.call("DELETE", f"{VIPS}/web")
    assert client.call("GET", VIPS) == {"virtual_services": []}


def test_a_real_server_is_added_read_changed_and_deleted(client: Client, service: dict[str, Any]) -> None:
    added = client.request("POST", f"{OCS}/real-servers", {"label": "FE-3", "ip": "192.168.10.33"})
    assert (added.status, added.body["weight"]) == (201, 100)
    assert added.headers["location"].endswith(f"{OCS}/real-servers/FE-3")
    assert client.call("PATCH", f"{OCS}/real-servers/FE-3", {"weight": 7})["weight"] == 7
    assert client.call("GET", f"{OCS}/real-servers/FE-3")["ip"] == "192.168.10.33"
    other = {"label": "FE-4", "ip": "192.168.10.34"}
    assert client.call("PUT", f"{OCS}/real-servers/FE-3", other)["weight"] == 100
    client.call("DELETE", f"{OCS}/real-servers/FE-4")
    assert client.call("GET", OCS) == service


def test_states_are_set_one_by_one_and_all_together(client: Client, service: dict[str, Any]) -> None:
    assert client.call("PUT", f"{OCS}/real-servers/FE-2/state", {"state": "halt"})["state"] == "halt"
    assert states(client) == ["online", "halt"]
    client.call("PUT", f"{OCS}/state", {"state": "drain"})
    assert states(client) == ["drain", "drain"]


def test_each_change_is_a_revision_that_says_what_it_did(client: Client, service: dict[str, Any]) -> None:
    client.call("PUT", f"{OCS}/real-servers/FE-1/state", {"state": "drain"})
    revisions = client.call("GET", "/history/cluster")["revisions"]
    assert [each["what"] for each in revisions[:4]] == [
        "drain FE-1 of OCS-Front-End",
        "add real server FE-2 to OCS-Front-End",
        "add real server FE-1 to OCS-Front-End",
        "add layer 4 virtual service OCS-Front-End",
    ]
    newest, before = (each["revision"] for each in revisions[:2])
    found = client.call("GET", f"/history/cluster/{newest}/diff?to={before}")["diff"]
    assert found[2].endswith("@@ OCS-Front-End FE-1")
    client.call("POST", f"/history/cluster/{before}/restore")
    assert client.call("GET", OCS) == service


def test_a_write_that_comes_too_late_is_refused(client: Client, service: dict[str, Any]) -> None:
    etag = client.request("GET", OCS).headers["etag"]
    client.call("PATCH", OCS, {"scheduler": "rr"})
    late = client.request("PATCH", OCS, {"scheduler": "sh"}, {"If-Match": etag})
    assert late.status == 412
    assert client.call("GET", OCS)["scheduler"] == "rr"


def test_a_label_is_one_of_either_layer(client: Client, service: dict[str, Any]) -> None:
    body = {"label": "OCS-Front-End", "ip": "192.168.10.40", "ports": [80]}
    answer = client.request("POST", "/layer7/virtual-services", body)
    assert (answer.status, answer.body["errors"][0]["field"]) == (409, "label")
    assert answer.body["detail"] == (
        "label OCS-Front-End is used by a layer 4 virtual service; choose another label"
    )


def test_what_is_not_there_is_told(client: Client, service: dict[str, Any]) -> None:
    for method, path, sentence in (
        ("GET", f"{VIPS}/web",
         "there is no layer 4 virtual service web; the list of layer 4 virtual services has the labels"),
        ("DELETE", f"{OCS}/real-servers/FE-9",
         "OCS-Front-End has no real server FE-9; its list of real servers has the labels"),
    ):  # fmt: skip
        answer = client.request(method, path)
        assert (answer.status, answer.body["detail"]) == (404, sentence)


def test_a_bad_value_is_told_at_its_field_with_the_remedy(client: Client, service: dict[str, Any]) -> None:
    answer = client.request("PATCH", OCS, {"forwarding": "masquerade"})
    assert (answer.status, answer.body["errors"]) == (
        422,
        [{
            "field": "forwarding",
            "value": "masquerade",
            "message": "forwarding masquerade of OCS-Front-End is not one of 'snat', 'nat', 'dr' or 'tun'",
        }],
    )  # fmt: skip


def test_what_this_node_can_not_do_is_refused_and_nothing_changes(
    client: Client, service: dict[str, Any]
) -> None:
    answer = client.request("PATCH", OCS, {"forwarding": "dr"})
    assert answer.status == 422
    assert [each["field"] for each in answer.body["errors"]] == [
        "layer4_services.0.real_servers.0.ip",
        "layer4_services.0.real_servers.1.ip",
    ]
    assert answer.body["detail"].endswith("choose SNAT or Tunnel")
    assert client.call("GET", OCS) == service


def test_a_port_that_the_other_layer_has_is_refused(client: Client, service: dict[str, Any]) -> None:
    body = {"label": "web", "ip": "192.168.10.30", "ports": [443, 5073]}
    answer = client.request("POST", "/layer7/virtual-services", body)
    assert (answer.status, answer.body["errors"][0]["field"]) == (409, "virtual_services.0.ports")
    assert answer.body["detail"] == (
        "port 5073 on 192.168.10.30 is both the layer 7 service web's and the layer 4 service "
        "OCS-Front-End's; choose another address or port for one of them"
    )
    assert client.request("POST", "/layer7/virtual-services", {**body, "ports": [443]}).status == 201


def test_a_node_keeps_the_subnet_that_a_service_needs(client: Client) -> None:
    servers = [{"label": "FE-1", "ip": "192.168.2.31"}]
    client.call("POST", VIPS, {**SERVICE, "forwarding": "nat", "real_servers": servers})
    moved = {"interfaces": [{"name": "eth0", "addresses": ["192.168.4.21/24"]}]}
    answer = client.request("PATCH", "/node", moved)
    assert (answer.status, answer.body["errors"][0]["field"]) == (422, "layer4_services.0.real_servers.0.ip")


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"persistence": {"granularity": 64}}, "granularity 64 of OCS-Front-End is more than the 32 bits"),
        ({"ports": None}, "ports of OCS-Front-End is missing"),
        ({"ports": None, "protocol": "mark"}, "firewall_mark of OCS-Front-End is missing"),
    ],
)
def test_what_can_not_be_rendered_is_refused_by_the_rules(
    client: Client, service: dict[str, Any], fields: dict[str, Any], sentence: str
) -> None:
    answer = client.request("PATCH", OCS, fields)
    assert (answer.status, answer.body["detail"].startswith(sentence)) == (422, True)


def test_what_microsoft_advises_against_is_a_warning(client: Client, service: dict[str, Any]) -> None:
    assert client.call("GET", f"{OCS}/warnings") == {"warnings": []}
    servers = [{"label": "FE-1", "ip": "192.168.2.31"}]
    client.call("PATCH", OCS, {"forwarding": "dr", "real_servers": servers})
    (warning,) = client.call("GET", f"{OCS}/warnings")["warnings"]
    assert warning.startswith("OCS-Front-End has SIP ports and the forwarding method Direct Routing: ")


def test_a_script_that_layer_4_uses_is_kept(client: Client, service: dict[str, Any]) -> None:
    client.call("POST", "/layer7/check-scripts", {"label": "look", "text": "#!/bin/sh\nexit 0\n"})
    client.call("PATCH", OCS, {"health_check": {"type": "external", "script": "look", "check_ports": []}})
    answer = client.request("DELETE", "/layer7/check-scripts/look")
    assert (answer.status, answer.body["detail"]) == (
        422,
        "check script look is used by OCS-Front-End; choose another one there first",
    )


def test_a_whole_configuration_brings_the_services_back(client: Client, service: dict[str, Any]) -> None:
    backup = client.request("GET", "/config").body
    client.call("DELETE", OCS)
    client.call("PUT", "/config", backup)
    assert client.call("GET", OCS) == service


def test_an_operator_drains_and_changes_nothing_else(api: Ask, ask: Ask) -> None:
    assert api("POST", VIPS, {**SERVICE, "real_servers": FRONT_ENDS}).status == 201
    assert may("operator", "PUT", "putLayer4RealServerState")
    described = {
        about["operationId"]
        for methods in api("GET", "/openapi.json")["paths"].values()
        for about in methods.values()
    }
    assert described >= OPERATORS
    api("POST", "/users", {"name": "jane", "role": "operator", "password": "correct horse battery"})
    jane = {"basic": "jane:correct horse battery"}
    assert api("PUT", f"{OCS}/state", {"state": "drain"}, **jane).status == 200
    assert api("PUT", f"{OCS}/real-servers/FE-1/state", {"state": "halt"}, **jane)["state"] == "halt"
    assert api("PATCH", OCS, {"scheduler": "rr"}, **jane).status == 403
