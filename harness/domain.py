"""The libvirt domain of a lab machine, as XML. Pure."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from pathlib import Path
from typing import Literal
from xml.etree import ElementTree as ET

from harness.hardware import FLASH, KVM, Hardware
from harness.topology import MACHINE_NETWORKS, mac_address, port_of

Accelerator = Literal["kvm", "tcg"]


@dataclass(frozen=True)
class MachineSpec:
    """A machine as ordered: the product's own size is 1 CPU, 2048 MiB, and its disk is the image's.

    `credentials` are systemd credentials handed in through SMBIOS (systemd.system-credentials(7)); `vendor`
    is who made the machine, as the guest reads it there. `cdrom` is the disc in its drive, `agent` tells
    whether it has the port of QEMU's guest agent. With a `description`, a libvirt domain in XML that somebody
    else wrote, that says what hardware it is, all of it.
    """

    name: str
    image: Path
    address: IPv4Address
    hardware: Hardware = KVM
    cpus: int = 1
    memory_mib: int = 2048
    credentials: Mapping[str, str] = field(default_factory=dict)
    description: str | None = None
    vendor: str = ""
    cdrom: Path | None = None
    agent: bool = False


@dataclass(frozen=True)
class MachineFiles:
    """Where a machine's disk, firmware variables, console log and console socket lie."""

    disk: Path
    variables: Path
    console_log: Path
    console_socket: Path


# libvirt's bus and device of a disk, and its name of the controller where the bus alone does not say it.
_DISKS = {
    "virtio": ("virtio", "vda", None),
    "virtio-scsi": ("scsi", "sda", "virtio-scsi"),
    "pvscsi": ("scsi", "sda", "vmpvscsi"),
    "sata": ("sata", "sda", None),
    "ide": ("ide", "hda", None),
}


def _add(parent: ET.Element, tag: str, text: str | None = None, **attributes: str) -> ET.Element:
    element = ET.SubElement(parent, tag, attributes)
    element.text = text
    return element


def credential_string(name: str, value: str) -> str:
    """An SMBIOS type 11 string that hands a credential to systemd.

    A value that is not one line of plain text travels in base64.
    """
    if value.isascii() and value.isprintable():
        return f"io.systemd.credential:{name}={value}"
    return f"io.systemd.credential.binary:{name}={base64.b64encode(value.encode()).decode()}"


def set_accelerator(domain: ET.Element, accelerator: Accelerator) -> None:
    """Have the machine run under KVM or be emulated, with a processor that suits."""
    domain.set("type", "kvm" if accelerator == "kvm" else "qemu")
    for cpu in domain.findall("cpu"):
        domain.remove(cpu)
    if accelerator == "kvm":
        _add(domain, "cpu", mode="host-passthrough")
    else:
        # Measured, CPU time of QEMU until systemd runs in Debian 13's initrd: qemu64 14-17 s, max 19-21 s,
        # Nehalem 19-20 s, Haswell 22-24 s. What software would win by newer instructions, emulation eats up.
        cpu = _add(domain, "cpu", mode="custom", match="exact", check="none")
        _add(cpu, "model", "qemu64", fallback="forbid")


def add_credentials(domain: ET.Element, spec: MachineSpec) -> None:
    """Hand the machine its credentials through SMBIOS."""
    system = domain.find("os")
    if system is not None:
        _add(system, "smbios", mode="sysinfo")
    smbios = _add(domain, "sysinfo", type="smbios")
    if spec.vendor:
        _add(_add(smbios, "system"), "entry", spec.vendor, name="manufacturer")
    strings = _add(smbios, "oemStrings")
    for name, value in sorted(spec.credentials.items()):
        _add(strings, "entry", credential_string(name, value))


def plug_in(card: ET.Element, machine: str, number: int) -> None:
    """Plug a machine's network card, counted from 0, into its bridge, a spare one into the last."""
    card.set("type", "bridge")
    _add(card, "mac", address=mac_address(machine, number))
    _add(card, "source", bridge=MACHINE_NETWORKS[min(number, len(MACHINE_NETWORKS) - 1)].bridge)
    _add(card, "target", dev=port_of(machine, number))


def add_serial(serial: ET.Element, files: MachineFiles) -> None:
    """Have a serial port go to the console's log and socket."""
    serial.set("type", "unix")
    _add(serial, "source", mode="bind", path=str(files.console_socket))
    _add(serial, "log", file=str(files.console_log), append="on")
    _add(serial, "target", type="isa-serial", port="0")


def _add_system(domain: ET.Element, spec: MachineSpec, files: MachineFiles) -> None:
    """Firmware and what it tells."""
    _add(domain, "vcpu", str(spec.cpus))
    system = _add(domain, "os")
    _add(system, "type", "hvm", arch="x86_64", machine=spec.hardware.chipset)
    flash = FLASH.get(spec.hardware.firmware)
    if flash is not None:
        secure = {"secure": "yes"} if flash.needs_smm else {}
        _add(system, "loader", str(flash.code), readonly="yes", type="pflash", **secure)
        _add(system, "nvram", str(files.variables))
    _add(system, "boot", dev="hd")
    features = _add(domain, "features")
    _add(features, "acpi")
    _add(features, "apic")
    if flash is not None and flash.needs_smm:
        _add(features, "smm", state="on")
    _add(domain, "clock", offset="utc")


def _add_devices(domain: ET.Element, spec: MachineSpec, files: MachineFiles) -> None:
    """Disk, network cards, consoles."""
    devices = _add(domain, "devices")
    disk = _add(devices, "disk", type="file", device="disk")
    # The guest sees a disk with a write cache: what it flushes is on the host's disk, what it has
    # not flushed may be lost with QEMU when the power is cut. "unsafe" would ignore its flushes.
    _add(disk, "driver", name="qemu", type="qcow2", cache="writeback", discard="unmap")
    _add(disk, "source", file=str(files.disk))
    bus, device, controller = _DISKS[spec.hardware.disk]
    _add(disk, "target", dev=device, bus=bus)
    if controller is not None:
        _add(devices, "controller", type=bus, index="0", model=controller)
    if spec.cdrom:
        drive = _add(devices, "disk", type="file", device="cdrom")
        _add(drive, "source", file=str(spec.cdrom))
        # The last place of the first SATA controller, whatever the disk hangs on.
        _add(drive, "target", dev="sdf", bus="sata")
        _add(drive, "readonly")
    if spec.agent:
        port = _add(devices, "channel", type="unix")
        _add(port, "target", type="virtio", name="org.qemu.guest_agent.0")
    for number in range(len(MACHINE_NETWORKS) + spec.hardware.spare_cards):
        card = _add(devices, "interface")
        plug_in(card, spec.name, number)
        _add(card, "model", type=spec.hardware.card)
    add_serial(_add(devices, "serial"), files)
    _add(_add(devices, "video"), "model", type="vga")
    # Other hypervisors have none, but processors that make random numbers, which the emulated one does not.
    _add(_add(devices, "rng", model="virtio"), "backend", "/dev/urandom", model="random")
    # What libvirt would add by itself, and what costs the guest time to probe.
    _add(devices, "controller", type="usb", model="none")
    _add(devices, "memballoon", model="none")
    _add(devices, "audio", id="1", type="none")


def domain_xml(spec: MachineSpec, files: MachineFiles, accelerator: Accelerator) -> str:
    """The machine as libvirt wants to have it described."""
    domain = ET.Element("domain")
    _add(domain, "name", spec.name)
    _add(domain, "memory", str(spec.memory_mib), unit="MiB")
    set_accelerator(domain, accelerator)
    _add_system(domain, spec, files)
    add_credentials(domain, spec)
    _add_devices(domain, spec, files)
    _add(domain, "on_reboot", "restart")
    _add(domain, "on_poweroff", "destroy")
    _add(domain, "on_crash", "destroy")
    return ET.tostring(domain, encoding="unicode")
