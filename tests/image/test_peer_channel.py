"""The node's certificate, and the channel between two nodes: by the shipped openssl, HAProxy and systemd."""

import stat

from lbadmin.openssl import read_certificate
from lbadmin.pair.identity import NODE_FILE, fingerprint_of, known_certificate, node_certificate
from lbadmin.store import Store
from tests.image.conftest import Appliance
from tests.image.nodes import Node
from tests.image.pairs import SERVICE, view, wish
from tests.image.servers import wait_until


def test_the_nodes_certificate_is_made_once_for_root_alone_and_never_expires(appliance: Appliance) -> None:
    system = appliance.system
    assert known_certificate(system) is None
    pem = node_certificate(system)
    file = system.path(NODE_FILE)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "PRIVATE KEY" in file.read_text()
    assert "PRIVATE KEY" not in pem
    told = read_certificate(system, pem)
    assert (told.not_before.year, told.not_after.year) == (2000, 9999)
    assert told.fingerprint_sha256 == fingerprint_of(pem)
    assert node_certificate(system) == known_certificate(system) == pem


def test_no_two_nodes_have_the_same_certificate(appliance: Appliance) -> None:
    first = node_certificate(appliance.system)
    appliance.system.path(NODE_FILE).unlink()
    assert node_certificate(appliance.system) != first


def test_the_channel_has_no_rights_and_opens_to_root_alone(two_nodes: tuple[Node, Node]) -> None:
    one, other = two_nodes
    assert one.run("systemctl", "is-active", "lbva-peer.service", check=False) == "inactive\n"
    answer = one.rest("POST", "/pair", wish(one, other))
    assert answer.status == 201, answer.body
    for node in two_nodes:
        pid = node.run("systemctl", "show", "--property=MainPID", "--value", "lbva-peer.service").strip()
        status = node.path(f"/proc/{pid}/status").read_text()
        # What keepalived tracks is called haproxy, and this is not.
        assert "Name:\tlbva-peer\n" in status
        assert "CapEff:\t0000000000000000\n" in status
        assert "\nUid:\t0\t" not in status
        said = node.run(
            "setpriv", "--reuid=lbadmin-web", "--regid=lbadmin-web", "--clear-groups",
            "cat", "/run/credentials/lbva-peer.service/node.pem", "/run/lbadmin-peer/out.sock", NODE_FILE,
            check=False,
        )  # fmt: skip
        assert said.count("Permission denied") == 3
        assert "KEY" not in said


def test_a_peer_that_was_cut_off_between_joining_and_its_configuration_gets_that(
    two_nodes: tuple[Node, Node],
) -> None:
    """Its own configuration is none that the other node knows, so they would be in conflict for ever."""
    one, other = two_nodes
    one.rest("POST", "/layer7/virtual-services", SERVICE)
    other.rest("PATCH", "/layer7/settings", {"maxconn": 900})
    answer = one.rest("POST", "/pair", wish(one, other))
    assert answer.status == 201, answer.body
    for node in two_nodes:
        node.kill()
    clusters, pairs = Store(other.state / "cluster"), Store(one.state / "pair")
    clusters.withdraw(clusters.numbers()[-1])
    paired = pairs.current()
    assert paired is not None
    pairs.commit({**paired.document, "state": "pairing"}, "root", "as before the proof")
    for node in two_nodes:
        node.start()
    for node in two_nodes:
        node.wait_until_up()
    wait_until(lambda: all(view(node).get("sync") == "in sync" for node in two_nodes), 30)
    assert view(one)["state"] == "paired"
    assert [each["label"] for each in other.get("/config")["virtual_services"]] == [SERVICE["label"]]
