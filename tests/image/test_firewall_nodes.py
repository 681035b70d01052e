"""The firewall of native appliances, from outside: who reaches what, what scripts do, what a boot finds."""

import contextlib
import json
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lbadmin.checkers import AS_NOBODY_WITH_NETWORK
from lbadmin.web.views.firewall import SAMPLE
from tests.image.nodes import Node, appliances
from tests.image.pairs import SERVICE, VIP, is_settled, master_and_slave, paired_nodes, view
from tests.image.servers import FrontEnd, connect, wait_until
from tests.image.software import ROOTFS

INSIDE, OUTSIDE = "192.168.2.1", "192.168.10.100"
"""Hosts of the management and of the service network; the appliance is on both."""

WEB = 9443
DROPPED_S = 1.0


def reaches(address: str, port: int, source: str) -> bool:
    """Tell whether a host's connection is accepted; one whose packets are dropped is not even refused."""
    with contextlib.suppress(OSError):
        socket.create_connection((address, port), DROPPED_S, (source, 0)).close()
        return True
    return False


def answers_ping(address: str, source: str) -> bool:
    ping = ["chroot", str(ROOTFS), "ping", "-c1", "-W1", "-I", source, address]
    done = subprocess.run(ping, check=False, capture_output=True)
    return done.returncode == 0


def change(node: Node, firewall: dict[str, Any], *, confirmed: bool = True) -> None:
    path = "/node?confirmed=true" if confirmed else "/node"
    answer = node.rest("PATCH", path, {"firewall": firewall})
    assert answer.status == 200, answer.body


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory, software: Path) -> Iterator[Node]:
    """An appliance that balances FE-1."""
    with appliances(tmp_path_factory.mktemp("one"), software, 21) as (node,):
        front_end = FrontEnd("FE-1", "192.168.10.31", (5060, 5061))
        front_end.start()
        assert node.rest("POST", "/layer7/virtual-services", SERVICE).status == 201
        yield node
        front_end.stop()


@pytest.fixture
def node(one: Node) -> Iterator[Node]:
    """The same without firewall."""
    one.mend()
    yield one
    change(one, {"script": None, "lockdown": []})
    assert one.run("nft", "list", "ruleset") == ""


def served(source: str) -> bool:
    with contextlib.suppress(OSError):
        connection, name = connect(VIP, 5060, source)
        connection.close()
        return name == "FE-1"
    return False


def test_by_default_no_packet_is_looked_at(node: Node) -> None:
    assert node.run("nft", "list", "ruleset") == ""
    assert node.run("systemctl", "is-active", "lbva-firewall.service", check=False) == "inactive\n"


def test_a_lockdown_keeps_others_from_managing_and_from_nothing_else(node: Node) -> None:
    wait_until(lambda: served(OUTSIDE), what="the service is there")
    places = (node.address, node.service_address, VIP)
    assert all(reaches(place, WEB, source) for place in places for source in (INSIDE, OUTSIDE))
    change(node, {"lockdown": ["192.168.2.0/24"]})
    assert node.https("GET", "/status")[0] == 200
    assert reaches(node.service_address, WEB, INSIDE)
    assert [place for place in places if reaches(place, WEB, OUTSIDE)] == []
    assert served(OUTSIDE)
    assert answers_ping(node.address, INSIDE)
    assert answers_ping(node.service_address, OUTSIDE)
    node.restart()
    assert reaches(node.address, WEB, INSIDE)
    assert not reaches(node.address, WEB, OUTSIDE)
    wait_until(lambda: served(OUTSIDE), what="the service is there again")


def test_a_lockdown_ends_what_others_have_open(node: Node) -> None:
    with socket.create_connection((node.service_address, WEB), 5, (OUTSIDE, 0)) as connection:
        change(node, {"lockdown": ["192.168.2.0/24"]})
        connection.settimeout(DROPPED_S)
        connection.sendall(b"\x80")
        with pytest.raises(TimeoutError):
            connection.recv(1)


def test_a_lockdown_tracks_no_connections(node: Node) -> None:
    change(node, {"lockdown": ["192.168.2.0/24"]})
    assert served(OUTSIDE)
    assert "ct " not in node.run("nft", "list", "ruleset")


DROP = """table inet mine {
    chain input {
        type filter hook input priority filter
        tcp dport 5061 drop
    }
}
"""


def test_the_sample_of_the_page_is_taken(node: Node) -> None:
    change(node, {"script": SAMPLE})
    assert "set suppliers" in node.run("nft", "list", "ruleset")


def test_a_script_drops_what_it_says(node: Node) -> None:
    assert reaches(VIP, 5061, OUTSIDE)
    change(node, {"script": DROP, "lockdown": ["192.168.2.0/24"]})
    assert not reaches(VIP, 5061, OUTSIDE)
    assert reaches(VIP, 5060, OUTSIDE)
    assert not reaches(node.address, WEB, OUTSIDE)
    # Each load begins with no rules.
    change(node, {"script": DROP.replace("5061", "5060")})
    assert reaches(VIP, 5061, OUTSIDE)
    assert not reaches(VIP, 5060, OUTSIDE)


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("table inet mine {\n    chian input { }\n}\n", "script is refused by nft in line 2: syntax error, "),
        (
            "add rule inet nowhere input drop\n",
            "script is refused by nft in line 1: No such file or directory",
        ),
        (
            'table inet mine {\n chain a {\n  iif "nothere" drop\n }\n}\n',
            "script is refused by nft in line 3: ",
        ),
        ("flush ruleset\n", "script has flush ruleset in line 1, "),
    ],
)
def test_a_bad_script_is_refused_with_nfts_words(node: Node, script: str, said: str) -> None:
    change(node, {"lockdown": ["192.168.2.0/24"]})
    before = node.run("nft", "list", "ruleset")
    refused = node.rest("PATCH", "/node", {"firewall": {"script": script}})
    assert refused.status == 422
    assert refused.body["detail"].startswith(said), refused.body["detail"]
    assert refused.body["errors"][0]["field"] == "firewall.script"
    assert node.get("/node")["firewall"]["script"] is None
    assert node.run("nft", "list", "ruleset").splitlines()[:9] == before.splitlines()[:9]
    assert node.get("/node/unconfirmed")["seconds_left"] is None


def test_nft_reads_no_secret_for_a_script(node: Node) -> None:
    """What the check of the text overlooks, the rights of nft do not allow."""
    own = "/var/lib/lbadmin/access.json"
    node.run("sh", "-c", f"echo hunter2 > {own}; chmod 600 {own}")
    rule = f'include "{own}"'
    check = " ".join([*AS_NOBODY_WITH_NETWORK, "nft", "--check", "--file", "-"])
    said = node.run("sh", "-c", f"echo '{rule}' | {check}", check=False)
    assert "Permission denied" in said
    assert "hunter2" not in said
    assert "lbadmin-firewall" in node.run("systemctl", "show", "--property=User", "lbva-firewall.service")


def test_a_script_that_fails_at_the_boot_leaves_the_lockdown_in_force_and_says_so(node: Node) -> None:
    node.run("ip", "link", "add", "gone0", "type", "veth")
    script = DROP.replace("tcp dport 5061", 'iif "gone0"')
    change(node, {"script": script, "lockdown": ["192.168.2.0/24"]})
    assert "gone0" in node.run("nft", "list", "ruleset")
    assert [each for each in node.get("/messages")["messages"] if "script" in each["text"]] == []
    node.restart()
    assert reaches(node.address, WEB, INSIDE)
    assert not reaches(node.address, WEB, OUTSIDE)
    (message,) = [each for each in node.get("/messages")["messages"] if "script" in each["text"]]
    assert message["action"] == "firewall-script"
    assert message["text"].startswith("The firewall script is not in force, as nft refuses it in line 4: ")
    assert "gone0" in node.journal("lbva-firewall.service")
    change(node, {"script": DROP})
    assert [each for each in node.get("/messages")["messages"] if "script" in each["text"]] == []
    assert not reaches(VIP, 5061, OUTSIDE)


LOCKS_OUT = """table inet mine {
    chain input {
        type filter hook input priority filter
        tcp dport 9443 drop
    }
}
"""


@pytest.mark.nightly
def test_a_script_that_locks_the_administrator_out_is_taken_back_after_the_minute(node: Node) -> None:
    change(node, {"script": LOCKS_OUT}, confirmed=False)
    assert not reaches(node.address, WEB, INSIDE)
    assert node.get("/node/unconfirmed")["seconds_left"] > 0
    wait_until(lambda: reaches(node.address, WEB, INSIDE), 90, what="the script is taken back")
    assert node.get("/node")["firewall"]["script"] is None


def test_a_change_that_was_confirmed_stays(node: Node) -> None:
    change(node, {"lockdown": ["192.168.2.0/24"]}, confirmed=False)
    assert node.https("POST", "/node/confirm")[0] == 204
    assert node.get("/node/unconfirmed")["seconds_left"] is None
    assert not reaches(node.address, WEB, OUTSIDE)


def test_a_pair_with_lockdowns_goes_on_replicating_and_fails_over(tmp_path: Path, software: Path) -> None:
    with paired_nodes(tmp_path, software) as nodes:
        for each in nodes:
            # Neither node is in it.
            change(each, {"lockdown": [f"{INSIDE}/32"]})
        one, other = master_and_slave(nodes)
        assert not reaches(one.address, WEB, OUTSIDE)
        assert one.rest("PATCH", "/layer7/settings", {"client_timeout_ms": "31m"}).status == 200
        wait_until(lambda: is_settled(one, other), 30, what="the slave follows")
        assert json.dumps(other.get("/layer7/settings")).count("1860000") == 1
        with FrontEnds():
            wait_until(lambda: served(OUTSIDE), what="the service is there")
            one.kill()
            wait_until(lambda: served(OUTSIDE), 30, what="the slave serves")
            assert view(other)["role"] == "master"
            one.start()
            one.wait_until_up()
            wait_until(lambda: is_settled(one, other), 60, what="the pair is whole again")
        assert not reaches(one.address, WEB, OUTSIDE)


class FrontEnds(contextlib.ExitStack):
    """FE-1 and FE-2, for as long as the block lasts."""

    def __enter__(self) -> "FrontEnds":
        for number in (1, 2):
            front_end = FrontEnd("FE-1", f"192.168.10.3{number}", (5060, 5061))
            front_end.start()
            self.callback(front_end.stop)
        return self
