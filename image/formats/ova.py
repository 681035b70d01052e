"""Open virtual appliances for VMware and for VirtualBox: a descriptor (OVF 1.1), a manifest and the disk.

The descriptor's elements: DMTF DSP0243 1.1.0 and, for resource types, CIM_ResourceAllocationSettingData. What
importers are particular about stands beside the lines that heed it.
"""

import hashlib
import io
import tarfile
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

from image.formats.archive import add_to_tar
from image.formats.product import CPUS, MEMORY_MIB, PRODUCT, Product

OVF = "http://schemas.dmtf.org/ovf/envelope/1"
RASD = "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData"
VSSD = "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_VirtualSystemSettingData"
VMW = "http://www.vmware.com/schema/ovf"
STREAM_OPTIMIZED = "http://www.vmware.com/interfaces/specifications/vmdk.html#streamOptimized"

DEBIAN_64 = "96"
"""CIM_OperatingSystem.OSType of a 64-bit Debian."""

NETWORKS = ("Management", "Service")
PROPERTIES = (
    ("address", "Address", "IPv4 address of the first network card. Empty: 192.168.2.21/24"),
    ("prefix", "Prefix length", "Needed with an address: such as 24 for the netmask 255.255.255.0"),
    ("gateway", "Default gateway", "IPv4 address of the router"),
    ("dns", "DNS servers", "IPv4 addresses, separated by blanks"),
    ("hostname", "Host name", "Name of the appliance. Empty: lbva"),
)
"""What the appliance takes from its deployment at the first boot (lbadmin/unattended.py)."""


@dataclass(frozen=True)
class Hardware:
    """What the two hypervisors call the same things."""

    system_type: str
    disk_controller: tuple[str, str, str]
    """Resource type, resource subtype, name."""

    card: str
    cd_drive: str
    properties: bool


VMWARE = Hardware(
    # Hardware version 13: ESXi 6.5 and Workstation 14, the oldest still met.
    system_type="vmx-13",
    disk_controller=("6", "VirtualSCSI", "SCSI controller"),
    card="VmxNet3",
    cd_drive="vmware.cdrom.remotepassthrough",
    properties=True,
)
VIRTUALBOX = Hardware(
    system_type="virtualbox-2.2",
    disk_controller=("20", "AHCI", "SATA controller"),
    # Another spelling becomes an E1000 (VirtualBox's ApplianceImplImport.cpp), which the kernel lacks.
    card="VirtioNet",
    cd_drive="",
    properties=False,
)


def make(product: Product, hardware: Hardware, vmdk: Path, target: Path) -> None:
    """Write the OVA for a hypervisor, with the disk `vmdk`."""
    stem = target.stem
    disk_name = vmdk.name
    size = vmdk.stat().st_size
    descriptor = envelope(product, hardware, disk_name, size)
    with vmdk.open("rb") as disk:
        disk_digest = hashlib.file_digest(disk, "sha256").hexdigest()
        # Exactly so: ESXi refuses a blank before the bracket, and any other name of the hash.
        manifest = (
            f"SHA256({stem}.ovf)= {hashlib.sha256(descriptor).hexdigest()}\n"
            f"SHA256({disk_name})= {disk_digest}\n"
        ).encode()
        disk.seek(0)
        with tarfile.open(target, "w", format=tarfile.USTAR_FORMAT) as archive:
            for name, data in ((f"{stem}.ovf", descriptor), (f"{stem}.mf", manifest)):
                add_to_tar(archive, name, io.BytesIO(data), len(data), product.epoch)
            add_to_tar(archive, disk_name, disk, size, product.epoch)


def envelope(product: Product, hardware: Hardware, disk_name: str, disk_bytes: int) -> bytes:
    """Return the descriptor. Pure."""
    for prefix, uri in (("ovf", OVF), ("rasd", RASD), ("vssd", VSSD), ("vmw", VMW)):
        ET.register_namespace(prefix, uri)
    root = ET.Element(f"{{{OVF}}}Envelope")
    _add(_add(root, "References"), "File", id="file1", href=disk_name, size=str(disk_bytes))
    disks = _section(root, "DiskSection", "The appliance's one disk")
    _add(
        disks,
        "Disk",
        diskId="disk1",
        fileRef="file1",
        capacity=str(product.raw.stat().st_size),
        format=STREAM_OPTIMIZED,
    )
    networks = _section(root, "NetworkSection", "The networks that the cards are on")
    for name in NETWORKS:
        _text(_add(networks, "Network", name=name), "Description", f"{name} network")
    system = _add(root, "VirtualSystem", id="lbva")
    _text(system, "Info", PRODUCT)
    _text(system, "Name", "lbva")
    os = _section(system, "OperatingSystemSection", "The guest operating system")
    os.set(f"{{{OVF}}}id", DEBIAN_64)
    if hardware is VMWARE:
        os.set(f"{{{VMW}}}osType", "debian10_64Guest")
    _text(os, "Description", "Debian GNU/Linux 13 (64 bit)")
    _add_hardware(system, hardware)
    _add_product(system, product, hardware)
    _text(_section(system, "AnnotationSection", "What this is"), "Annotation", annotation(product))
    ET.indent(root)
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root) + b"\n"


def annotation(product: Product) -> str:
    """Return what the hypervisor shows beside the machine."""
    return (
        f"{PRODUCT} {product.version}. First steps: open https://192.168.2.21:9443/lbadmin/ "
        "(or the address given at deployment); user and password are loadbalancer until you change them."
    )


def _add_hardware(system: ET.Element, hardware: Hardware) -> None:
    section = _section(system, "VirtualHardwareSection", f"{CPUS} CPU, {MEMORY_MIB} MB of memory")
    if hardware.properties:
        # An ISO image in the CD drive, or VMware's own channel to open-vm-tools.
        section.set(f"{{{OVF}}}transport", "iso com.vmware.guestInfo")
    machine = ET.SubElement(section, f"{{{OVF}}}System")
    for name, value in (
        ("ElementName", "Virtual Hardware Family"),
        ("InstanceID", "0"),
        ("VirtualSystemIdentifier", "lbva"),
        ("VirtualSystemType", hardware.system_type),
    ):
        ET.SubElement(machine, f"{{{VSSD}}}{name}").text = value
    controller_type, controller, controller_name = hardware.disk_controller
    items: list[dict[str, str]] = [
        {
            "AllocationUnits": "hertz * 10^6",
            "ElementName": f"{CPUS} virtual CPU",
            "ResourceType": "3",
            "VirtualQuantity": str(CPUS),
        },
        {
            "AllocationUnits": "byte * 2^20",
            "ElementName": f"{MEMORY_MIB} MB of memory",
            "ResourceType": "4",
            "VirtualQuantity": str(MEMORY_MIB),
        },
        {
            "Address": "0",
            "ElementName": controller_name,
            "ResourceSubType": controller,
            "ResourceType": controller_type,
        },
        # Without a subtype: vCenter refuses VirtualBox's PIIX4, which VirtualBox takes by itself.
        {"Address": "0", "ElementName": "IDE controller", "ResourceType": "5"},
        {
            "AddressOnParent": "0",
            "ElementName": "Disk",
            "HostResource": "ovf:/disk/disk1",
            "Parent": "3",
            "ResourceType": "17",
        },
        {
            "AddressOnParent": "0",
            "AutomaticAllocation": "false",
            "ElementName": "CD drive",
            "Parent": "4",
            **({"ResourceSubType": hardware.cd_drive} if hardware.cd_drive else {}),
            "ResourceType": "15",
        },
        *(
            {
                "AddressOnParent": str(number),
                "AutomaticAllocation": "true",
                "Connection": network,
                "ElementName": f"Network card {number}",
                "ResourceSubType": hardware.card,
                "ResourceType": "10",
            }
            for number, network in enumerate(NETWORKS, 1)
        ),
    ]
    for number, item in enumerate(items, 1):
        element = _add(section, "Item")
        # The schema wants an item's elements in alphabetical order.
        for name, value in sorted({**item, "InstanceID": str(number)}.items()):
            ET.SubElement(element, f"{{{RASD}}}{name}").text = value


def _add_product(system: ET.Element, product: Product, hardware: Hardware) -> None:
    section = _section(system, "ProductSection", "The product")
    # The appliance's environment calls a property CLASS.KEY: a key itself has no dot (section 9.5.1).
    section.set(f"{{{OVF}}}class", "lbva")
    _text(section, "Product", PRODUCT)
    _text(section, "Version", product.version)
    _text(section, "FullVersion", product.version)
    if hardware.properties:
        _text(section, "Category", "Network of the first boot")
        for key, label, description in PROPERTIES:
            entry = _add(section, "Property", key=key, type="string", userConfigurable="true", value="")
            _text(entry, "Label", label)
            _text(entry, "Description", description)


def _add(parent: ET.Element, tag: str, **attributes: str) -> ET.Element:
    return ET.SubElement(
        parent, f"{{{OVF}}}{tag}", {f"{{{OVF}}}{name}": value for name, value in attributes.items()}
    )


def _text(parent: ET.Element, tag: str, text: str) -> None:
    ET.SubElement(parent, f"{{{OVF}}}{tag}").text = text


def _section(parent: ET.Element, tag: str, info: str) -> ET.Element:
    section = _add(parent, tag)
    _text(section, "Info", info)
    return section
