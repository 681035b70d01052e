"""From an artifact to the machine that its hypervisor makes of it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from harness.artifacts import ova, xva
from harness.artifacts.archives import extract_tar, extract_zip
from harness.artifacts.release import imported
from harness.errors import LabError
from harness.hardware import Hardware
from harness.lab import Lab
from harness.libvirt_machine import LibvirtMachine

GCP_DISK = "disk.raw"


@dataclass(frozen=True)
class Unpacked:
    """A machine to be: a disk that can be the base of a layer, and what it hangs on.

    With a `description`, a libvirt domain, that says the rest.
    """

    disk: Path
    hardware: Hardware
    cpus: int = 1
    memory_mib: int = 2048
    description: str | None = None

    def add_to(self, lab: Lab, name: str) -> LibvirtMachine:
        """Define the machine in a lab; it is off."""
        return lab.add_machine(
            name,
            self.disk,
            hardware=self.hardware,
            cpus=self.cpus,
            memory_mib=self.memory_mib,
            description=self.description,
        )


def unpack(artifact: Path, folder: Path, hardware: Hardware) -> Unpacked:
    """Unpack an artifact into an empty folder, for the hypervisor that offers `hardware`."""
    for suffix, unpacker in _UNPACKERS.items():
        if artifact.name.endswith(f"-{suffix}"):
            return unpacker(artifact, folder, hardware)
    raise LabError(
        f"{artifact.name} is no artifact that can be booted", f"they end in {', '.join(_UNPACKERS)}"
    )


def disk_of(names: list[str], archive: Path, suffix: str) -> str:
    """The one name in an archive that ends in `suffix`."""
    found = [name for name in names if name.endswith(suffix)]
    if len(found) != 1:
        raise LabError(f"{archive.name} holds {len(found)} files *{suffix}, not one", "build it again")
    return found[0]


def _ova(artifact: Path, folder: Path, hardware: Hardware) -> Unpacked:
    unpacked = ova.unpack(artifact, folder)
    machine = unpacked.machine
    disk = imported(unpacked.disk, "vmdk", folder)
    return Unpacked(disk, machine.on(hardware), machine.cpus, machine.memory_mib)


def _hyperv(artifact: Path, folder: Path, hardware: Hardware) -> Unpacked:
    disk = folder / disk_of(extract_zip(artifact, folder), artifact, ".vhdx")
    return Unpacked(imported(disk, "vhdx", folder), hardware)


def _kvm(artifact: Path, folder: Path, hardware: Hardware) -> Unpacked:
    names = extract_zip(artifact, folder)
    disk, description = (folder / disk_of(names, artifact, suffix) for suffix in (".qcow2", ".xml"))
    return Unpacked(disk, hardware, description=description.read_text(encoding="utf-8"))


def _xen(artifact: Path, folder: Path, hardware: Hardware) -> Unpacked:
    return Unpacked(xva.unpack(artifact, folder / "xen.raw"), hardware)


def _azure(artifact: Path, folder: Path, hardware: Hardware) -> Unpacked:
    return Unpacked(imported(artifact, "vpc", folder), hardware)


def _gcp(artifact: Path, folder: Path, hardware: Hardware) -> Unpacked:
    names = extract_tar(artifact, folder)
    if names != [GCP_DISK]:
        raise LabError(
            f"{artifact.name} holds {', '.join(names)}; Google wants {GCP_DISK} alone", "build it again"
        )
    return Unpacked(folder / GCP_DISK, hardware)


_UNPACKERS: dict[str, Callable[[Path, Path, Hardware], Unpacked]] = {
    "vmware.ova": _ova,
    "virtualbox.ova": _ova,
    "hyperv.zip": _hyperv,
    "kvm.zip": _kvm,
    "xen.xva": _xen,
    "azure.vhd": _azure,
    "gcp.tar.gz": _gcp,
}
