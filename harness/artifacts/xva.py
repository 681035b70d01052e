"""XenServer's archive of a machine: `ova.xml`, then the disk in numbered chunks, each with its SHA-1.

The format is described in xapi's sources ("The XenServer VM import/format"): chunks of zeros may be missing,
but neither the first nor the last.
"""

import hashlib
import re
import tarfile
import xmlrpc.client
from pathlib import Path
from typing import IO, Any
from xml.etree import ElementTree as ET
from xml.parsers.expat import ExpatError

from harness.artifacts.archives import reading
from harness.errors import LabError

_CHUNK_BYTES = 2**20
_DESCRIPTION = "ova.xml"
_MEMBER = re.compile(r"(?P<disk>Ref:\d+)/(?P<number>\d{8})(?P<checksum>\.checksum)?")


def unpack(xva: Path, target: Path) -> Path:
    """Write the disk of an XVA as a raw disk to `target` and return it."""
    with reading(xva), tarfile.open(xva, "r|*") as tar, target.open("xb") as raw:
        members = iter(tar)
        first = next(members, None)
        if first is None or first.name != _DESCRIPTION:
            raise LabError(f"{xva.name} does not begin with {_DESCRIPTION}", "build it again")
        reference, size = _disk_of(_content(tar, first), xva)
        numbers: list[int] = []
        for member in members:
            number = _number(member, reference, xva)
            if numbers and number <= numbers[-1]:
                raise LabError(f"{member.name} in {xva.name} comes too late", "build it again")
            chunk = _content(tar, member)
            _check_sum(tar, member, chunk, next(members, None))
            if number * _CHUNK_BYTES + len(chunk) > size or len(chunk) != _CHUNK_BYTES:
                raise LabError(
                    f"{member.name} of {len(chunk)} bytes does not fit a disk of {size}", "build it again"
                )
            _write(raw, number, chunk)
            numbers.append(number)
        if not numbers or numbers[0] != 0 or numbers[-1] != size // _CHUNK_BYTES - 1:
            raise LabError(f"{xva.name} lacks the disk's first or last chunk", "build it again")
        raw.truncate(size)
    return target


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    content = tar.extractfile(member)
    data = content.read() if content else b""
    if len(data) != member.size:
        raise EOFError(f"{member.name} ends too early")
    return data


def _disk_of(description: bytes, xva: Path) -> tuple[str, int]:
    """The reference and the size of the one disk that the description tells of."""
    try:
        value = ET.tostring(ET.fromstring(description), encoding="unicode")  # noqa: S314 - this build's own
        values: Any = xmlrpc.client.loads(f"<params><param>{value}</param></params>")
        ((machine,), _method) = values
        (disk,) = [each for each in machine["objects"] if each["class"] == "VDI"]
        return str(disk["id"]), int(disk["snapshot"]["virtual_size"])
    except (ET.ParseError, ExpatError, xmlrpc.client.Error, LookupError, TypeError, ValueError) as error:
        raise LabError(f"the {_DESCRIPTION} of {xva.name} tells of no single disk: {error}") from error


def _number(member: tarfile.TarInfo, reference: str, xva: Path) -> int:
    found = _MEMBER.fullmatch(member.name)
    if not found or found["checksum"] or not member.isfile() or found["disk"] != reference:
        raise LabError(f"{member.name} in {xva.name} is no chunk of {reference}", "build it again")
    return int(found["number"])


def _check_sum(
    tar: tarfile.TarFile, chunk: tarfile.TarInfo, data: bytes, member: tarfile.TarInfo | None
) -> None:
    if member is None or member.name != f"{chunk.name}.checksum":
        raise LabError(f"no checksum follows {chunk.name}", "copy or build the archive again")
    told = _content(tar, member).decode(errors="replace").strip()
    real = hashlib.sha1(data, usedforsecurity=False).hexdigest()
    if told != real:
        raise LabError(f"{chunk.name} has the checksum {real}, the archive says {told}", "copy it again")


def _write(raw: IO[bytes], number: int, chunk: bytes) -> None:
    if chunk.count(0) != len(chunk):
        raw.seek(number * _CHUNK_BYTES)
        raw.write(chunk)
