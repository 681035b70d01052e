"""Two native appliances are paired: what it takes, and what each wrong try is told, with nothing changed."""

import http.server
import re
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from lbadmin.pair.identity import fingerprint_of
from tests.image.nodes import Node, appliances
from tests.image.pairs import SERVICE, is_settled, is_single, pair_up, picture, view, wait_until_settled, wish

SECRET = "Zaunkoenig-92-Abend"
"""The loadbalancer user's password on the peer."""


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory, software: Path) -> Iterator[tuple[Node, Node]]:
    """Two appliances for all tests here: none of them pairs them, and each finds them as they were."""
    with appliances(tmp_path_factory.mktemp("nodes"), software, 21, 22) as (one, other):
        answer = other.rest("PUT", "/users/loadbalancer/password", {"new": SECRET})
        assert answer.status < 300, answer.body
        other.password = SECRET
        service = one.rest("POST", "/layer7/virtual-services", SERVICE)
        assert service.status == 201, service.body
        yield one, other


@pytest.fixture
def unchanged(nodes: tuple[Node, Node]) -> Iterator[tuple[Node, Node]]:
    """The two, which have to be after the test what they were before it."""
    before = [picture(node) for node in nodes]
    yield nodes
    assert [picture(node) for node in nodes] == before
    assert all(is_single(node) for node in nodes)


def refusal(one: Node, other: Node, **different: str) -> str:
    """Try to pair; return the one sentence of the refusal."""
    answer = one.rest("POST", "/pair", wish(one, other, **different))
    assert 400 <= answer.status < 500 or answer.status == 503, answer.body
    sentence: str = answer.body["detail"]
    assert re.fullmatch(r"[^\n]+[^.\n]", sentence), sentence
    assert ". " not in sentence, sentence
    return sentence


def test_a_wrong_password_is_told(unchanged: tuple[Node, Node]) -> None:
    one, other = unchanged
    sentence = refusal(one, other, password="Winterschlaf-3")
    assert "password" in sentence
    assert other.address in sentence
    assert "Winterschlaf-3" not in sentence
    progress = view(one)["progress"]
    assert progress["error"] == sentence
    assert [step["state"] for step in progress["steps"]] == [
        "done",
        "failed",
        "waiting",
        "waiting",
        "waiting",
    ]


@pytest.mark.parametrize("address", ["192.168.2.21", "192.168.10.21", "127.0.0.1", "224.0.0.18"])
def test_an_address_that_is_no_peers_is_told(unchanged: tuple[Node, Node], address: str) -> None:
    assert address in refusal(*unchanged, peer_ip=address)


@pytest.mark.parametrize("address", ["192.168.2.77", "nonsense", "192.168.2.22"])
def test_a_local_address_that_the_node_does_not_have_is_told(
    unchanged: tuple[Node, Node], address: str
) -> None:
    assert address in refusal(*unchanged, local_ip=address)


def test_an_address_with_nobody_there_is_told(unchanged: tuple[Node, Node]) -> None:
    assert "192.168.2.99" in refusal(*unchanged, peer_ip="192.168.2.99")


def test_an_address_where_nothing_listens_is_told(unchanged: tuple[Node, Node]) -> None:
    assert "192.168.2.1" in refusal(*unchanged, peer_ip="192.168.2.1")


class Stranger(http.server.BaseHTTPRequestHandler):
    """Another product's website; it notes what it is told."""

    heard: list[str]

    def do_POST(self) -> None:
        """Answer with a page."""
        self.heard.append(f"{self.headers} {self.rfile.read(int(self.headers.get('Content-Length', 0)))!r}")
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<html>Welcome to the printer</html>")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def stranger(tmp_path: Path, nodes: tuple[Node, Node]) -> Iterator[type[Stranger]]:
    """A website of something else, where the peer would be."""
    pem = tmp_path / "stranger.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-nodes", "-newkey", "rsa:2048", "-days", "2", "-subj", "/CN=printer",
         "-keyout", pem, "-out", tmp_path / "certificate"],
        check=True, capture_output=True,
    )  # fmt: skip
    with pem.open("a") as both:
        both.write((tmp_path / "certificate").read_text())
    Stranger.heard = []
    server = http.server.ThreadingHTTPServer(("192.168.2.1", 9443), Stranger)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield Stranger
    server.shutdown()
    server.server_close()
    thread.join()


def test_something_else_at_the_address_is_told(
    unchanged: tuple[Node, Node], stranger: type[Stranger]
) -> None:
    assert "192.168.2.1" in refusal(*unchanged, peer_ip="192.168.2.1")


def test_a_password_is_not_sent_to_another_certificate_than_was_said(
    unchanged: tuple[Node, Node], stranger: type[Stranger]
) -> None:
    sentence = refusal(*unchanged, peer_ip="192.168.2.1", fingerprint="ab" * 32)
    assert "fingerprint" in sentence or "certificate" in sentence
    assert stranger.heard == []


def test_a_peer_of_another_fingerprint_than_was_said_is_told(unchanged: tuple[Node, Node]) -> None:
    one, other = unchanged
    sentence = refusal(one, other, fingerprint="ab" * 32)
    own = fingerprint_of((other.state / "tls/web.pem").read_text())
    assert own in sentence.replace(":", "").lower()


def test_a_peer_with_services_is_told(unchanged: tuple[Node, Node]) -> None:
    """lb1 has a service, so lb2 can't take it as its peer."""
    one, other = unchanged
    sentence = refusal(other, one)
    assert "virtual service" in sentence


def test_a_peer_of_another_version_is_told(nodes: tuple[Node, Node]) -> None:
    one, other = nodes
    release = other.path("/usr/lib/os-release")
    text = release.read_text()
    before = [picture(node) for node in nodes]
    release.write_text(re.sub(r"(?m)^IMAGE_VERSION=.*\n", "", text) + "IMAGE_VERSION=99.1\n")
    try:
        sentence = refusal(one, other)
    finally:
        release.write_text(text)
    assert "99.1" in sentence
    assert [picture(node) for node in nodes] == before


def test_the_password_stays_out_of_the_logs(unchanged: tuple[Node, Node]) -> None:
    one, other = unchanged
    refusal(one, other, fingerprint="ab" * 32)
    for node in unchanged:
        said = node.run("journalctl", "--boot", "--no-pager", "--output=cat")
        assert "lbadmind" in node.run("journalctl", "--boot", "--no-pager")
        assert SECRET not in said


def test_an_unpaired_node_says_so(unchanged: tuple[Node, Node]) -> None:
    for node in unchanged:
        assert view(node)["peer"] is None
        assert node.get("/pair/members/" + "0" * 32) == {"member": False}


def test_a_pair_is_made_over_rest_with_the_password_alone(two_nodes: tuple[Node, Node]) -> None:
    one, other = two_nodes
    one.rest("POST", "/layer7/virtual-services", SERVICE)
    fingerprint = fingerprint_of((other.state / "tls/web.pem").read_text())
    status, answer = one.https("POST", "/pair", wish(one, other, fingerprint=fingerprint))
    assert (status, answer["state"], answer["peer_ip"]) == (201, "paired", other.address), answer
    assert answer["restart_heartbeat"]
    assert {step["state"] for step in answer["progress"]["steps"]} == {"done"}
    assert (view(one)["fingerprint"], view(one)["peer_fingerprint"]) == (
        view(other)["peer_fingerprint"],
        view(other)["fingerprint"],
    )
    assert one.https("POST", "/services/heartbeat/restart")[0] < 300
    wait_until_settled(one, other)
    assert not view(one)["restart_heartbeat"]
    assert not view(other)["restart_heartbeat"]


def test_who_is_paired_is_told_so(tmp_path: Path, software: Path) -> None:
    with appliances(tmp_path, software, 21, 22, 23) as (one, other, third):
        pair_up(one, other)
        trio = (one, other, third)
        before = [picture(node) for node in trio]
        assert "already" in refusal(one, third)
        assert "already" in refusal(other, third)
        assert "already" in refusal(third, other)
        assert "already" in refusal(third, one)
        assert [picture(node) for node in trio] == before
        assert is_settled(one, other)
