"""The first boot takes its network from credentials, once, and never fails on them."""

import logging
from pathlib import Path

import pytest

from lbadmin.boot import boot, files_for, make_factory, own_addresses
from lbadmin.files import FACTORY
from lbadmin.store import Store
from lbadmin.system import System
from lbadmin.unattended import MAX_BYTES, REFUSED_FILE, deploy

GOOD = {
    "lbva.address": "192.168.2.22/24\n",
    "lbva.gateway": "192.168.2.1",
    "lbva.dns": "192.168.2.1 192.168.2.3",
    "lbva.hostname": "lb2",
    "ssh.authorized_keys.root": "ssh-ed25519 AAAA lab",
}


@pytest.fixture
def system(tmp_path: Path) -> System:
    made = System(root=tmp_path / "root")
    make_factory(System(root=tmp_path / "nothing"), made.path(FACTORY).parent)
    made.path("/dev").mkdir()
    made.path("/run/lbadmin").mkdir(parents=True)
    return made


def folder_with(tmp_path: Path, credentials: dict[str, str]) -> str:
    folder = tmp_path / "credentials"
    folder.mkdir()
    for name, text in credentials.items():
        (folder / name).write_text(text)
    return str(folder)


def test_credentials_become_the_first_document_of_the_node(
    system: System, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deploy(system, folder_with(tmp_path, GOOD))
    first = Store(system.state / "node").current()
    assert first is not None
    assert (first.revision, first.who) == (1, "unattended")
    assert first.what == (
        "deployed with address 192.168.2.22/24, gateway 192.168.2.1, dns 192.168.2.1 192.168.2.3, "
        "hostname lb2"
    )
    # What the next boots need is rendered already.
    monkeypatch.delattr("lbadmin.boot.rendered")
    files = files_for(system)
    assert own_addresses(files) == ["192.168.2.22"]
    assert files["/etc/hostname"] == "lb2\n"


def test_what_is_not_given_keeps_the_factory_default(system: System, tmp_path: Path) -> None:
    deploy(system, folder_with(tmp_path, {"lbva.hostname": "lb2", "lbva.gateway": " "}))
    files = files_for(system)
    assert own_addresses(files) == ["192.168.2.21"]
    assert files["/etc/hostname"] == "lb2\n"


@pytest.mark.parametrize(
    ("address", "prefix"), [("192.168.2.22", "24"), ("192.168.2.22/24", "24"), ("192.168.2.22/24", "")]
)
def test_the_prefix_may_stand_beside_the_address(
    system: System, tmp_path: Path, address: str, prefix: str
) -> None:
    deploy(system, folder_with(tmp_path, {"lbva.address": address, "lbva.prefix": prefix}))
    first = Store(system.state / "node").current()
    assert first is not None
    (interface,) = first.document["interfaces"]
    assert interface["addresses"] == ["192.168.2.22/24"]


def test_name_servers_are_separated_by_commas_or_spaces(system: System, tmp_path: Path) -> None:
    deploy(system, folder_with(tmp_path, {"lbva.dns": "192.168.2.1,192.168.2.2, 192.168.2.3\n192.168.2.4"}))
    first = Store(system.state / "node").current()
    assert first is not None
    assert first.document["dns"] == [f"192.168.2.{number}" for number in range(1, 5)]


def test_a_node_that_has_a_document_keeps_it(system: System, tmp_path: Path) -> None:
    Store(system.state / "node").commit({"hostname": "chosen"}, "root", "by hand")
    deploy(system, folder_with(tmp_path, GOOD))
    assert Store(system.state / "node").numbers() == [1]


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ({"lbva.address": "192.168.2.400/24"}, "192.168.2.400/24"),
        ({"lbva.address": "192.168.2.22"}, "192.168.2.22"),
        ({"lbva.address": "127.0.0.1/8"}, "loopback"),
        ({"lbva.gateway": "10.0.0.1"}, "is in no subnet of this node"),
        ({"lbva.dns": "192.168.2.1; 192.168.2.2"}, "name server 192.168.2.1;"),
        ({"lbva.prefix": "16"}, "prefix 16 is not the one of address 192.168.2.22/24; give it once"),
        ({"lbva.address": "", "lbva.prefix": "24"}, "prefix 24 is given without an address"),
        ({"lbva.address": "192.168.2.22", "lbva.prefix": "33"}, "192.168.2.22/33"),
        ({"lbva.hostname": "lb\x1b[2J"}, "lbva.hostname is not plain text"),
        ({"lbva.hostname": "not a name"}, "not a name"),
        ({"lbva.adress": "192.168.2.22/24"}, "there is no credential lbva.adress; use lbva.address"),
        ({"lbva.hostname": "x" * (MAX_BYTES + 1)}, "lbva.hostname is not plain text of up to 4096"),
    ],
)
def test_a_bad_value_is_told_in_one_sentence_and_changes_nothing(
    system: System, tmp_path: Path, caplog: pytest.LogCaptureFixture, bad: dict[str, str], said: str
) -> None:
    with caplog.at_level(logging.ERROR):
        deploy(system, folder_with(tmp_path, {**GOOD, **bad}))
    (message,) = caplog.messages
    assert said in message
    assert "\n" not in message
    assert system.path("/dev/console").read_text(encoding="utf-8").strip() == message
    assert system.path(REFUSED_FILE).read_text(encoding="utf-8") == message
    assert Store(system.state / "node").numbers() == []
    assert own_addresses(files_for(system)) == ["192.168.2.21"]


def test_credentials_that_can_not_be_read_do_not_stop_the_boot(
    system: System, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path / "gone"))
    monkeypatch.setattr("socket.sethostname", lambda _name: None)
    boot(system)
    assert "timeout client 43000\n" in system.path("/etc/haproxy/haproxy.cfg").read_text()


def test_without_credentials_of_ours_no_model_is_loaded(
    system: System, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr("lbadmin.unattended._commit")
    deploy(system, folder_with(tmp_path, {"ssh.authorized_keys.root": "key"}))
    deploy(system, None)
    assert Store(system.state / "node").numbers() == []
