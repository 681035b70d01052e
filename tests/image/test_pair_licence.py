"""A replaced node of a licensed pair works on without a licence of its own, for a while."""

import json
from pathlib import Path

import pytest

from lbadmin.licensing.trial import GRACE_RECORD, RECORD
from lbadmin.system import System
from tests.image.nodes import Node
from tests.image.pairs import SERVICE, pair_up
from tests.image.servers import wait_until
from tests.licences import SAID, signed, trust_vendor

PUBLIC = "/usr/lib/lbva/licence.pem"


def used_up(node: Node) -> None:
    """Let a month have passed since the node's first boot."""
    record = node.path(RECORD)
    record.parent.mkdir(parents=True, exist_ok=True)
    record.write_text(json.dumps({"used_s": 31 * 86400.0, "wall": 0.0, "running": 0.0, "boot": "another"}))


@pytest.fixture
def licensed_and_spare(two_nodes: tuple[Node, Node], tmp_path: Path) -> tuple[Node, Node]:
    """A licensed node with the guide's service, and one that has lain about for longer than its trial."""
    one, other = two_nodes
    for node in two_nodes:
        vendor = System(root=tmp_path / node.name)
        trust_vendor(vendor)
        node.path(PUBLIC).write_bytes(vendor.path(PUBLIC).read_bytes())
        node.run("systemctl", "stop", "lbadmind.socket", "lbadmind.service")
    used_up(other)
    for node in two_nodes:
        node.run("systemctl", "start", "lbadmind.socket", "lbadmind.service")
        node.wait_until_up()
    appliance = one.get("/licence")["appliance"]
    text = signed({**SAID, "expires": "", "appliances": [appliance]})
    assert one.rest("PUT", "/licence", {"licence": text}).body["state"] == "licensed"
    assert one.rest("POST", "/layer7/virtual-services", SERVICE).status == 201
    return one, other


def test_it_takes_changes_while_it_stands_in_and_no_longer_alone(
    licensed_and_spare: tuple[Node, Node],
) -> None:
    one, other = licensed_and_spare
    assert other.get("/licence")["state"] == "ended"
    pair_up(one, other)
    wait_until(lambda: other.get("/licence")["state"] == "grace", what="the grace to begin")
    assert other.get("/licence")["days_left"] == 30
    told = " ".join(each["text"] for each in other.get("/messages")["messages"])
    assert "stands in for one of a licensed pair, for 30 days more" in told
    assert one.get("/licence")["state"] == "licensed"

    one.kill()
    wait_until(lambda: other.get("/pair")["role"] == "master", 30, what="the spare node to take over")
    assert other.rest("PATCH", "/layer7/settings", {"client_timeout_ms": "31m"}).status == 200
    used = json.loads(other.path(GRACE_RECORD).read_text())
    assert used["used_s"] < 3600

    for _ in "leaving", "left":
        assert other.rest("DELETE", "/pair").status < 300
    assert other.get("/licence")["state"] == "ended", "alone it is no longer one of a licensed pair"
