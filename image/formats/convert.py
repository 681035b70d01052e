"""The disk in each hypervisor's own format: qemu-img converts, and what it leaves to chance is set here.

The formats carry random identities and the time of their making: a VMDK's content id, the GUIDs of a VHDX,
UUID and time of a VHD. They are derived from the disk's contents, so that the same disk gives the same bytes.
"""

import re
import struct
import uuid
from pathlib import Path
from typing import IO

from image.disk import identity
from image.errors import BuildError
from image.programs import run

SECTOR = 512
_VMDK_HEADER = struct.Struct("<4sIIQQQQIQQQ")
"""SparseExtentHeader up to the overhead ("Virtual Disk Format 5.0", section 4.1); places are in sectors."""

_VMDK_MARKER = struct.Struct("<QI")
"""What precedes a compressed grain: its place on the disk, its size in bytes (section 4.2)."""

_VHD_FOOTER = struct.Struct(">8s4s4sQ4s4s4s4sQQ4s4sI16s")
"""Virtual Hard Disk Image Format Specification, "Hard Disk Footer Format", up to the saved state."""

_VHDX_HEADERS = (64 * 1024, 128 * 1024)
_VHDX_HEADER_BYTES = 4096
_VHDX_REGION_TABLE = 192 * 1024
_VHDX_METADATA_REGION = uuid.UUID("8b7ca206-4790-4b9a-b8fe-575f050f886e")
_VHDX_PAGE_83 = uuid.UUID("beca12ab-b2e6-4523-93ef-c309e000c746")
"""[MS-VHDX] 2.2 "Header section", 2.2.3 "Region Table", 2.6.2.3 "Virtual Disk ID"."""


def convert(raw: Path, target: Path, kind: str, *options: str, compressed: bool = False) -> None:
    """Run qemu-img. Raises `BuildError` with its words."""
    chosen = [word for option in options for word in ("-o", option)]
    command = ["qemu-img", "convert", "-f", "raw", "-O", kind, *(["-c"] if compressed else []), *chosen]
    run([*command, str(raw), str(target)])


def qcow2(raw: Path, target: Path) -> None:
    """Write a compressed qcow2. It carries nothing that is left to chance."""
    convert(raw, target, "qcow2", "compression_type=zstd", compressed=True)


def vmdk(raw: Path, target: Path, digest: bytes) -> None:
    """Write a streamOptimized VMDK that ends where its stream ends.

    qemu-img leaves zeros behind the end-of-stream marker, for which vCenter refuses an OVA's checksum.
    """
    convert(raw, target, "vmdk", "subformat=streamOptimized", "adapter_type=lsilogic", "hwversion=13")
    # All ones would say that there is none (section 1.2).
    content_id = identity(digest, "vmdk").time_low & 0x7FFFFFFF
    with target.open("r+b") as file:
        header = _VMDK_HEADER.unpack(file.read(_VMDK_HEADER.size))
        place, size, directory = header[5] * SECTOR, header[6] * SECTOR, header[9] * SECTOR
        file.seek(place)
        descriptor = re.sub(rb"\bCID=[0-9a-f]+", b"CID=%08x" % content_id, file.read(size).rstrip(b"\0"))
        file.seek(place)
        file.write(descriptor.ljust(size, b"\0"))
        tables = -(-header[3] // (header[4] * header[7]))
        # The end-of-stream marker is a sector of zeros.
        file.truncate(_end_of_grains(file, directory, tables, header[7]) + SECTOR)


def _end_of_grains(file: IO[bytes], directory: int, tables: int, entries: int) -> int:
    """Return where the last grain's last sector ends, in bytes."""
    file.seek(directory)
    last = 0
    for table in struct.unpack(f"<{tables}I", file.read(4 * tables)):
        file.seek(table * SECTOR)
        last = max(last, *struct.unpack(f"<{entries}I", file.read(4 * entries)))
    file.seek(last * SECTOR)
    _, size = _VMDK_MARKER.unpack(file.read(_VMDK_MARKER.size))
    end = last * SECTOR + _VMDK_MARKER.size + int(size)
    return -(-end // SECTOR) * SECTOR


def vhd(raw: Path, target: Path, digest: bytes) -> None:
    """Write a fixed VHD of exactly the disk's size: the raw disk and a footer."""
    convert(raw, target, "vpc", "subformat=fixed", "force_size=on")
    with target.open("r+b") as file:
        start = file.seek(-SECTOR, 2)
        fields = list(_VHD_FOOTER.unpack(file.read(_VHD_FOOTER.size)))
        fields[4] = bytes(4)  # seconds since 2000
        fields[12] = 0
        fields[13] = identity(digest, "vhd").bytes
        # One's complement of the sum of the footer's bytes, with none in the checksum's place.
        fields[12] = ~sum(_VHD_FOOTER.pack(*fields)) & 0xFFFFFFFF
        file.seek(start)
        file.write(_VHD_FOOTER.pack(*fields))


def vhdx(raw: Path, target: Path, digest: bytes) -> None:
    """Write a dynamic VHDX with blocks of 1 MiB, which Microsoft recommends for ext4."""
    convert(raw, target, "vhdx", "subformat=dynamic", "block_size=1M")
    with target.open("r+b") as file:
        header = max((_vhdx_header(file, place) for place in _VHDX_HEADERS), key=_sequence_number)
        log_guid, (log_bytes, log_place) = header[48:64], struct.unpack_from("<IQ", header, 68)
        if log_guid != bytes(16):
            raise BuildError("qemu-img left a VHDX with a log to replay", hint="update qemu-utils")
        # What is left in it has a random GUID, too.
        file.seek(log_place)
        file.write(bytes(log_bytes))
        for number, place in enumerate(_VHDX_HEADERS, 1):
            header[4:8] = bytes(4)
            header[8:16] = number.to_bytes(8, "little")
            header[16:32] = identity(digest, "vhdx file").bytes_le
            header[32:48] = identity(digest, "vhdx data").bytes_le
            header[4:8] = crc32c(header).to_bytes(4, "little")
            file.seek(place)
            file.write(header)
        file.seek(_VHDX_REGION_TABLE)
        metadata = _entry(file.read(64 * 1024), 16, 32, _VHDX_METADATA_REGION, "<Q")
        file.seek(metadata)
        item = _entry(file.read(64 * 1024), 32, 32, _VHDX_PAGE_83, "<I")
        file.seek(metadata + item)
        file.write(identity(digest, "vhdx disk").bytes_le)


def _vhdx_header(file: IO[bytes], place: int) -> bytearray:
    file.seek(place)
    header = bytearray(file.read(_VHDX_HEADER_BYTES))
    if header[:4] != b"head":
        raise BuildError(f"qemu-img wrote a VHDX without a header at {place}", hint="update qemu-utils")
    return header


def _sequence_number(header: bytearray) -> int:
    """Return which writing of the header this is: the later one of the two holds."""
    return int.from_bytes(header[8:16], "little")


def _entry(table: bytes, start: int, step: int, wanted: uuid.UUID, offset: str) -> int:
    """Return the offset that stands behind the GUID `wanted` in a table of the VHDX."""
    for place in range(start, len(table) - step, step):
        if table[place : place + 16] == wanted.bytes_le:
            return int(struct.unpack_from(offset, table, place + 16)[0])
    raise BuildError(f"qemu-img wrote a VHDX without {wanted}", hint="update qemu-utils")


def crc32c(data: bytes | bytearray) -> int:
    """Return the Castagnoli CRC of RFC 3720, which VHDX headers are checked with."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF
