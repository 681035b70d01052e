"""The descriptor of an open virtual appliance: which machine it asks for.

Elements: DMTF DSP0243 1.1.0; numbers of resource types: CIM_ResourceAllocationSettingData.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from xml.etree import ElementTree as ET

from harness.errors import LabError
from harness.hardware import CardModel, DiskBus, Hardware

_OVF = "{http://schemas.dmtf.org/ovf/envelope/1}"
_RASD = "{http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData}"

_VSSD = "{http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_VirtualSystemSettingData}"

_CPU, _MEMORY, _CARD, _DISK = "3", "4", "10", "17"
_MEBIBYTES = ("byte * 2^20", "MegaBytes")

# Controllers by resource type and subtype: 5 IDE, 6 SCSI, 20 other storage, which SATA is.
_CONTROLLERS: Mapping[tuple[str, str], DiskBus] = {
    ("6", "virtualscsi"): "pvscsi",
    ("20", "ahci"): "sata",
    ("20", "vmware.sata.ahci"): "sata",
}
# What vCenter takes in its own family of machines, by resource type; it refuses any other word. The subtypes
# that others export: VirtualBox's PIIX4 and AHCI are the ones that were met.
_VMWARE: Mapping[str, tuple[str, ...]] = {
    "5": ("",),
    "6": ("virtualscsi", "lsilogic", "lsilogicsas", "buslogic"),
    "10": ("vmxnet3", "e1000", "e1000e"),
    "15": ("", "vmware.cdrom.iso", "vmware.cdrom.atapi", "vmware.cdrom.remotepassthrough"),
    "17": ("",),
    "20": ("vmware.sata.ahci", "vmware.nvme.controller"),
}
# VirtualBox knows its virtio card by this name; by another it takes an E1000, which the kernel does not know.
_CARDS: Mapping[str, CardModel] = {"virtionet": "virtio", "vmxnet3": "vmxnet3"}


@dataclass(frozen=True)
class OvfMachine:
    """What a descriptor asks for: its disk's file, its size, what the disk hangs on, its network cards."""

    disk: str
    cpus: int
    memory_mib: int
    controller: DiskBus
    cards: tuple[CardModel, ...]

    def on(self, hardware: Hardware) -> Hardware:
        """The hypervisor's `hardware` with the cards, and if its firmware can boot from it the controller."""
        try:
            return replace(hardware, disk=self.controller, card=self.cards[0])
        except LabError:
            return replace(hardware, card=self.cards[0])


def files_of(envelope: ET.Element) -> dict[str, int]:
    """The files that belong to the descriptor: sizes by name."""
    files = envelope.findall(f"{_OVF}References/{_OVF}File")
    return {file.get(f"{_OVF}href", ""): _number(file.get(f"{_OVF}size"), "ovf:size") for file in files}


def machine_of(envelope: ET.Element) -> OvfMachine:
    """The one machine of a descriptor; raises LabError for what QEMU, or the appliance, has not."""
    items = [
        {child.tag.removeprefix(_RASD): child.text or "" for child in item}
        for item in envelope.iter(f"{_OVF}Item")
    ]
    _check_family(envelope, items)
    disk = _one(items, _DISK)
    parents = [item for item in items if item.get("InstanceID") == disk.get("Parent")]
    if not parents:
        raise LabError("the OVF's disk hangs on no controller", "give it the Parent of one")
    memory = _one(items, _MEMORY)
    if memory.get("AllocationUnits") not in _MEBIBYTES:
        raise LabError(f"the OVF counts memory in {memory.get('AllocationUnits')!r}", "use byte * 2^20")
    cards = tuple(_card(item) for item in items if item.get("ResourceType") == _CARD)
    if len(set(cards)) != 1:
        raise LabError(f"the OVF's network cards are {', '.join(cards) or 'none'}", "use one model for all")
    return OvfMachine(
        disk=_disk_file(envelope, disk.get("HostResource", "")),
        cpus=_number(_one(items, _CPU).get("VirtualQuantity"), "VirtualQuantity"),
        memory_mib=_number(memory.get("VirtualQuantity"), "VirtualQuantity"),
        controller=_controller(parents[0]),
        cards=cards,
    )


def _check_family(envelope: ET.Element, items: list[dict[str, str]]) -> None:
    """Raise LabError when a machine of VMware's family has a device that vCenter does not know."""
    family = next((each.text or "" for each in envelope.iter(f"{_VSSD}VirtualSystemType")), "")
    for item in items if family.startswith("vmx-") else []:
        kind, subtype = item.get("ResourceType", ""), item.get("ResourceSubType", "")
        if kind in _VMWARE and subtype.lower() not in _VMWARE[kind]:
            raise LabError(
                f"vCenter knows no {subtype!r} of resource type {kind}", "use one of its own names"
            )


def _one(items: list[dict[str, str]], kind: str) -> dict[str, str]:
    found = [item for item in items if item.get("ResourceType") == kind]
    if len(found) != 1:
        raise LabError(f"the OVF has {len(found)} items of resource type {kind}", "it must have one")
    return found[0]


def _controller(item: dict[str, str]) -> DiskBus:
    kind = (item.get("ResourceType", ""), item.get("ResourceSubType", "").lower())
    if kind not in _CONTROLLERS:
        raise LabError(f"the OVF's disk controller {kind[1]!r} has no driver in the appliance", "use another")
    return _CONTROLLERS[kind]


def _card(item: dict[str, str]) -> CardModel:
    model = item.get("ResourceSubType", "").lower()
    if model not in _CARDS:
        raise LabError(f"the OVF's network card {model!r} has no driver in the appliance", "use another")
    return _CARDS[model]


def _disk_file(envelope: ET.Element, resource: str) -> str:
    """The name of the file behind ovf:/disk/ID."""
    disk_id = resource.rpartition("/")[2]
    disks = envelope.findall(f"{_OVF}DiskSection/{_OVF}Disk")
    references = [disk.get(f"{_OVF}fileRef") for disk in disks if disk.get(f"{_OVF}diskId") == disk_id]
    files = envelope.findall(f"{_OVF}References/{_OVF}File")
    names = [file.get(f"{_OVF}href", "") for file in files if file.get(f"{_OVF}id") in references]
    if len(names) != 1:
        raise LabError(f"the OVF has no file for the disk {resource!r}", "check its DiskSection")
    return names[0]


def _number(text: str | None, what: str) -> int:
    if text is None or not text.isdecimal():
        raise LabError(f"the OVF's {what} is {text!r}", "it must be a number")
    return int(text)
