import base64
from ipaddress import IPv4Address
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from harness.domain import Accelerator, MachineFiles, MachineSpec, credential_string, domain_xml
from harness.hardware import (
    CLOUD,
    HYPERV_1,
    HYPERV_2,
    KVM,
    KVM_UEFI,
    THREE_CARDS,
    VIRTUALBOX,
    VMWARE_BIOS,
    Hardware,
)

FILES = MachineFiles(Path("/d/disk.qcow2"), Path("/d/vars.fd"), Path("/d/console.log"), Path("/run/c"))


def domain(accelerator: Accelerator = "tcg", hardware: Hardware = KVM) -> ET.Element:
    spec = MachineSpec(
        name="lb1",
        image=Path("/image"),
        address=IPv4Address("192.168.2.21"),
        hardware=hardware,
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
    sources = domain(hardware=THREE_CARDS).findall("devices/interface/source")
    assert [source.get("bridge") for source in sources] == ["br-mgmt", "br-svc", "br-svc"]


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
    assert text(domain(hardware=KVM_UEFI), "os/nvram") == "/d/vars.fd"
    assert domain().find("os/nvram") is None


def test_secure_boot_is_for_nobody_but_the_firmware_to_change() -> None:
    machine = domain(hardware=HYPERV_2)
    loader, smm = machine.find("os/loader"), machine.find("features/smm")
    assert loader is not None
    assert smm is not None
    assert (loader.get("secure"), smm.get("state")) == ("yes", "on")
    assert text(machine, "os/loader") != text(domain(hardware=KVM_UEFI), "os/loader")


@pytest.mark.parametrize(
    ("hardware", "chipset", "target", "controller", "card"),
    [
        (KVM, "q35", {"bus": "virtio", "dev": "vda"}, None, "virtio"),
        (VMWARE_BIOS, "pc", {"bus": "scsi", "dev": "sda"}, "vmpvscsi", "vmxnet3"),
        (VIRTUALBOX, "pc", {"bus": "sata", "dev": "sda"}, None, "virtio"),
        (HYPERV_1, "pc", {"bus": "ide", "dev": "hda"}, None, "virtio"),
        (CLOUD, "q35", {"bus": "scsi", "dev": "sda"}, "virtio-scsi", "virtio"),
    ],
    ids=lambda value: value.name if isinstance(value, Hardware) else None,
)
def test_the_machine_has_the_hardware_that_was_ordered(
    hardware: Hardware, chipset: str, target: dict[str, str], controller: str | None, card: str
) -> None:
    machine = domain(hardware=hardware)
    disk, kind = machine.find("devices/disk/target"), machine.find("os/type")
    assert disk is not None
    assert kind is not None
    assert (disk.attrib, kind.get("machine")) == (target, chipset)
    models = [each.get("model") for each in machine.findall("devices/controller[@index='0']")]
    assert models == ([controller] if controller else [])
    assert {model.get("type") for model in machine.findall("devices/interface/model")} == {card}


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
