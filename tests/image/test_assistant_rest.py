"""The OCS assistant over REST gives exactly what the guide's section 8 gives, step by step."""

from pathlib import Path
from typing import Any

import pytest

from lbadmin.client import Client
from tests.image.conftest import Appliance

FRONT_ENDS = [{"label": "FE-1", "ip": "192.168.10.31"}, {"label": "FE-2", "ip": "192.168.10.32"}]
POOL = {"label": "OCS-Front-End", "ip": "192.168.10.30", "real_servers": FRONT_ENDS}
TEMPLATE = "/layer7/templates/ocs-front-end"
VIPS = "/layer7/virtual-services"


@pytest.fixture
def client(daemon: str) -> Client:
    return Client(daemon)


def step_by_step(client: Client) -> dict[str, Any]:
    """Follow the guide, section 8: what each page's Update sends; return the configuration and go back."""
    client.call("PATCH", "/layer7/settings", {"client_timeout_ms": "30m", "real_server_timeout_ms": "30m"})
    client.call(
        "POST",
        VIPS,
        {
            "label": "OCS-Front-End",
            "ip": "192.168.10.30",
            "ports": "5060,5061,135,443,444,5065,5069,5071,5072,5073,5074,8404",
            "protocol": "tcp",
        },
    )
    change = {"persistence": {"mode": "source_ip"}, "health_check": {"check_ports": 5061}}
    client.call("PATCH", f"{VIPS}/OCS-Front-End", change)
    for server in FRONT_ENDS:
        client.call("POST", f"{VIPS}/OCS-Front-End/real-servers", {**server, "weight": 100})
    config: dict[str, Any] = client.call("GET", "/config")
    client.call("POST", "/history/cluster/1/restore")
    return config


def test_the_assistant_gives_what_the_guide_gives_as_one_change(client: Client, appliance: Appliance) -> None:
    expected = step_by_step(client)
    before = client.call("GET", "/config")
    preview = client.call("POST", f"{TEMPLATE}/preview", POOL)
    assert client.call("GET", "/config") == before, "a preview changes nothing"
    assert '+      "label": "OCS-Front-End",' in preview["diff"]
    assert preview["services"] == expected["virtual_services"]

    revisions = revisions_of(appliance)
    added = client.request("POST", TEMPLATE, POOL)
    assert (added.status, added.body) == (201, preview)
    assert client.call("GET", "/config") == expected
    assert revisions_of(appliance) == revisions + 1
    assert client.call("GET", "/history/cluster")["revisions"][0]["what"] == (
        "add OCS 2007 R2 Front End pool OCS-Front-End"
    )


def test_a_pool_at_layer_4_is_one_change_too(client: Client, appliance: Appliance) -> None:
    body = {**POOL, "method": "layer4_snat"}
    revisions = revisions_of(appliance)
    preview = client.call("POST", f"{TEMPLATE}/preview", body)
    assert client.call("POST", TEMPLATE, body) == preview
    assert client.call("GET", "/layer4/virtual-services") == {"virtual_services": preview["services"]}
    assert client.call("GET", VIPS) == {"virtual_services": []}
    assert revisions_of(appliance) == revisions + 1


def test_a_second_pool_of_the_same_label_is_refused_at_its_field(client: Client) -> None:
    client.call("POST", TEMPLATE, POOL)
    for path in (TEMPLATE, f"{TEMPLATE}/preview"):
        answer = client.request("POST", path, POOL)
        assert (answer.status, answer.body["errors"][0]["field"]) == (409, "label")


def test_what_the_form_lacks_is_told_at_its_field(client: Client) -> None:
    answer = client.request("POST", TEMPLATE, {**POOL, "real_servers": [{"label": "FE-1", "ip": "here"}]})
    assert (answer.status, answer.body["errors"]) == (
        422,
        [{
            "field": "real_servers.0.ip",
            "value": "here",
            "message": "ip here of FE-1 in OCS-Front-End is not an IP address; "
            "write it such as 192.168.10.30 or 2001:db8::30",
        }],
    )  # fmt: skip
    empty = client.request("POST", TEMPLATE, {**POOL, "real_servers": []})
    assert (empty.status, empty.body["errors"][0]["field"]) == (422, "real_servers")


def test_an_edge_array_is_added_as_one_change(client: Client, appliance: Appliance) -> None:
    server = {"label": "EDGE-1", "access_ip": "192.168.20.11", "internal_ip": "192.168.10.41"}
    body = {"access_ip": "192.168.20.10", "internal_ip": "192.168.10.40", "real_servers": [server]}
    revisions = revisions_of(appliance)
    preview = client.call("POST", "/layer7/templates/ocs-edge/preview", body)
    assert client.call("POST", "/layer7/templates/ocs-edge", body) == preview
    assert revisions_of(appliance) == revisions + 1
    text = Path(appliance.root / "etc/haproxy/haproxy.cfg").read_text()
    assert "bind 192.168.20.10:443 transparent\n" in text
    assert "bind 192.168.10.40:5062 transparent\n" in text


def revisions_of(appliance: Appliance) -> int:
    return len(list((appliance.root / "var/lib/lbadmin/cluster").glob("*.json")))
