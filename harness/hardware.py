"""The virtual hardware that a machine of the lab can have: what hypervisors offer, as far as QEMU has it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from harness.errors import LabError

Chipset = Literal["pc", "q35"]
Firmware = Literal["bios", "uefi", "secure-boot"]
DiskBus = Literal["virtio", "virtio-scsi", "pvscsi", "sata", "ide"]
CardModel = Literal["virtio", "vmxnet3"]


@dataclass(frozen=True)
class Hardware:
    """A kind of virtual machine: `chipset` is QEMU's name of i440FX (pc) or Q35 (q35).

    `spare_cards` are on the service network, as the last card that all machines have.

    Raises LabError for what can't boot.
    """

    name: str
    chipset: Chipset = "q35"
    firmware: Firmware = "bios"
    disk: DiskBus = "virtio"
    card: CardModel = "virtio"
    spare_cards: int = 0

    def __post_init__(self) -> None:
        if self.firmware != "bios" and self.disk == "pvscsi":
            raise LabError(f"{self.name}: Debian's UEFI is built without a driver for pvscsi", "use sata")
        if self.firmware == "secure-boot" and self.chipset != "q35":
            raise LabError(f"{self.name}: Secure Boot needs the chipset q35", "use q35")
        if self.disk == "ide" and self.chipset != "pc":
            raise LabError(f"{self.name}: q35 has no IDE disks", "use the chipset pc, or sata")


@dataclass(frozen=True)
class Flash:
    """UEFI's code, which all machines share, and the variables that each begins with."""

    code: Path
    variables: Path
    needs_smm: bool = False
    """Whether it lets nobody but the processor's system management mode write the variables."""


# Debian's package ovmf; the 4M flash is the only one that Debian 13 still has. "ms" holds Microsoft's keys,
# as Hyper-V's machines and computers on sale do: with them, Secure Boot is on.
_OVMF = Path("/usr/share/OVMF")
FLASH: Mapping[Firmware, Flash] = {
    "uefi": Flash(_OVMF / "OVMF_CODE_4M.fd", _OVMF / "OVMF_VARS_4M.fd"),
    "secure-boot": Flash(_OVMF / "OVMF_CODE_4M.ms.fd", _OVMF / "OVMF_VARS_4M.ms.fd", needs_smm=True),
}

KVM = Hardware("kvm")
"""What the lab's machines have unless told otherwise."""

THREE_CARDS = Hardware("kvm-three-cards", spare_cards=1)
"""Two cards on the service network, for what takes both."""

KVM_UEFI = Hardware("kvm-uefi", firmware="uefi")

VMWARE_BIOS = Hardware("vmware-bios", "pc", "bios", "pvscsi", "vmxnet3")
"""VMware's machines have the same chipset, and QEMU has its paravirtual disk controller and card."""

VMWARE_UEFI = Hardware("vmware-uefi", "pc", "uefi", "sata", "vmxnet3")
"""With VMware's other kind of disk controller: pvscsi can't be had (see `Hardware`)."""

VIRTUALBOX = Hardware("virtualbox", "pc", "bios", "sata", "virtio")

# QEMU has no disks and cards on Hyper-V's bus, nor can it emulate Xen's: firmware, chipset and the old IDE
# disk are theirs; for the rest stands in what QEMU has and the appliance's kernel drives.
HYPERV_1 = Hardware("hyperv-1", "pc", "bios", "ide", "virtio")
HYPERV_2 = Hardware("hyperv-2", "q35", "secure-boot", "virtio-scsi", "virtio")
XEN = Hardware("xen", "pc", "bios", "ide", "virtio")

CLOUD = Hardware("cloud", "q35", "uefi", "virtio-scsi", "virtio")
"""Google Cloud's machines: their disk is a SCSI one."""

ALL = (KVM, KVM_UEFI, VMWARE_BIOS, VMWARE_UEFI, VIRTUALBOX, HYPERV_1, HYPERV_2, XEN, CLOUD)
BY_NAME: Mapping[str, Hardware] = {hardware.name: hardware for hardware in ALL}
