"""The libvirt domain of a lab machine, as XML. Pure."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from pathlib import Path
from typing import Literal
from xml.etree import ElementTree as ET

from harness.topology import MACHINE_NETWORKS, mac_address, port_of

Firmware = Literal["bios", "uefi"]
Accelerator = Literal["kvm", "tcg"]


@dataclass(frozen=True)
class MachineSpec:
    """A machine as ordered: the product's own size is 1 CPU, 2048 MiB, and its disk is the image's.

    `credentials` are systemd credentials handed in through SMBIOS (systemd.system-credentials(7)); `vendor`
    is who made the machine, as the guest reads it there. `cdrom` is the disc in its drive, `agent` tells
    whether it has the port of QEMU's guest agent.
    """

    name: str
    image: Path
    address: IPv4Address
    firmware: Firmware = "bios"
    cpus: int = 1
    memory_mib: int = 2048
    credentials: Mapping[str, str] = field(default_factory=dict)
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


# Debian's package ovmf; the 4M flash is the only one that Debian 13 still has.
OVMF_CODE = Path("/usr/share/OVMF/OVMF_CODE_4M.fd")
OVMF_VARIABLES = Path("/usr/share/OVMF/OVMF_VARS_4M.fd")


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


def _add_system(domain: ET.Element, spec: MachineSpec, files: MachineFiles, accelerator: Accelerator) -> None:
    """Processor, firmware and credentials."""
    _add(domain, "vcpu", str(spec.cpus))
    if accelerator == "kvm":
        _add(domain, "cpu", mode="host-passthrough")
    else:
        # Measured, CPU time of QEMU until systemd runs in Debian 13's initrd: qemu64 14-17 s, max 19-21 s,
        # Nehalem 19-20 s, Haswell 22-24 s. What software would win by newer instructions, emulation eats up.
        cpu = _add(domain, "cpu", mode="custom", match="exact", check="none")
        _add(cpu, "model", "qemu64", fallback="forbid")
    system = _add(domain, "os")
    _add(system, "type", "hvm", arch="x86_64", machine="q35")
    if spec.firmware == "uefi":
        _add(system, "loader", str(OVMF_CODE), readonly="yes", type="pflash")
        _add(system, "nvram", str(files.variables))
    _add(system, "boot", dev="hd")
    _add(system, "smbios", mode="sysinfo")
    smbios = _add(domain, "sysinfo", type="smbios")
    if spec.vendor:
        _add(_add(smbios, "system"), "entry", spec.vendor, name="manufacturer")
    strings = _add(smbios, "oemStrings")
    for name, value in sorted(spec.credentials.items()):
        _add(strings, "entry", credential_string(name, value))
    features = _add(domain, "features")
    _add(features, "acpi")
    _add(features, "apic")
    _add(domain, "clock", offset="utc")


def _add_devices(domain: ET.Element, spec: MachineSpec, files: MachineFiles) -> None:
    """Disk, network cards, consoles."""
    devices = _add(domain, "devices")
    disk = _add(devices, "disk", type="file", device="disk")
    # The guest sees a disk with a write cache: what it flushes is on the host's disk, what it has
    # not flushed may be lost with QEMU when the power is cut. "unsafe" would ignore its flushes.
    _add(disk, "driver", name="qemu", type="qcow2", cache="writeback", discard="unmap")
    _add(disk, "source", file=str(files.disk))
    _add(disk, "target", dev="vda", bus="virtio")
    if spec.cdrom:
        drive = _add(devices, "disk", type="file", device="cdrom")
        _add(drive, "source", file=str(spec.cdrom))
        _add(drive, "target", dev="sda", bus="sata")
        _add(drive, "readonly")
    if spec.agent:
        port = _add(devices, "channel", type="unix")
        _add(port, "target", type="virtio", name="org.qemu.guest_agent.0")
    for number, network in enumerate(MACHINE_NETWORKS):
        card = _add(devices, "interface", type="bridge")
        _add(card, "mac", address=mac_address(spec.name, number))
        _add(card, "source", bridge=network.bridge)
        _add(card, "target", dev=port_of(spec.name, number))
        _add(card, "model", type="virtio")
    serial = _add(devices, "serial", type="unix")
    _add(serial, "source", mode="bind", path=str(files.console_socket))
    _add(serial, "log", file=str(files.console_log), append="on")
    _add(serial, "target", type="isa-serial", port="0")
    _add(_add(devices, "video"), "model", type="vga")
    _add(_add(devices, "rng", model="virtio"), "backend", "/dev/urandom", model="random")
    # What libvirt would add by itself, and what costs the guest time to probe.
    _add(devices, "controller", type="usb", model="none")
    _add(devices, "memballoon", model="none")
    _add(devices, "audio", id="1", type="none")


def domain_xml(spec: MachineSpec, files: MachineFiles, accelerator: Accelerator) -> str:
    """The machine as libvirt wants to have it described."""
    domain = ET.Element("domain", type="kvm" if accelerator == "kvm" else "qemu")
    _add(domain, "name", spec.name)
    _add(domain, "memory", str(spec.memory_mib), unit="MiB")
    _add_system(domain, spec, files, accelerator)
    _add_devices(domain, spec, files)
    _add(domain, "on_reboot", "restart")
    _add(domain, "on_poweroff", "destroy")
    _add(domain, "on_crash", "destroy")
    return ET.tostring(domain, encoding="unicode")
