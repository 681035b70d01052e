"""What travels between the nodes of a pair and what does not, on two native appliances."""

import json
import re
import socket
import ssl
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from lbadmin.client import Client
from lbadmin.render.peer import OUT_SOCKET
from tests.image.nodes import PASSWORD, Node, cut, join
from tests.image.pairs import (
    SERVICE,
    Nodes,
    digest,
    is_settled,
    master_and_slave,
    paired_nodes,
    view,
    wait_until_settled,
)
from tests.image.servers import wait_until

SETTINGS = "/layer7/settings"
STRANGER = "192.168.2.1"
"""The test's own address on the management network."""


@pytest.fixture(scope="module")
def paired(tmp_path_factory: pytest.TempPathFactory, software: Path) -> Iterator[Nodes]:
    """A pair with a service, for all tests here: each leaves it in sync."""
    with paired_nodes(tmp_path_factory.mktemp("nodes"), software) as nodes:
        yield nodes


@pytest.fixture
def pair(paired: Nodes) -> Nodes:
    """The master and the slave, in sync."""
    for node in paired:
        node.mend()
    wait_until_settled(*paired)
    return master_and_slave(paired)


def change(node: Node, timeout_ms: int) -> None:
    """Make a change of the ClusterConfig that can be told from others."""
    answer = node.rest("PATCH", SETTINGS, {"connection_timeout_ms": timeout_ms})
    assert answer.status == 200, answer.body


def timeout_ms(node: Node) -> Any:  # noqa: ANN401 - JSON is any shape
    return node.get(SETTINGS)["connection_timeout_ms"]


def is_told(node: Node, words: str) -> bool:
    """Tell whether the node says these words of replication."""
    return words in str(view(node)["sync_detail"])


def sees_conflict(node: Node) -> bool:
    """Tell whether the node says that both were changed apart."""
    return bool(view(node)["sync"] == "conflict")


def test_a_change_on_the_master_is_in_effect_on_the_slave(pair: Nodes) -> None:
    master, slave = pair
    change(master, 4_321)
    wait_until(lambda: timeout_ms(slave) == 4_321, what="the slave has the change")
    assert "timeout connect 4321" in slave.path("/etc/haproxy/haproxy.cfg").read_text()
    wait_until_settled(*pair)
    (of_master, of_slave) = (node.get("/history/cluster")["revisions"][0] for node in pair)
    assert (of_master["revision"], of_master["what"]) == (of_slave["revision"], of_slave["what"])


def test_a_change_on_the_slave_is_refused_and_leads_to_the_master(pair: Nodes) -> None:
    master, slave = pair
    before = digest(slave, "cluster")
    for answer in (
        slave.rest("PATCH", SETTINGS, {"connection_timeout_ms": 1_234}),
        slave.rest("POST", "/layer7/virtual-services", {**SERVICE, "label": "other", "ports": [99]}),
        slave.rest("PATCH", "/ha", {"sensitivity": "tolerant"}),
    ):
        assert answer.status == 409, answer.body
        assert master.address in answer.body["detail"]
    status, body = slave.https("PATCH", SETTINGS, {"connection_timeout_ms": 1_234})
    assert (status, master.address in body["detail"]) == (409, True)
    assert digest(slave, "cluster") == before


OWN: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "host name": ({"hostname": "master-a"}, {"hostname": "slave-b"}),
    "name servers": ({"dns": ["192.168.2.1"]}, {"dns": ["192.168.2.2", "192.168.2.3"]}),
    "default gateway": ({"gateway": "192.168.2.1"}, {"gateway": "192.168.2.254"}),
}
"""Of the guide's appendix 1, what a NodeConfig has: what is set on the master, and on the slave."""


@pytest.mark.parametrize("item", OWN)
def test_what_is_a_nodes_own_is_not_replicated(pair: Nodes, item: str) -> None:
    for node, body in zip(pair, OWN[item], strict=True):
        answer = node.rest("PATCH", "/node", body)
        assert answer.status == 200, answer.body
    own = [digest(node, "node") for node in pair]
    change(pair[0], 5_000 + list(OWN).index(item))
    wait_until_settled(*pair)
    assert [digest(node, "node") for node in pair] == own
    for node, body in zip(pair, OWN[item], strict=True):
        assert node.get("/node").items() >= body.items()


def test_addresses_are_not_replicated(pair: Nodes) -> None:
    master, slave = pair
    interfaces = slave.get("/node")["interfaces"]
    interfaces[1]["addresses"].append("10.77.0.5/24")
    answer = slave.rest("PATCH", "/node", {"interfaces": interfaces})
    assert answer.status == 200, answer.body
    change(master, 5_010)
    wait_until_settled(*pair)
    wait_until(lambda: slave.has_address("10.77.0.5"), what="the slave has its new address")
    assert not master.has_address("10.77.0.5")
    for node in pair:
        assert node.has_address(node.address)
        assert node.has_address(node.service_address)


def test_password_and_api_keys_stay_each_nodes_own(pair: Nodes) -> None:
    master, slave = pair
    answer = slave.rest("PUT", "/users/loadbalancer/password", {"new": "Winterschlaf-3"})
    assert answer.status == 204, answer.body
    slave.password = "Winterschlaf-3"
    made = master.rest("POST", "/api-keys", {"name": "of-the-master"})
    assert made.status == 201, made.body
    change(master, 5_020)
    wait_until_settled(*pair)
    assert slave.https("GET", "/status")[0] == 200
    assert slave.https("GET", "/status", password=PASSWORD)[0] == 401
    assert master.https("GET", "/status", password=master.password)[0] == 200
    assert [key["name"] for key in slave.get("/api-keys")["api_keys"]] == []


def test_certificates_travel_with_their_keys(pair: Nodes) -> None:
    master, slave = pair
    made = master.rest(
        "POST", "/layer7/certificates/self-signed", {"label": "ocs", "common_name": "ocs.example.com"}
    )
    assert made.status == 201, made.body
    wait_until_settled(*pair)
    keys = [{path.name: path.read_bytes() for path in (node.state / "keys").iterdir()} for node in pair]
    assert len(keys[0]) == 1
    assert keys[0] == keys[1]
    for node in pair:
        (key,) = (node.state / "keys").iterdir()
        assert (oct(key.stat().st_mode)[-3:], key.stat().st_uid) == ("600", 0)
        assert "PRIVATE KEY" not in node.run("journalctl", "--boot", "--no-pager", "--output=cat")
    assert slave.get("/layer7/certificates/ocs")["chain"] == made.body["chain"]
    master.rest("DELETE", "/layer7/certificates/ocs")


def test_check_scripts_travel(pair: Nodes) -> None:
    master, slave = pair
    text = "#!/bin/sh\nexit 0\n"
    answer = master.rest("POST", "/layer7/check-scripts", {"label": "always", "text": text})
    assert answer.status == 201, answer.body
    wait_until_settled(*pair)
    assert slave.get("/layer7/check-scripts/always")["text"] == text
    found = [
        path for path in slave.path("/etc/haproxy").rglob("*") if path.is_file() and "always" in path.name
    ]
    assert [path.read_text() for path in found] == [text]


def test_real_servers_that_are_halted_are_halted_on_both(pair: Nodes) -> None:
    master, slave = pair
    path = "/layer7/virtual-services/OCS-Front-End/real-servers/FE-2/state"
    for state in ("halt", "online"):
        assert master.rest("PUT", path, {"state": state}).status == 200
        wait_until_settled(*pair)
        servers = slave.get("/status")["virtual_services"][0]["real_servers"]
        assert [each["state"] for each in servers] == ["online", state]


def test_a_slave_that_was_away_catches_up(pair: Nodes) -> None:
    master, slave = pair
    slave.kill()
    for step in range(3):
        change(master, 6_000 + step)
    wait_until(lambda: view(master)["sync"] == "unreachable", 30, "the master says that the slave is away")
    assert slave.address in view(master)["sync_detail"]
    slave.start()
    slave.wait_until_up()
    wait_until_settled(*pair)
    assert timeout_ms(slave) == 6_002


SLOW = """#!/bin/sh
case " $* " in *" -c "*) exec sleep 600;; esac
exec /usr/sbin/haproxy.real "$@"
"""
"""A HAProxy that needs long to check its configuration."""


def test_a_slave_that_loses_its_power_while_it_takes_a_change_gets_it_when_it_is_back(pair: Nodes) -> None:
    master, slave = pair
    program = slave.path("/usr/sbin/haproxy")
    program.rename(program.with_name("haproxy.real"))
    program.write_text(SLOW)
    program.chmod(0o755)
    change(master, 6_050)
    wait_until(lambda: "sleep 600" in slave.run("ps", "-eo", "args"), what="the slave checks the change")
    slave.restart()
    wait_until_settled(*pair)
    assert timeout_ms(slave) == 6_050


def test_a_former_master_gets_what_was_changed_while_it_was_away(pair: Nodes) -> None:
    master, slave = pair
    master.kill()
    wait_until(lambda: view(slave)["role"] == "master", what="the slave has taken over")
    change(slave, 6_100)
    master.start()
    master.wait_until_up()
    wait_until_settled(*pair)
    assert timeout_ms(master) == 6_100
    assert view(slave)["role"] == "master"


def test_both_may_restart_at_the_same_time(pair: Nodes) -> None:
    for node in pair:
        node.kill()
    for node in pair:
        node.start()
    for node in pair:
        node.wait_until_up()
    wait_until_settled(*pair)


BLOCK = """
import socket, time
listener = socket.create_server(("192.168.10.30", 7777))
time.sleep(600)
"""


def test_a_slave_that_can_not_take_a_change_is_behind_and_says_why(pair: Nodes) -> None:
    master, slave = pair
    slave.run("systemd-run", "--unit=blocker", "python3", "-c", BLOCK)
    wait_until(lambda: ":7777" in slave.run("ss", "-ltn"), what="the port is taken")
    service = {**SERVICE, "label": "blocked", "ports": [7777]}
    name = slave.get("/node")["hostname"]
    try:
        assert master.rest("POST", "/layer7/virtual-services", service).status == 201
        for node, words in ((master, f"{name} refused revision"), (slave, "this node refused revision")):
            wait_until(partial(is_told, node, words), 30, words)
            assert view(node)["sync"] == "behind"
            assert any("not in sync" in each["text"] for each in node.get("/messages")["messages"])
        # What is refused leaves no trace: the slave never looks newer than it is.
        assert [each["label"] for each in slave.get("/config")["virtual_services"]] == ["OCS-Front-End"]
    finally:
        slave.run("systemctl", "stop", "blocker")
        master.rest("DELETE", "/layer7/virtual-services/blocked")
    wait_until_settled(*pair)


def parted_and_changed(pair: Nodes) -> None:
    """Part the two, change both, and join them again."""
    before = timeout_ms(pair[0])
    cut(*pair)
    try:
        wait_until(lambda: {view(node)["role"] for node in pair} == {"master"}, what="each is master")
        for number, node in enumerate(pair, 1):
            change(node, before + number)
    finally:
        join(*pair)
    for node in pair:
        wait_until(partial(sees_conflict, node), 30, f"{node.name} sees the conflict")
    assert sorted(timeout_ms(node) for node in pair) == [before + 1, before + 2]
    wait_until(
        lambda: sorted(view(node)["role"] for node in pair) == ["master", "slave"],
        what="one of two masters has stepped back",
    )


@pytest.mark.parametrize(("keep", "kept"), [("this", 0), ("peer", 1)])
@pytest.mark.parametrize("asked", [0, 1])
def test_a_conflict_is_shown_and_resolved_by_a_person(pair: Nodes, keep: str, kept: int, asked: int) -> None:
    parted_and_changed(pair)
    expected = timeout_ms(pair[asked ^ kept])
    answer = pair[asked].rest("POST", "/pair/resolve", {"keep": keep})
    assert answer.status == 200, answer.body
    wait_until_settled(*pair)
    assert [timeout_ms(node) for node in pair] == [expected, expected]


def test_nothing_is_resolved_without_a_conflict(pair: Nodes) -> None:
    answer = pair[0].rest("POST", "/pair/resolve", {"keep": "this"})
    assert answer.status == 409, answer.body
    assert is_settled(*pair)


def stranger_certificate(folder: Path) -> Path:
    pem = folder / "stranger.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-days", "2", "-subj", "/CN=lb2", "-keyout", folder / "key", "-out", folder / "certificate"],
        check=True, capture_output=True,
    )  # fmt: skip
    pem.write_text((folder / "key").read_text() + (folder / "certificate").read_text())
    return pem


def heard_over_tls(place: tuple[str, int], context: ssl.SSLContext) -> bytes:
    """Return what is answered to a request, nothing when the certificate is not taken."""
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with (
            socket.create_connection(place, timeout=5) as plain,
            context.wrap_socket(plain) as connection,
        ):
            # In TLS 1.3 a client hears of its refusal with the first answer.
            connection.sendall(b"GET /lbadmin/api/v1/pair HTTP/1.0\r\n\r\n")
            return connection.recv(100)
    except OSError:
        return b""


@pytest.mark.parametrize("port", [9444, 9445])
@pytest.mark.parametrize("certificate", ["none", "another", "the website's"])
def test_nobody_but_the_peer_comes_through_its_tls(
    pair: Nodes, tmp_path: Path, port: int, certificate: str
) -> None:
    target = pair[1]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if certificate == "another":
        context.load_cert_chain(stranger_certificate(tmp_path))
    elif certificate == "the website's":
        tls = pair[0].state / "tls"
        context.load_cert_chain(tls / "web.pem", tls / "web.key")
    said = f"{STRANGER}:[0-9]+ .*(SSL handshake failure|SSL client certificate not trusted)"
    before = len(re.findall(said, target.journal("lbva-peer")))
    assert heard_over_tls((target.address, port), context) == b""
    wait_until(
        lambda: len(re.findall(said, target.journal("lbva-peer"))) > before,
        what="the refusal is in the journal",
    )


def test_the_peers_own_certificate_is_what_opens_its_tls(pair: Nodes) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_cert_chain(pair[0].state / "tls/node.pem")
    assert heard_over_tls((pair[1].address, 9444), context).startswith(b"HTTP/1.1 403 ")


PUSH = """
import json, sys
from lbadmin.client import Client
answer = Client(sys.argv[1]).request("PUT", "/peer/cluster", json.loads(sys.argv[2]))
print(answer.status)
"""


def pushed(node: Node) -> dict[str, Any]:
    """Return a push that the peer would make; it takes all services away."""
    seen = view(node)
    replaces = {"revision": seen["peer"]["cluster_revision"], "hash": seen["peer"]["cluster_hash"]}
    return {
        "revision": replaces["revision"] + 1,
        "document": {},
        "keys": {},
        "who": "root",
        "what": "empty",
        "replaces": replaces,
    }


def test_a_push_by_another_user_of_the_machine_is_refused_and_logged(pair: Nodes) -> None:
    slave = pair[1]
    before = digest(slave, "cluster")
    body = json.dumps(pushed(pair[0]))
    for uid in ("lbadmin-web", "haproxy"):
        said = slave.run(
            "setpriv", f"--reuid={uid}", "--regid=lbadmin-web", "--clear-groups",
            "python3", "-c", PUSH, "/run/lbadmin/lbadmind.sock", body,
        )  # fmt: skip
        assert said in {"401\n", "403\n"}
    assert digest(slave, "cluster") == before
    wait_until(lambda: "/peer/cluster" in slave.journal("lbadmind"), what="the refusal is in the journal")


def test_a_push_over_https_with_the_password_is_refused(pair: Nodes) -> None:
    slave = pair[1]
    before = digest(slave, "cluster")
    status, body = slave.https("PUT", "/peer/cluster", pushed(pair[0]))
    assert status == 403, body
    assert digest(slave, "cluster") == before


def test_the_way_to_the_peer_opens_nothing_else_there(pair: Nodes) -> None:
    master, slave = pair
    for method, path in (("GET", "/status"), ("POST", "/system/reboot"), ("PUT", "/config")):
        answer = Client(str(master.path(OUT_SOCKET)), timeout_s=10).request(method, path, {})
        assert answer.status == 403, answer.body
    assert slave.https("GET", "/status")[0] == 200
