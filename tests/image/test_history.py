"""Earlier revisions over REST, on the shipped HAProxy: compared, restored, refused."""

import pytest

from lbadmin.client import Client
from lbadmin.store import Store
from tests.image.conftest import Appliance

OLD_FORMAT = {
    "layer7": {"maxconn": 900},
    "virtual_services": [
        {
            "label": "OCS-Front-End",
            "ip": "192.168.10.30",
            "ports": [5060, 5061],
            "health_check": {"type": "connect", "check_port": 5061},
            "real_servers": [{"label": "FE-1", "ip": "192.168.10.31"}],
        }
    ],
}


@pytest.fixture
def client(daemon: str) -> Client:
    made = Client(daemon)
    made.call("PATCH", "/layer7/settings", {"client_timeout_ms": "30m"})
    made.call("PATCH", "/layer7/settings", {"client_timeout_ms": "31m"})
    return made


def test_a_revision_is_compared_with_the_current_one_and_with_others(client: Client) -> None:
    listed = client.call("GET", "/history/cluster")["revisions"]
    assert [each["revision"] for each in listed] == [3, 2, 1]
    assert client.call("GET", "/history/cluster/3/diff") == {"diff": []}
    lines = client.call("GET", "/history/cluster/2/diff")["diff"]
    assert [line for line in lines if line[0] in "+-"] == [
        "--- revision 2",
        "+++ revision 3",
        '-    "client_timeout_ms": 1800000,',
        '+    "client_timeout_ms": 1860000,',
    ]
    assert '+    "client_timeout_ms": 1800000,' in client.call("GET", "/history/cluster/1/diff?to=2")["diff"]
    assert '-    "maxconn": 40000,' in client.call("GET", "/history/cluster/0/diff?to=1")["diff"], "factory"


def test_a_restored_revision_is_a_change_of_its_own(client: Client, appliance: Appliance) -> None:
    answer = client.request("POST", "/history/cluster/2/restore")
    assert (answer.status, answer.headers["etag"]) == (200, '"4"')
    assert "timeout client 1800000\n" in (appliance.root / "etc/haproxy/haproxy.cfg").read_text()
    newest = client.call("GET", "/history/cluster")["revisions"][0]
    assert (newest["who"], newest["what"]) == ("root", "restore revision 2 of the cluster configuration")
    stale = client.request("POST", "/history/cluster/3/restore", headers={"If-Match": '"3"'})
    assert stale.status == 412


def test_a_revision_that_is_not_there_is_told(client: Client) -> None:
    answer = client.request("POST", "/history/node/17/restore")
    assert answer.status == 404
    assert answer.body["detail"] == (
        "there is no revision 17 of the node configuration; its history lists those that are kept"
    )


def test_a_revision_that_todays_rules_refuse_is_refused_and_nothing_changes(client: Client) -> None:
    service = {"label": "web", "ip": "192.168.10.30", "ports": [80]}
    client.call("POST", "/layer7/virtual-services", service)
    client.call("DELETE", "/layer7/virtual-services/web")
    interfaces = [{"name": "eth0", "addresses": ["192.168.2.21/24", "192.168.10.30/24"]}]
    client.call("PUT", "/node", {"interfaces": interfaces})
    before = client.call("GET", "/config")
    answer = client.request("POST", "/history/cluster/4/restore")
    assert answer.status == 422
    assert answer.body["detail"] == (
        "address 192.168.10.30 of web is this node's own address on eth0; choose a free one"
    )
    assert client.call("GET", "/config") == before


def test_a_revision_of_an_older_format_is_compared_and_restored_in_todays(
    client: Client, appliance: Appliance
) -> None:
    old = Store(appliance.system.state / "cluster").commit(OLD_FORMAT, "root", "by an older version")
    lines = client.call("GET", f"/history/cluster/{old.revision}/diff")["diff"]
    assert not any("check_port" in line and "check_ports" not in line for line in lines)
    restored = client.call("POST", f"/history/cluster/{old.revision}/restore")
    assert restored["format"] == 2
    assert restored["virtual_services"][0]["health_check"]["check_ports"] == [5061]
    stored = client.call("GET", f"/history/cluster/{old.revision}")["document"]
    assert stored == OLD_FORMAT, "history is never rewritten"
