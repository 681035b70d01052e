"""Every artifact of build/release, unpacked and booted as on its hypervisor, as far as QEMU has its hardware.

While one is tested, the next one boots already.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from harness import report
from harness.appliance import Appliance
from harness.artifacts import machines
from harness.artifacts.release import artifact
from harness.clients import SIP_TCP_PORT, SIP_TLS_PORT, OcsClient
from harness.deadline import Deadline
from harness.errors import LabError
from harness.hardware import (
    CLOUD,
    HYPERV_1,
    HYPERV_2,
    KVM,
    VIRTUALBOX,
    VMWARE_BIOS,
    VMWARE_UEFI,
    XEN,
    CardModel,
    DiskBus,
    Hardware,
)
from harness.lab import Lab
from harness.libvirt_machine import LibvirtMachine
from tests.system.conftest import BOOT_S

# Linux' names of the drivers that prove what a disk and a card hang on.
DISK_DRIVERS: dict[DiskBus, str] = {
    "ide": "ata_piix",
    "pvscsi": "vmw_pvscsi",
    "sata": "ahci",
    "virtio": "virtio_blk",
    "virtio-scsi": "virtio_scsi",
}
CARD_DRIVERS: dict[CardModel, str] = {"virtio": "virtio_net", "vmxnet3": "vmxnet3"}


@dataclass(frozen=True)
class Case:
    """An artifact by the end of its name, and what it is booted on."""

    suffix: str
    hardware: Hardware


@dataclass
class Deployed:
    """A machine made of an artifact, booting or up, in a lab of its own."""

    lab: Lab
    machine: LibvirtMachine
    hardware: Hardware
    deadline: Deadline = field(default_factory=lambda: Deadline(2 * BOOT_S))


class Boots:
    """Deploys the cases of a run in their order, one ahead of the one that is asked for."""

    def __init__(self, cases: Sequence[Case], folder: Path) -> None:
        self._cases = cases
        self._folder = folder
        self._started: dict[Case, Deployed] = {}

    def take(self, case: Case) -> Deployed:
        """Return a case's machine, booting; the caller ends its lab."""
        deployed = self._started.pop(case, None) or self._start(case)
        following = self._cases[self._cases.index(case) + 1 :][:1]
        for each in following:
            try:
                self._started[each] = self._start(each)
            except LabError:
                # It is told when it is that one's turn.
                break
        return deployed

    def close(self) -> None:
        """End the labs that nobody asked for."""
        for deployed in self._started.values():
            deployed.lab.close()

    def _start(self, case: Case) -> Deployed:
        name = f"{case.suffix.partition('.')[0]}-{case.hardware.name}-{os.getpid()}"
        folder = self._folder / name
        folder.mkdir(exist_ok=True)
        unpacked = machines.unpack(artifact(case.suffix), folder, case.hardware)
        lab = Lab.start(name)
        try:
            machine = unpacked.add_to(lab, "lb1")
            machine.power_on()
        except BaseException:
            lab.close()
            raise
        return Deployed(lab, machine, unpacked.hardware)


def cases() -> list[object]:
    """All cases; those that say nothing that another one has not said are for the night."""
    always = [Case("vmware.ova", VMWARE_BIOS), Case("hyperv.zip", HYPERV_2)]
    nightly = [
        Case("kvm.zip", KVM),
        Case("vmware.ova", VMWARE_UEFI),
        Case("virtualbox.ova", VIRTUALBOX),
        Case("hyperv.zip", HYPERV_1),
        Case("xen.xva", XEN),
        Case("azure.vhd", HYPERV_2),
        Case("gcp.tar.gz", CLOUD),
    ]
    marked = [(case, ()) for case in always] + [(case, (pytest.mark.nightly,)) for case in nightly]
    return [
        pytest.param(case, marks=marks, id=f"{case.suffix}-{case.hardware.name}") for case, marks in marked
    ]


@pytest.fixture(scope="module")
def boots(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Boots]:
    parameters = [getattr(item, "callspec", None) for item in request.session.items]
    wanted = [each.params["deployed"] for each in parameters if each and "deployed" in each.params]
    all_of_them = Boots(list(dict.fromkeys(wanted)), tmp_path_factory.mktemp("artifacts"))
    yield all_of_them
    all_of_them.close()


@pytest.fixture(scope="module", params=cases())
def deployed(request: pytest.FixtureRequest, boots: Boots) -> Iterator[Deployed]:
    one = boots.take(request.param)
    yield one
    one.lab.close()


@pytest.fixture
def lab(deployed: Deployed) -> Lab:
    """The lab of the machine under test, in place of the one that most tests share."""
    return deployed.lab


def test_the_web_interface_answers(lab: Lab, deployed: Deployed) -> None:
    appliance = Appliance(lab, deployed.machine)
    appliance.wait_until_up(deployed.deadline)
    page = appliance.http.get("/lbadmin/login")
    assert page.status_code == httpx.codes.OK
    assert "password" in page.text


def test_the_guests_kernel_drives_the_hypervisors_hardware(lab: Lab, deployed: Deployed) -> None:
    machine, hardware = deployed.machine, deployed.hardware
    cards = machine.run(
        "for n in 0 1; do basename $(realpath /sys/class/net/eth$n/device/driver); done"
    ).stdout
    assert cards.split() == [CARD_DRIVERS[hardware.card]] * 2
    # Every device from the disk up to the root of all, with its driver if it has one.
    chain = machine.run(
        "d=$(realpath /sys/class/block/[hsv]da/device); while [ $d != /sys/devices ]; do "
        "[ -e $d/driver ] && basename $(realpath $d/driver); d=${d%/*}; done; true"
    ).stdout
    assert DISK_DRIVERS[hardware.disk] in chain.split()


def test_the_firmware_is_the_hypervisors(lab: Lab, deployed: Deployed) -> None:
    machine, firmware = deployed.machine, deployed.hardware.firmware
    uefi = machine.run("test -d /sys/firmware/efi", check=False).status == 0
    assert uefi == (firmware != "bios")
    if firmware == "secure-boot":
        # Four bytes of attributes, then the variable (UEFI specification, section 8.2).
        variable = "cat /sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
        assert machine.run(f"{variable} | od -An -tu1").stdout.split()[4:] == ["1"]
        assert "Kernel is locked down from EFI Secure Boot" in machine.run("dmesg").stdout


def test_clients_are_served_after_the_guide(lab: Lab, deployed: Deployed) -> None:
    appliance = Appliance(lab, deployed.machine)
    appliance.join_service_network()
    appliance.set_guide_timeouts()
    appliance.add_guide_service(lab)
    appliance.restart_haproxy()
    for front_end in lab.front_ends:
        appliance.wait_for_health(front_end.name, "up", Deadline(60))
    client = OcsClient(lab, "192.168.10.100")
    served_by = client.wait_until_served(Deadline(60), SIP_TCP_PORT)
    assert client.register(SIP_TLS_PORT) == served_by


def test_nothing_is_broken(lab: Lab, deployed: Deployed) -> None:
    assert deployed.machine.run("systemctl list-units --failed --plain --no-legend").stdout == ""
    assert report.known_bad_lines(deployed.machine.console_text()) == []
