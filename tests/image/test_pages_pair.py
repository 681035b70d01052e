"""The pages of a pair as a browser without JavaScript uses them, on two native appliances."""

import html
import re
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import httpx
import pytest

from tests.image.nodes import PASSWORD, Node, appliances
from tests.image.pairs import SERVICE, is_settled, is_single, master_and_slave, pair_up, view
from tests.image.servers import wait_until
from tests.image.visiting import Visitor, form_fields

HA = "/lbadmin/ha"
SERVICES = "/lbadmin/layer7/services"
PAIRING_S = 60.0

Admins = tuple[Visitor, Visitor]


@pytest.fixture(scope="module")
def singles(tmp_path_factory: pytest.TempPathFactory, software: Path) -> Iterator[tuple[Node, Node]]:
    """Two appliances that no test here pairs."""
    with appliances(tmp_path_factory.mktemp("nodes"), software, 21, 22) as (one, other):
        yield one, other


@pytest.fixture
def admin(singles: tuple[Node, Node]) -> Iterator[Visitor]:
    """An administrator who has logged in to the first of them."""
    with logged_in(singles) as (first, _):
        yield first


@pytest.fixture
def admins(two_nodes: tuple[Node, Node]) -> Iterator[Admins]:
    """An administrator who has logged in to each node."""
    with logged_in(two_nodes) as both:
        yield both


@contextmanager
def logged_in(nodes: tuple[Node, Node]) -> Iterator[Admins]:
    """An administrator at each node."""
    with ExitStack() as stack:
        visitors = [Visitor(f"https://{node.address}:9443", node.state / "tls/web.pem") for node in nodes]
        for visitor in visitors:
            stack.enter_context(closing(visitor.http))
            assert visitor.login().status_code == 303
        yield visitors[0], visitors[1]


def add(admin: Visitor, **typed: str) -> httpx.Response:
    """Fill in the form of the guide's appendix 1 and send it where it says."""
    shown = admin.get(HA)
    addresses = {"local_ip": "192.168.2.21", "peer_ip": "192.168.2.22"}
    fields = {**form_fields(shown), **addresses, "fingerprint": "", "password": PASSWORD, **typed}
    return admin.http.post(f"{HA}/add", data=fields)


def box_of(shown: str) -> str:
    """Return what stands above the page's heading, which the message box does."""
    return shown[: shown.index("<h1>")]


def error_at(answer: httpx.Response, field: str) -> str:
    """Return the sentence at a field."""
    found = re.search(rf'id="f-{field}-error"[^>]*>([^<]*)<', answer.text)
    return html.unescape(found[1]) if found else ""


def test_the_form_is_the_guides_and_presets_the_address_of_the_page(admin: Visitor) -> None:
    shown = admin.get(HA)
    texts = re.findall(r"<(?:legend|label|button)[^>]*>([^<]*)<", shown[shown.index("<main") :])
    guide = ["Create a Clustered Pair", "Local IP address", "IP address of new peer"]
    guide += ["Password for *loadbalancer* user on peer", "Add new node"]
    assert [each for each in texts if each in guide] == guide
    assert form_fields(shown)["local_ip"] == "192.168.2.21"


@pytest.mark.parametrize(
    ("typed", "field", "sentence"),
    [
        ({"peer_ip": "lb2"}, "peer_ip", "is not an IP address"),
        ({"peer_ip": ""}, "peer_ip", "is not an IP address"),
        ({"peer_ip": "192.168.10.21"}, "peer_ip", "192.168.10.21 is this node itself"),
        ({"local_ip": "192.168.2.99"}, "local_ip", "is not an address of this node"),
        ({"password": "Winterschlaf-3"}, "password", "does not take the password"),
        ({"fingerprint": "ab:cd"}, "fingerprint", "SHA-256"),
        ({"fingerprint": "ab" * 32}, "fingerprint", "has the fingerprint"),
    ],
    ids=["no address", "blank", "own address", "not its own", "wrong password", "half a print", "another's"],
)
def test_what_is_wrong_stands_at_its_field_and_the_password_nowhere(
    admin: Visitor, singles: tuple[Node, Node], typed: dict[str, str], field: str, sentence: str
) -> None:
    answer = add(admin, **typed)
    if answer.status_code == 303:
        # It took longer than the page waits: the same is shown where it leads to, when it is known.
        wait_until(lambda: error_at(admin.http.get(HA), field) != "", PAIRING_S)
        answer = admin.http.get(HA)
    assert sentence in error_at(answer, field)
    kept = form_fields(answer.text)
    assert kept["password"] == ""
    assert {name: kept[name] for name in typed if name not in {"password", "local_ip"}} == {
        name: text for name, text in typed.items() if name not in {"password", "local_ip"}
    }
    assert "Winterschlaf-3" not in answer.text
    assert all(is_single(node) for node in singles)


def test_a_pair_is_made_followed_and_finished_on_the_pages(
    admins: Admins, two_nodes: tuple[Node, Node]
) -> None:
    first, second = admins
    two_nodes[0].rest("POST", "/layer7/virtual-services", SERVICE)
    begun = add(first)
    assert begun.headers["location"] == HA
    wait_until(lambda: "lb2 (peer)" in first.get(HA), PAIRING_S, "the page shows both nodes")
    wait_until(lambda: "Restart Heartbeat" in box_of(first.get(HA)), PAIRING_S, "the box asks for it")
    csrf = form_fields(first.get(HA))["csrf"]
    restarted = first.http.post(f"{HA}/restart-heartbeat", data={"csrf": csrf})
    assert restarted.headers["location"] == HA
    wait_until(lambda: is_settled(*two_nodes), PAIRING_S, "the pair has settled")
    for admin, role in ((first, "Master"), (second, "Slave")):
        shown = admin.get(HA)
        assert f">{role}</span>" in shown[: shown.index("<main")]
        prints = re.findall(r'class="fingerprint">([0-9A-F ]+)<', shown)
        assert len(prints) == 2
        assert sorted(prints) == sorted(re.findall(r'class="fingerprint">([0-9A-F ]+)<', first.get(HA)))
        overview = admin.get("/lbadmin/")
        assert "Synchronisation" in overview
        assert ">in sync<" in overview


def test_the_slave_shows_all_changes_nothing_and_leads_to_the_master(
    admins: Admins, two_nodes: tuple[Node, Node]
) -> None:
    two_nodes[0].rest("POST", "/layer7/virtual-services", SERVICE)
    pair_up(*two_nodes)
    master, slave = admins
    page = f"{SERVICES}/of/OCS-Front-End"
    opened = master.get(page)
    shown = slave.get(page)
    assert f'href="https://192.168.2.21:9443{page}"' in shown
    assert "<fieldset disabled>" in shown
    assert "<fieldset disabled>" not in opened
    assert "Changes are made on the master" not in opened
    refused = slave.fill(page, scheduler="source")
    assert refused.status_code == 409
    assert 'href="https://192.168.2.21:9443/lbadmin/"' in refused.text
    assert view(two_nodes[1])["sync"] == "in sync"
    assert master.fill(page, scheduler="source").status_code == 303
    wait_until(lambda: form_fields(slave.get(page))["scheduler"] == "source", PAIRING_S, "the slave has it")


def test_roles_are_exchanged_settings_are_shared_and_the_pair_is_broken(
    admins: Admins, two_nodes: tuple[Node, Node]
) -> None:
    two_nodes[0].rest("POST", "/layer7/virtual-services", SERVICE)
    pair_up(*two_nodes)
    by_node = dict(zip(two_nodes, admins, strict=True))
    saved = admins[0].fill(f"{HA}/settings", sensitivity="tolerant", floating_addresses="192.168.10.40")
    assert saved.headers["location"] == HA
    wait_until(lambda: "192.168.10.40" in admins[1].get(HA), PAIRING_S, "the slave has the settings")
    wrong = admins[0].fill(f"{HA}/settings", floating_addresses="192.168.10.40, lb3")
    assert "lb3" in error_at(wrong, "floating_addresses")
    for verb in ("take-over", "hand-over"):
        master, slave = master_and_slave(two_nodes)
        asked = by_node[slave if verb == "take-over" else master]
        assert "become" in asked.get(f"{HA}/{verb}")
        done = asked.fill(f"{HA}/{verb}")
        assert done.status_code == 303, html.unescape(done.text)
        wait_until(lambda before=slave: view(before)["role"] == "master", PAIRING_S)  # type: ignore[misc]
        wait_until(lambda: is_settled(*two_nodes), PAIRING_S)
    master, slave = master_and_slave(two_nodes)
    wait_until(lambda: "take-over" in by_node[master].get(HA), PAIRING_S, "the failover is told of")
    assert by_node[master].fill(f"{HA}/remove").status_code == 303
    wait_until(lambda: all(is_single(node) for node in two_nodes), PAIRING_S, "both are single")
    assert [len(node.get("/layer7/virtual-services")["virtual_services"]) for node in (master, slave)] == [
        1,
        0,
    ]
    assert "Add new node" in by_node[master].get(HA)
