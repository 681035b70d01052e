"""OVF properties at the first boot on VMware: read by either transport, never trusted, never waited for."""

import logging
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lbadmin import ovf
from lbadmin.boot import files_for, make_factory, own_addresses
from lbadmin.errors import RefusedError
from lbadmin.files import FACTORY
from lbadmin.ovf import FILE, MAX_BYTES, NAMESPACE, parse, properties
from lbadmin.store import Store
from lbadmin.system import Result, System
from lbadmin.system import run as really_run
from lbadmin.unattended import deploy

GOOD = {
    "lbva.address": "192.168.2.22",
    "lbva.prefix": "24",
    "lbva.gateway": "192.168.2.1",
    "lbva.dns": "192.168.2.1, 192.168.2.3",
    "lbva.hostname": "lb2",
}


def section(values: dict[str, str]) -> str:
    found = "".join(f'<Property oe:key="{key}" oe:value="{value}"/>' for key, value in values.items())
    return f"<PropertySection>{found}</PropertySection>"


def environment(body: str, declaration: str = '<?xml version="1.0" encoding="UTF-8"?>') -> bytes:
    root = f'<Environment xmlns="{NAMESPACE}" xmlns:oe="{NAMESPACE}" oe:id="vm-1">'
    return f"{declaration}\n{root}{body}</Environment>\n".encode()


@dataclass
class Hypervisor:
    """What the machine's programs say: VMware's tool, and mount(8) for discs by their drives."""

    root: Path
    variable: Result = field(default_factory=lambda: Result(1, ""))
    discs: dict[str, bytes | None] = field(default_factory=dict)
    commands: list[list[str]] = field(default_factory=list)

    def run(self, command: Sequence[str]) -> Result:
        self.commands.append(list(command))
        if "vmware-rpctool" in command[-1]:
            return self.variable
        if "mount" in command:
            content = self.discs.get(command[-2])
            if content is None:
                return Result(32, "no medium found")
            (Path(command[-1]) / FILE).write_bytes(content)
        if command[0] == "umount":
            (Path(command[-1]) / FILE).unlink(missing_ok=True)
        return Result(0, "")

    def insert(self, drive: str, content: bytes | None) -> None:
        (self.root / "sys/block" / drive).mkdir(parents=True)
        self.discs[f"/dev/{drive}"] = content

    def ran(self, program: str) -> bool:
        return any(program in word for command in self.commands for word in command)


@pytest.fixture
def hypervisor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hypervisor:
    monkeypatch.setattr(ovf, "DRIVE_TIMEOUT_S", 0.2)
    return Hypervisor(tmp_path / "root")


@pytest.fixture
def system(hypervisor: Hypervisor, tmp_path: Path) -> System:
    made = System(root=hypervisor.root, run=hypervisor.run)
    make_factory(System(root=tmp_path / "nothing"), made.path(FACTORY).parent)
    made.path("/dev").mkdir()
    vendor = made.path("/sys/class/dmi/id/sys_vendor")
    vendor.parent.mkdir(parents=True)
    vendor.write_text("VMware, Inc.\n")
    return made


def test_the_properties_of_this_machine_are_read() -> None:
    other = f'<Entity oe:id="vm-2">{section({"lbva.address": "192.168.2.99"})}</Entity>'
    kind = "<PlatformSection><Kind>VMware ESXi</Kind></PlatformSection>"
    assert parse(environment(kind + section(GOOD) + other)) == list(GOOD.items())
    assert parse(environment(section({"a": "1"}) + other + section({"b": ""}))) == [("a", "1"), ("b", "")]
    assert parse(environment("")) == []


def test_what_only_looks_like_a_property_is_none() -> None:
    ours = section({"lbva.address": "1"})
    stranger = ours.replace("<PropertySection", '<PropertySection xmlns="urn:another"')
    bare = ours.replace("oe:", "")
    deeper = f"<PropertySection>{ours}</PropertySection>"
    assert parse(environment(stranger + bare + deeper)) == []


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (b"", "can't be read as XML"),
        (b"no environment", "can't be read as XML"),
        (environment("")[:-4], "can't be read as XML"),
        (environment("", '<?xml version="1.0" encoding="of-mine"?>'), "can't be read as XML"),
        (environment("&unknown;"), "can't be read as XML"),
        (f'<Environment xmlns:oe="{NAMESPACE}"/>'.encode(), "is no Environment of"),
        (b"<html/>", "is no Environment of"),
        (environment(" " * MAX_BYTES), "is larger than 256 KiB"),
    ],
)
def test_what_is_no_environment_is_refused(document: bytes, said: str) -> None:
    with pytest.raises(RefusedError, match=said):
        parse(document)


@pytest.mark.parametrize(
    "declared",
    [
        '<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;">',
        '<!ENTITY c SYSTEM "file:///etc/shadow">',
        '<!ENTITY % c SYSTEM "file:///etc/shadow"> %c;',
        "",
    ],
)
def test_entities_are_neither_multiplied_nor_fetched(declared: str) -> None:
    with pytest.raises(RefusedError, match="declares a document type"):
        parse(environment("&c;", f"<!DOCTYPE Environment [{declared}]>"))


@given(st.one_of(st.binary(), st.binary().map(lambda body: environment("X").replace(b"X", body))))
def test_whatever_arrives_is_read_or_refused(document: bytes) -> None:
    try:
        parse(document)
    except RefusedError as error:
        assert "\n" not in error.sentence  # noqa: PT017 - both ends are right


def test_the_variable_of_the_hypervisor_is_enough(system: System, hypervisor: Hypervisor) -> None:
    hypervisor.variable = Result(0, environment(section(GOOD)).decode())
    deploy(system, None)
    first = Store(system.state / "node").current()
    assert first is not None
    assert first.who == "unattended"
    assert first.document["dns"] == ["192.168.2.1", "192.168.2.3"]
    files = files_for(system)
    assert own_addresses(files) == ["192.168.2.22"]
    assert files["/etc/hostname"] == "lb2\n"
    assert not hypervisor.ran("mount")


def test_a_disc_is_mounted_read_only_and_not_for_longer_than_it_is_read(
    system: System, hypervisor: Hypervisor
) -> None:
    hypervisor.insert("sr0", None)
    hypervisor.insert("sr1", environment(section(GOOD)))
    assert dict(properties(system)) == GOOD
    assert ["modprobe", "--quiet", "sr_mod"] in hypervisor.commands
    folder = str(system.path("/run/lbadmin/ovf-environment"))
    (mount,) = (command for command in hypervisor.commands if "/dev/sr1" in command)
    assert mount[-5:] == [
        "mount",
        "--types=iso9660",
        "--options=ro,nosuid,nodev,noexec",
        "/dev/sr1",
        folder,
    ]
    assert hypervisor.commands[-1] == ["umount", folder]
    assert not Path(folder).exists()


def test_a_disc_that_is_too_large_or_no_plain_file_is_not_read(
    system: System, hypervisor: Hypervisor, tmp_path: Path
) -> None:
    hypervisor.insert("sr0", b" " * (MAX_BYTES + 1))
    with pytest.raises(RefusedError, match="is larger than 256 KiB"):
        properties(system)
    assert hypervisor.commands[-1][0] == "umount"
    for make in (os.mkfifo, lambda path: path.symlink_to(tmp_path), Path.mkdir):
        path = tmp_path / FILE
        make(path)
        assert ovf._read(path) == b""
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()


def test_without_an_environment_the_wait_for_a_drive_is_short(system: System, hypervisor: Hypervisor) -> None:
    before = time.monotonic()
    deploy(system, None)
    assert time.monotonic() - before < 2
    assert not hypervisor.ran("mount")
    assert Store(system.state / "node").numbers() == []


def test_a_tool_that_hangs_is_ended(system: System, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = tmp_path / "vmware-rpctool"
    tool.write_text("#!/bin/sh\nexec sleep 60\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(ovf, "RPC_TIMEOUT_S", 0.2)
    before = time.monotonic()
    assert ovf._from_guestinfo(System(root=system.root)) == b""
    assert time.monotonic() - before < 10


@pytest.mark.parametrize(
    ("script", "read"),
    [
        ("echo complaint >&2; printf '<a/>\\n'", b"<a/>"),
        ("echo complaint >&2; echo '<a/>'; exit 1", b""),
        ("kill -SEGV $$", b""),
        ("echo", b""),
    ],
)
def test_of_the_tool_only_the_answer_counts(
    system: System, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, read: bytes
) -> None:
    tool = tmp_path / "vmware-rpctool"
    tool.write_text(f"#!/bin/sh\n{script}\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert ovf._from_guestinfo(System(root=system.root, run=really_run)) == read


def test_credentials_win_and_then_nobody_looks_for_properties(
    system: System, hypervisor: Hypervisor, tmp_path: Path
) -> None:
    hypervisor.variable = Result(0, environment(section(GOOD)).decode())
    (tmp_path / "lbva.hostname").write_text("by-credential")
    deploy(system, str(tmp_path))
    assert files_for(system)["/etc/hostname"] == "by-credential\n"
    assert own_addresses(files_for(system)) == ["192.168.2.21"]
    assert hypervisor.commands == []


def test_bad_credentials_do_not_let_properties_take_their_place(
    system: System, hypervisor: Hypervisor, tmp_path: Path
) -> None:
    hypervisor.variable = Result(0, environment(section(GOOD)).decode())
    (tmp_path / "lbva.adress").write_text("192.168.2.23/24")
    deploy(system, str(tmp_path))
    assert Store(system.state / "node").numbers() == []
    assert hypervisor.commands == []


@pytest.mark.parametrize("vendor", ["QEMU", "Microsoft Corporation", None])
def test_nobody_looks_elsewhere_than_on_vmware(
    system: System, hypervisor: Hypervisor, vendor: str | None
) -> None:
    file = system.path("/sys/class/dmi/id/sys_vendor")
    file.write_text(vendor) if vendor else file.unlink()
    deploy(system, None)
    assert hypervisor.commands == []


def test_nobody_looks_once_the_node_has_a_document(system: System, hypervisor: Hypervisor) -> None:
    Store(system.state / "node").commit({"hostname": "chosen"}, "root", "by hand")
    deploy(system, None)
    assert hypervisor.commands == []


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (section({**GOOD, "lbva.prefix": ""}), "192.168.2.22"),
        (section({**GOOD, "lbva.address": ""}), "prefix 24 is given without an address; give both or none"),
        (section({**GOOD, "lbva.address": "192.168.2.400"}), "192.168.2.400/24"),
        (section({**GOOD, "lbva.gatewy": "1"}), "there is no OVF property lbva.gatewy; use lbva.address"),
        (section({**GOOD, "lbva.&#10;": "1"}), 'there is no OVF property "lbva.\\n"; use lbva.address'),
        (section(GOOD) + section({"lbva.prefix": "16"}), "OVF property lbva.prefix is given twice"),
        (section({**GOOD, "lbva.hostname": "löb"}), "OVF property lbva.hostname is not plain text"),
        ("<", "the OVF environment can't be read as XML"),
    ],
)
def test_a_bad_property_is_told_in_one_sentence_and_changes_nothing(
    system: System, hypervisor: Hypervisor, caplog: pytest.LogCaptureFixture, body: str, said: str
) -> None:
    hypervisor.variable = Result(0, environment(body).decode())
    with caplog.at_level(logging.ERROR):
        deploy(system, None)
    (message,) = caplog.messages
    assert said in message
    assert message.startswith("unattended deployment: ")
    assert message.endswith("; the factory default stays")
    assert system.path("/dev/console").read_text(encoding="utf-8").strip() == message
    assert Store(system.state / "node").numbers() == []
    assert own_addresses(files_for(system)) == ["192.168.2.21"]


def test_properties_left_empty_leave_the_factory_default(system: System, hypervisor: Hypervisor) -> None:
    hypervisor.variable = Result(0, environment(section(dict.fromkeys(GOOD, ""))).decode())
    deploy(system, None)
    assert Store(system.state / "node").numbers() == []
    assert not system.path("/dev/console").exists()
