import base64
from ipaddress import IPv4Address
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from harness.domain import Accelerator, MachineFiles, MachineSpec, credential_string, domain_xml

FILES = MachineFiles(Path("/d/disk.qcow2"), Path("/d/vars.fd"), Path("/d/console.log"), Path("/run/c"))


def domain(accelerator: Accelerator = "tcg", firmware: str = "bios") -> ET.Element:
    spec = MachineSpec(
        name="lb1",
        image=Path("/image"),
        address=IPv4Address("192.168.2.21"),
        firmware="uefi" if firmware == "uefi" else "bios",
        credentials={"a": "<b>&\"'"},
    )
    return ET.fromstring(domain_xml(spec, FILES, accelerator))  # noqa: S314 - it is our own


def text(root: ET.Element, path: str) -> str | None:
    element = root.find(path)
    assert element is not None, path
    return element.text


def test_the_machine_has_the_size_of_the_product() -> None:
    assert text(domain(), "vcpu") == "1"
    assert text(domain(), "memory") == "2048"


def test_the_disk_honours_flushes() -> None:
    driver = domain().find("devices/disk/driver")
    assert driver is not None
    assert driver.get("cache") == "writeback"


def test_the_cards_are_on_management_then_service() -> None:
    bridges = [source.get("bridge") for source in domain().findall("devices/interface/source")]
    assert bridges == ["br-mgmt", "br-svc"]


def test_credentials_come_through_whatever_they_hold() -> None:
    assert text(domain(), "sysinfo/oemStrings/entry") == "io.systemd.credential:a=<b>&\"'"
    lines = "two\nlines"
    name, _equals, value = credential_string("b", lines).partition("=")
    assert name == "io.systemd.credential.binary:b"
    assert base64.b64decode(value).decode() == lines


@pytest.mark.parametrize(("accelerator", "kind"), [("kvm", "kvm"), ("tcg", "qemu")])
def test_the_accelerator_decides_the_kind_of_domain(accelerator: Accelerator, kind: str) -> None:
    assert domain(accelerator).get("type") == kind


def test_uefi_has_variables_of_its_own() -> None:
    assert text(domain(firmware="uefi"), "os/nvram") == "/d/vars.fd"
    assert domain().find("os/nvram") is None


def test_a_machine_has_a_vendor_a_disc_and_an_agents_port_when_they_are_asked_for() -> None:
    assert domain().find("sysinfo/system") is None
    assert [disk.get("device") for disk in domain().findall("devices/disk")] == ["disk"]
    assert domain().find("devices/channel") is None
    spec = MachineSpec(
        name="lb1",
        image=Path("/image"),
        address=IPv4Address("192.168.2.21"),
        vendor="VMware, Inc.",
        cdrom=Path("/disc.iso"),
        agent=True,
    )
    root = ET.fromstring(domain_xml(spec, FILES, "tcg"))  # noqa: S314 - it is our own
    assert text(root, "sysinfo/system/entry[@name='manufacturer']") == "VMware, Inc."
    # Snapshots take the first disk for the machine's own.
    assert [source.get("file") for source in root.findall("devices/disk/source")] == [
        "/d/disk.qcow2",
        "/disc.iso",
    ]
    assert root.find("devices/channel/target[@name='org.qemu.guest_agent.0']") is not None
