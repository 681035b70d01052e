"""Where the artifacts lie, and how the lab takes a disk from them."""

import subprocess
from pathlib import Path

from harness.errors import LabError
from harness.state import REPOSITORY

RELEASE = REPOSITORY / "build" / "release"
RAW = REPOSITORY / "build" / "lbva.raw"
"""The disk that all artifacts are made of."""

BUILD = "`make image` builds it"


def artifact(suffix: str, release: Path = RELEASE) -> Path:
    """The one artifact whose name ends in `suffix`, such as `kvm.zip`."""
    found = sorted(release.glob(f"lbva-*-{suffix}"))
    if not found:
        raise LabError(f"there is no lbva-VERSION-{suffix} in {release}", BUILD)
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        raise LabError(f"{release} holds several versions: {names}", "remove the folder; " + BUILD)
    return found[0]


def imported(disk: Path, kind: str, folder: Path) -> Path:
    """Write `disk`, of QEMU's format `kind`, as a qcow2 in `folder` and return it.

    Importing rewrites a stream-optimized VMDK on its hypervisor, too. libvirt knows no VHDX: below a layer it
    would take one for raw, and QEMU a fixed VHD, which has its mark at its end.
    """
    target = folder / f"{disk.name}.qcow2"
    command = ["qemu-img", "convert", "-f", kind, "-O", "qcow2", str(disk), str(target)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        raise LabError(f"QEMU can't read {disk.name} as {kind}: {result.stderr.strip()}", BUILD)
    return target
