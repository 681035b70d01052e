"""Manual configuration on the shipped HAProxy: the section is the user's text, the rest stays managed."""

import pytest

from lbadmin import edits
from lbadmin.errors import CheckError
from lbadmin.render import HAPROXY_CFG
from lbadmin.render.service import section_body
from tests.image.responders import VIP, Balancer
from tests.image.servers import FrontEnd, connect

SERVERS = ({"label": "FE-1", "ip": "192.168.10.31"}, {"label": "other", "ip": "192.168.10.33"})
TEXT = f"""
    bind {VIP}:5060 transparent
    # by hand: one server of the list, one of none
    server FE-1 192.168.10.31 weight 17
    server FE-2 192.168.10.32 backup
"""


@pytest.fixture
def by_hand(balancer: Balancer, front_ends: dict[str, FrontEnd]) -> Balancer:
    balancer.serve(*SERVERS, ports=[5060], health_check={"type": "none"}, manual_configuration=TEXT)
    return balancer


def greeted_by(source: str = "192.168.10.100") -> str:
    connection, name = connect(VIP, 5060, source)
    connection.close()
    return name


def test_the_text_is_the_section(by_hand: Balancer) -> None:
    rendered = by_hand.changes.current.rendering.files[HAPROXY_CFG]
    assert rendered.endswith("\nlisten web\n" + TEXT.strip("\n") + "\n")
    assert greeted_by() == "FE-1"
    assert by_hand.row("FE-1")["weight"] == "17"


def test_states_hold_for_the_servers_that_the_text_names(by_hand: Balancer) -> None:
    changes = by_hand.changes
    changes.change_cluster(lambda cluster: edits.LAYER7.with_state(cluster, "web", "halt"), "root", "halt")
    assert greeted_by() == "FE-2"
    changes.restart_haproxy("root")
    assert by_hand.row("FE-1")["status"] == "MAINT", "though the text does not say so"
    changes.reload_haproxy("root")
    assert greeted_by() == "FE-2"
    changes.change_cluster(
        lambda cluster: edits.LAYER7.with_state(cluster, "web", "online"), "root", "online"
    )
    assert greeted_by() == "FE-1"
    assert by_hand.row("FE-1")["weight"] == "17", "the weight stays the text's"


@pytest.mark.parametrize(
    "line",
    [
        "http-request return status 200 content-type text/plain file {}",
        "http-request return status 200 content-type text/plain lf-file {}",
        "acl known src -f {}",
        "errorfile 503 {}",
    ],
)
def test_a_text_can_not_publish_a_file_that_is_roots_alone(by_hand: Balancer, line: str) -> None:
    secret = by_hand.appliance.root / "var/lib/lbadmin/secret"
    secret.write_text("$argon2id$\n")
    secret.chmod(0o600)
    text = f"    mode http\n    bind {VIP}:5060\n    {line.format('/var/lib/lbadmin/secret')}\n"
    with pytest.raises(CheckError, match="/var/lib/lbadmin/secret") as refused:
        by_hand.serve(*SERVERS, ports=[5060], manual_configuration=text)
    assert "argon2" not in str(refused.value)
    assert greeted_by() == "FE-1"


def test_a_text_that_haproxy_refuses_changes_nothing(by_hand: Balancer) -> None:
    before = by_hand.changes.current
    with pytest.raises(CheckError, match=r"unknown keyword 'serve' in 'listen' section.*nothing was changed"):
        by_hand.serve(*SERVERS, ports=[5060], manual_configuration=f"{TEXT}    serve all\n")
    assert by_hand.changes.current == before
    assert greeted_by() == "FE-1"


def test_the_managed_section_comes_back_and_is_what_one_begins_with(by_hand: Balancer) -> None:
    by_hand.serve(SERVERS[0], ports=[5060], health_check={"type": "none"})
    managed = by_hand.changes.current
    assert by_hand.row("FE-1")["weight"] == "100"
    text = section_body(managed.cluster.virtual_services[0])
    by_hand.serve(SERVERS[0], ports=[5060], health_check={"type": "none"}, manual_configuration=text)
    assert by_hand.changes.current.rendering.files == managed.rendering.files
    assert greeted_by() == "FE-1"
