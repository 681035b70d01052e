"""The backup over REST, on the shipped HAProxy: what comes back, and what is refused with nothing changed."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from lbadmin.backup import hash_of
from lbadmin.client import PREFIX, Client
from tests.image.asking import Ask, api, ask
from tests.image.conftest import Appliance
from tests.image.servers import wait_until

__all__ = ["api", "ask"]

Json = dict[str, Any]
SERVICE = {
    "label": "OCS-Front-End",
    "ip": "192.168.10.30",
    "ports": "5060,5061",
    "health_check": {"check_ports": 5061},
    "real_servers": [{"label": "FE-1", "ip": "192.168.10.31"}],
}


@pytest.fixture
def client(daemon: str) -> Client:
    made = Client(daemon)
    made.call("POST", "/layer7/virtual-services", SERVICE)
    made.call("PATCH", "/layer7/settings", {"client_timeout_ms": "30m"})
    for label in ("ocs", "web"):
        body = {"label": label, "common_name": f"{label}.example.com"}
        made.call("POST", "/layer7/certificates/self-signed", body)
    return made


def rehashed(backup: Json, **fields: object) -> Json:
    changed = {**backup, **fields}
    return {**changed, "hash": hash_of(changed)}


def test_a_backup_brings_everything_back_as_one_change(client: Client, appliance: Appliance) -> None:
    answer = client.request("GET", "/backup")
    assert answer.headers["content-disposition"].startswith('attachment; filename="lbva-lbva-20')
    backup = answer.body
    config, node = client.call("GET", "/config"), client.call("GET", "/node")
    assert len(backup["keys"]) == 2

    client.call("DELETE", "/layer7/virtual-services/OCS-Front-End")
    client.call("DELETE", "/layer7/certificates/ocs")
    for path in (appliance.root / "var/lib/lbadmin/keys").iterdir():
        path.unlink()
    client.call("PUT", "/node", {**node, "hostname": "other"})
    before = client.call("GET", "/history/cluster")["revisions"][0]["revision"]

    preview = client.call("POST", "/backup/preview", {"backup": backup, "node": True})
    assert '+  "hostname": "lbva",' in preview["node_diff"]
    assert any("OCS-Front-End" in line for line in preview["cluster_diff"])
    assert client.call("GET", "/node")["hostname"] == "other", "a preview changes nothing"

    restored = client.call("POST", "/backup/restore", {"backup": backup, "node": True})
    assert restored == preview
    assert client.call("GET", "/config") == config
    assert client.call("GET", "/node") == node
    assert client.call("GET", "/backup")["keys"] == backup["keys"]
    newest = client.call("GET", "/history/cluster")["revisions"][0]
    assert (newest["revision"], newest["what"]) == (before + 1, f"restore the backup of {backup['created']}")
    wait_until(lambda: appliance.has_address("192.168.10.30"), what="the virtual address is back")


def test_one_document_alone_can_be_restored(client: Client) -> None:
    text = json.dumps(client.call("GET", "/backup"), indent=4)
    client.call("PUT", "/node", {**client.call("GET", "/node"), "hostname": "other"})
    client.call("PATCH", "/layer7/settings", {"client_timeout_ms": "31m"})
    preview = client.call("POST", "/backup/preview", {"backup": text, "cluster": True, "node": False})
    assert preview["node_diff"] == []
    client.call("POST", "/backup/restore", {"backup": text, "cluster": True, "node": False})
    assert client.call("GET", "/layer7/settings")["client_timeout_ms"] == 1_800_000
    assert client.call("GET", "/node")["hostname"] == "other"


def test_a_backup_of_an_older_format_is_migrated(client: Client) -> None:
    old = {**SERVICE, "health_check": {"check_port": 5061}}
    cluster = {"layer7": {"maxconn": 1000}, "virtual_services": [old]}
    backup = rehashed(client.call("GET", "/backup"), cluster=cluster, keys={})
    client.call("POST", "/backup/restore", {"backup": backup})
    service = client.call("GET", "/layer7/virtual-services/OCS-Front-End")
    assert service["health_check"]["check_ports"] == [5061]


def _cluster(backup: Json, **fields: object) -> Json:
    return rehashed(backup, cluster={**backup["cluster"], **fields})


def _other_key(backup: Json) -> Json:
    certificate, _ = backup["cluster"]["certificates"]
    changed = _cluster(backup, certificates=[{**certificate, "key": "0" * 64}])
    return rehashed(changed, keys={"0" * 64: backup["keys"][certificate["key"]]})


def _misfit(backup: Json) -> Json:
    """Return a backup where each of two certificates has the key of the other."""
    one, other = backup["cluster"]["certificates"]
    swapped = [{**one, "key": other["key"]}, {**other, "key": one["key"]}]
    return _cluster(backup, certificates=swapped)


NOT_JSON = "backup is not JSON; choose a backup file, whole as it was downloaded"
FOREIGN = "backup is not one of this appliance; choose a file that Backup has made"
NEWER = (
    "backup can't be restored: format 3 of the configuration is not between 1 and 2; "
    "update this appliance to the version that wrote it"
)
BAD_PORT = "backup can't be restored: port 70000 of OCS-Front-End is not between 1 and 65535"
OWN_ADDRESS = "address 192.168.2.21 of OCS-Front-End is this node's own address on eth0; choose a free one"
SPOILED: list[tuple[Callable[[Json], object], str]] = [
    (lambda b: json.dumps(b)[:-200], NOT_JSON),
    (lambda _: "\x00\x01 not text", NOT_JSON),
    (lambda _: {"hello": "world"}, FOREIGN),
    (lambda _: "[1, 2]", FOREIGN),
    (lambda _: 7, "backup is neither a JSON object nor a text; send the backup file as it is"),
    (lambda b: {**b, "hostname": "x"}, "backup is damaged: its hash does not fit; choose another copy"),
    (lambda b: {name: b[name] for name in b if name != "node"}, "backup is damaged: it lacks node; choose"),
    (lambda b: rehashed(b, hostname="x" * 1024 * 1024), "backup is larger than 1 MiB; choose a file that"),
    (lambda b: rehashed(b, created="today\n" * 20), "backup is damaged: its created is no short text; "),
    (lambda b: rehashed(b, created="\ud800"), "backup is damaged: its created is no short text; choose"),
    (lambda b: rehashed(b, version=["1"]), "backup is damaged: its version is no short text; choose"),
    (lambda b: rehashed(b, format=3), "backup has format 3, and this appliance knows up to 2; update"),
    (lambda b: _cluster(b, format=3), NEWER),
    (lambda b: _cluster(b, virtual_services=[{**SERVICE, "ports": [70000]}]), BAD_PORT),
    (lambda b: _cluster(b, virtual_services=[{**SERVICE, "ip": "192.168.2.21"}]), OWN_ADDRESS),
    (lambda b: rehashed(b, keys={}), "backup lacks the private key "),
    (lambda b: rehashed(b, keys=dict.fromkeys(b["keys"], "secret!")), "backup has a damaged private key"),
    (_other_key, "backup has another private key as 0000000000000000…; choose another backup"),
    (_misfit, "backup has a private key that does not fit certificate ocs; choose another backup"),
]


def test_a_backup_that_can_not_be_used_is_refused_in_one_sentence(
    client: Client, appliance: Appliance
) -> None:
    def state() -> tuple[object, str]:
        return client.call("GET", "/config"), (appliance.root / "etc/haproxy/haproxy.cfg").read_text()

    backup, before = client.call("GET", "/backup"), state()
    for spoil, sentence in SPOILED:
        for verb in ("preview", "restore"):
            answer = client.request("POST", f"/backup/{verb}", {"backup": spoil(backup)})
            assert (answer.status, answer.body["detail"][: len(sentence)]) == (422, sentence)
            assert "secret!" not in str(answer.body)
            assert state() == before


def test_no_backup_is_made_that_can_not_be_restored(client: Client) -> None:
    for number in range(17):
        script = {"label": f"script-{number}", "text": "#!/bin/sh\n" + "x" * 64_000}
        client.call("POST", "/layer7/check-scripts", script)
    answer = client.request("GET", "/backup")
    assert answer.status == 422
    assert answer.body["detail"].startswith("backup would be larger than 1 MiB, which can't be restored; ")
    client.call("DELETE", "/layer7/check-scripts/script-16")
    backup = client.call("GET", "/backup")
    assert client.call("POST", "/backup/preview", {"backup": json.dumps(backup)})["cluster_diff"] == []


def test_nothing_chosen_is_told(client: Client) -> None:
    body = {"backup": client.call("GET", "/backup"), "cluster": False, "node": False}
    answer = client.request("POST", "/backup/restore", body)
    assert (answer.status, answer.body["detail"]) == (
        422,
        "cluster and node are both false; choose what to restore",
    )


def test_a_read_only_key_gets_no_backup_since_it_holds_private_keys(
    client: Client, ask: Ask, api: Ask
) -> None:
    key = api("POST", "/api-keys", {"name": "monitoring"})["key"]
    refused = ask("GET", f"{PREFIX}/backup", token=key)
    assert (refused.status, refused["detail"]) == (
        403,
        "API key monitoring is read-only; this is for administrators",
    )
    assert b"PRIVATE KEY" in api("GET", "/backup").body


def test_what_is_far_too_large_is_not_even_read(client: Client) -> None:
    answer = client.request("POST", "/backup/preview", {"backup": "x" * 3 * 1024 * 1024})
    assert answer.status == 413
