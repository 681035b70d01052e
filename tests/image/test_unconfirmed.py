"""A change that could cut off who makes it: kept when it is confirmed, taken back when it is not."""

from collections.abc import Iterator

import pytest

from lbadmin.boot import files_for
from lbadmin.change import Changes
from lbadmin.client import Client
from lbadmin.errors import LbadminError
from lbadmin.rules import parse_node
from lbadmin.unconfirmed import take_back
from lbadmin.worker import Worker
from tests.image.conftest import Appliance
from tests.image.servers import wait_until

UNIT = "etc/systemd/network/10-eth0.network"
MOVED = {"interfaces": [{"name": "eth0", "addresses": ["192.168.2.77/24"]}]}
ADDED = {"interfaces": [{"name": "eth0", "addresses": ["192.168.2.21/24", "192.168.2.77/24"]}]}


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a change wait for a second instead of a minute."""
    monkeypatch.setattr("lbadmin.change.CONFIRM_S", 1.0)


@pytest.fixture
def client(daemon: str) -> Client:
    return Client(daemon)


@pytest.fixture
def changes(appliance: Appliance) -> Iterator[Changes]:
    """The change path with the thread that takes back, as lbadmind has it."""
    made = appliance.changes()
    worker = Worker("unconfirmed", made.take_back_unconfirmed)
    made.on_unconfirmed = worker.wake
    worker.start()
    yield made
    worker.stop()


def unit(appliance: Appliance) -> str:
    return (appliance.root / UNIT).read_text()


def move(changes: Changes, address: str = "192.168.2.77/24", *, confirmed: bool = False) -> None:
    document = parse_node({"interfaces": [{"name": "eth0", "addresses": [address]}]})
    changes.change_node(lambda _: document, "root", "move", confirmed=confirmed)


def test_it_is_told_and_kept_when_it_is_confirmed(client: Client, appliance: Appliance) -> None:
    client.call("PATCH", "/node", MOVED)
    waiting = client.call("GET", "/node/unconfirmed")
    assert 50 < waiting["seconds_left"] <= 60
    assert (waiting["who"], waiting["what"]) == ("root", "change the node's interfaces")
    told = [each for each in client.call("GET", "/messages")["messages"] if each["action"] == "confirm-node"]
    assert len(told) == 1
    assert "Change the node's interfaces by root is taken back in" in told[0]["text"]
    client.call("POST", "/node/confirm")
    assert client.call("GET", "/node/unconfirmed")["seconds_left"] is None
    assert "Address=192.168.2.77/24" in unit(appliance)
    assert not (appliance.system.state / "unconfirmed.json").exists()
    with pytest.raises(LbadminError, match="no change waits to be confirmed"):
        client.call("POST", "/node/confirm")


@pytest.mark.parametrize(
    ("body", "path"), [(ADDED, "/node"), (MOVED, "/node?confirmed=true"), ({"hostname": "lb9"}, "/node")]
)
def test_what_only_adds_or_is_confirmed_at_once_does_not_wait(
    client: Client, body: dict[str, object], path: str
) -> None:
    client.call("PATCH", path, body)
    assert client.call("GET", "/node/unconfirmed")["seconds_left"] is None


@pytest.mark.usefixtures("hasty")
def test_it_is_taken_back_as_a_change_of_its_own(changes: Changes, appliance: Appliance) -> None:
    move(changes)
    assert "Address=192.168.2.77/24" in unit(appliance)
    wait_until(lambda: changes.unconfirmed is None, what="the change is taken back")
    assert "Address=192.168.2.21/24" in unit(appliance)
    assert [(each.who, each.what) for each in changes.nodes.headings()] == [
        ("lbadmind", "take back: move, which was not confirmed"),
        ("root", "move"),
    ]
    assert appliance.commands[-1] == ["networkctl", "reload"]


@pytest.mark.usefixtures("hasty")
def test_of_several_that_wait_all_are_taken_back(changes: Changes, appliance: Appliance) -> None:
    move(changes)
    move(changes, "192.168.2.78/24")
    wait_until(lambda: changes.unconfirmed is None, what="the changes are taken back")
    assert "Address=192.168.2.21/24" in unit(appliance)


@pytest.mark.usefixtures("hasty")
def test_a_change_of_the_services_meanwhile_stays(changes: Changes) -> None:
    move(changes)
    changes.change_cluster(
        lambda cluster: cluster.model_copy(
            update={"layer7": cluster.layer7.model_copy(update={"client_timeout_ms": 1234})}
        ),
        "root",
        "a timeout",
    )
    wait_until(lambda: changes.unconfirmed is None, what="the change is taken back")
    assert changes.current.cluster.layer7.client_timeout_ms == 1234


def test_a_confirmed_change_keeps_what_it_builds_on(changes: Changes, appliance: Appliance) -> None:
    move(changes)
    move(changes, "192.168.2.78/24", confirmed=True)
    assert changes.unconfirmed is None
    changes.take_back_unconfirmed()
    assert "Address=192.168.2.78/24" in unit(appliance)


def test_a_refused_change_waits_for_nothing(client: Client, appliance: Appliance) -> None:
    with pytest.raises(LbadminError, match="is in no subnet"):
        client.call("PATCH", "/node", {**MOVED, "gateway": "10.0.0.1"})
    assert client.call("GET", "/node/unconfirmed")["seconds_left"] is None
    assert not (appliance.system.state / "unconfirmed.json").exists()


def test_a_restart_of_lbadmind_takes_it_back(appliance: Appliance) -> None:
    move(appliance.changes())
    again = appliance.changes()
    assert again.take_back_unconfirmed() is None
    assert "Address=192.168.2.21/24" in unit(appliance)
    assert again.unconfirmed is None


def test_a_boot_takes_it_back(appliance: Appliance) -> None:
    move(appliance.changes())
    take_back(appliance.system)
    assert "Address=192.168.2.21/24" in files_for(appliance.system)[f"/{UNIT}"]
    assert Changes(appliance.system, appliance.haproxy).unconfirmed is None
    take_back(appliance.system)
    assert len(Changes(appliance.system, appliance.haproxy).nodes.numbers()) == 2, "once"
