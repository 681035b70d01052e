"""What /etc gets at boot, whatever condition the state is in."""

import os
import subprocess
from pathlib import Path

import pytest

from lbadmin.boot import files_for, make_factory, own_addresses
from lbadmin.certificate import ensure_certificate
from lbadmin.files import FACTORY, install, save_cache
from lbadmin.store import Store
from lbadmin.system import System

CFG = "/etc/haproxy/haproxy.cfg"


@pytest.fixture
def system(tmp_path: Path) -> System:
    made = System(root=tmp_path)
    make_factory(System(root=tmp_path / "nothing"), made.path(FACTORY).parent)
    return made


def test_an_untouched_appliance_boots_with_what_the_image_carries(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr("lbadmin.boot.rendered")
    files = files_for(system)
    assert "timeout client 43000\n" in files[CFG]
    assert own_addresses(files) == ["192.168.2.21"]


def test_a_cache_of_other_documents_or_another_version_is_not_used(system: System) -> None:
    store = Store(system.state / "cluster")
    store.commit({"layer7": {"client_timeout_ms": 1000}}, "root", "one")
    save_cache(system, {CFG: "from the cache"})
    assert files_for(system)[CFG] == "from the cache"
    release = system.path("/usr/lib/os-release")
    release.write_text("IMAGE_VERSION=2\n")
    assert "timeout client 1000\n" in files_for(system)[CFG]
    save_cache(system, {CFG: "from the cache"})
    store.commit({"layer7": {"client_timeout_ms": 2000}}, "root", "two")
    assert "timeout client 2000\n" in files_for(system)[CFG]


@pytest.mark.parametrize(
    "document",
    [{"layer7": {"client_timeout_ms": "never"}}, {"of": "a later version"}, {"virtual_services": [[]]}],
)
def test_a_document_that_can_not_be_is_passed_over(system: System, document: dict[str, object]) -> None:
    store = Store(system.state / "cluster")
    store.commit({"layer7": {"client_timeout_ms": 1000}}, "root", "good")
    store.commit(document, "root", "from another version")
    assert "timeout client 1000\n" in files_for(system)[CFG]


def test_a_state_that_can_not_be_read_at_all_boots_with_factory_settings(system: System) -> None:
    (system.state / "cluster").mkdir(parents=True)
    (system.state / "cluster" / "00000001.json").mkdir()
    (system.state / "node").write_text("not a folder")
    assert "timeout client 43000\n" in files_for(system)[CFG]


def test_files_of_a_former_rendering_go(system: System) -> None:
    install(system, {"/etc/a": "1", "/etc/b": "2"})
    install(system, {"/etc/a": "3"}, {"/etc/a": "1", "/etc/b": "2"})
    assert system.path("/etc/a").read_text() == "3"
    assert not system.path("/etc/b").exists()


def test_folders_can_be_entered_whatever_the_umask(system: System) -> None:
    before = os.umask(0o077)
    try:
        install(system, {"/scripts/look": "#!/bin/sh\n", "/scripts/other": "text"})
    finally:
        os.umask(before)
    modes = [oct(system.path(f"/scripts{name}").stat().st_mode)[-3:] for name in ("", "/look", "/other")]
    assert modes == ["755", "755", "644"]


def test_the_certificate_is_made_once_and_names_host_and_address(system: System) -> None:
    ensure_certificate(system, "lb1", ["192.168.2.21"])
    folder = system.path("/var/lib/lbadmin/tls")
    made = (folder / "web.pem").read_bytes()
    shown = subprocess.run(
        ["openssl", "x509", "-noout", "-text", "-in", folder / "web.pem"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert "DNS:lb1, IP Address:192.168.2.21" in shown
    assert "prime256v1" in shown
    assert oct((folder / "web.key").stat().st_mode)[-3:] == "640"
    ensure_certificate(system, "lb2", [])
    assert (folder / "web.pem").read_bytes() == made
