"""What is rendered for a pair is what keepalived takes, to the word: it would pass over others."""

from typing import Any

import pytest

from lbadmin.pair.model import parse_pair
from lbadmin.render.keepalived import render_keepalived
from lbadmin.rules import parse_cluster, parse_node
from tests.image.conftest import Appliance

CERTIFICATE = "-----BEGIN CERTIFICATE-----\nYQ==\n-----END CERTIFICATE-----\n"
PLACES = {4: ("192.168.2.21", "192.168.2.22"), 6: ("2001:db8:2::21", "2001:db8:2::22")}
NODE = {"interfaces": [{"name": "eth0", "addresses": ["192.168.2.21/24", "2001:db8:2::21/64"]}]}
SERVICES = {
    "no services": [],
    "one service": [{"label": "a", "ip": "192.168.2.30", "ports": [80]}],
    "services of both families": [
        {"label": "a", "ip": "192.168.2.30", "ports": [80]},
        {"label": "b", "ip": "2001:db8:2::30", "ports": [80]},
    ],
}
MISSING = "(/usr/lib/lbva/role-changed"
"""The tree that the tests run keepalived in has Debian's files alone."""


def rendered(services: list[dict[str, Any]], family: int, *, primary: bool = True, **ha: object) -> str:
    local_ip, peer_ip = PLACES[family]
    pair = parse_pair(
        {
            "state": "paired",
            "id": "0" * 32,
            "primary": primary,
            "local_ip": local_ip,
            "peer_ip": peer_ip,
            "router_id": 21,
            "local_certificate": CERTIFICATE,
            "peer_certificate": CERTIFICATE,
            "peer_web_fingerprint": "a" * 64,
        }
    )
    cluster = parse_cluster({"virtual_services": services, "ha": ha})
    return render_keepalived(cluster, parse_node(NODE), pair)


def complaints(appliance: Appliance, text: str) -> list[str]:
    """Return what keepalived finds wrong with a configuration."""
    (appliance.root / "run/lbadmin").mkdir(exist_ok=True)
    (appliance.root / "run/keepalived.conf").write_text(text)
    result = appliance.system.run(["keepalived", "-t", "-f", "/run/keepalived.conf"])
    return [line for line in result.output.splitlines() if MISSING not in line]


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("services", list(SERVICES))
@pytest.mark.parametrize("sensitivity", ["fast", "normal", "tolerant"])
@pytest.mark.parametrize("fail_back", [False, True])
def test_keepalived_takes_every_kind_of_pair(
    appliance: Appliance, family: int, services: str, sensitivity: str, fail_back: bool
) -> None:
    text = rendered(SERVICES[services], family, sensitivity=sensitivity, fail_back=fail_back)
    assert complaints(appliance, text) == []


def test_a_word_that_keepalived_does_not_know_is_seen(appliance: Appliance) -> None:
    text = rendered([], 4).replace("nopreempt", "nopreempts")
    assert any("nopreempts" in line for line in complaints(appliance, text))
