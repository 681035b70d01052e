"""Open virtual appliances, taken as strictly as the strictest of their importers takes them."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

from harness.artifacts import ovf, vmdk
from harness.artifacts.archives import extract_tar
from harness.errors import LabError

_BUILD = "build it again"
_USTAR = slice(257, 265)
"""Where a tar archive says which kind it is (POSIX.1-1988): magic and version."""

# ESXi takes a manifest's lines exactly so.
_MANIFEST_LINE = re.compile(r"SHA256\(([^()/]+)\)= ([0-9a-f]{64})")


@dataclass(frozen=True)
class Ova:
    """An unpacked OVA: its machine, and where its disk lies."""

    machine: ovf.OvfMachine
    disk: Path


def unpack(ova: Path, folder: Path) -> Ova:
    """Unpack an OVA into `folder` and check it: kind and order of the archive, manifest, sizes, disk."""
    names = extract_tar(ova, folder)
    with ova.open("rb") as archive:
        if archive.read(512)[_USTAR] != b"ustar\x0000":
            raise LabError(f"{ova.name} is no plain ustar archive", _BUILD)
    if [Path(name).suffix for name in names] != [".ovf", ".mf", ".vmdk"]:
        raise LabError(f"{ova.name} holds {', '.join(names)}, not descriptor, manifest, disk", _BUILD)
    descriptor, manifest, disk = (folder / name for name in names)
    _check_manifest(manifest, [descriptor, disk])
    try:
        envelope = ET.parse(descriptor).getroot()  # noqa: S314 - this build's own
    except ET.ParseError as error:
        raise LabError(f"{descriptor.name} is no XML: {error}", _BUILD) from error
    sizes, real = ovf.files_of(envelope), {disk.name: disk.stat().st_size}
    if sizes != real:
        raise LabError(f"{descriptor.name} tells of the files and sizes {sizes}, there are {real}", _BUILD)
    vmdk.check_end(disk)
    return Ova(ovf.machine_of(envelope), disk)


def _check_manifest(manifest: Path, files: list[Path]) -> None:
    """Raise LabError unless the manifest lists `files`, in order, with their checksums."""
    lines = manifest.read_text(encoding="utf-8", errors="replace").splitlines()
    told = [_MANIFEST_LINE.fullmatch(line) for line in lines]
    if None in told:
        raise LabError(f"{manifest.name} has the line {lines[told.index(None)]!r}", "ESXi refuses it")
    sums = {match[1]: match[2] for match in told if match}
    if list(sums) != [file.name for file in files]:
        raise LabError(f"{manifest.name} lists {', '.join(sums) or 'nothing'}", _BUILD)
    for file in files:
        with file.open("rb") as content:
            real = hashlib.file_digest(content, "sha256").hexdigest()
        if real != sums[file.name]:
            raise LabError(
                f"{file.name} has the checksum {real}, its manifest says {sums[file.name]}", _BUILD
            )
