"""The stream-optimized VMDK, as far as it must be walked to find its end.

VMware, "Virtual Disk Format 5.0", "Hosted Sparse Extent" and "Stream-Optimized Compressed Sparse Extents".
"""

import struct
from pathlib import Path

from harness.errors import LabError

_SECTOR = 512
_HEADER = struct.Struct("<4sIIQQQQIQQQ")
"""Magic, version, flags, capacity, grain, descriptor and its size, entries, two directories, overhead."""

_MARKER = struct.Struct("<QII")
"""Value, size, kind. With a size: a grain's sector and as many bytes of its data, which begin at the kind."""

_GRAIN_HEAD = 12
_END_OF_STREAM = 0


def stream_end(disk: Path) -> int:
    """How many bytes of the file belong to the disk: up to and with the end-of-stream marker."""
    size = disk.stat().st_size
    with disk.open("rb") as file:
        header = file.read(_HEADER.size)
        if len(header) < _HEADER.size or not header.startswith(b"KDMV"):
            raise LabError(f"{disk.name} is no sparse VMDK", "build it again")
        position = int(_HEADER.unpack(header)[-1]) * _SECTOR
        while position + _SECTOR <= size:
            file.seek(position)
            value, length, kind = _MARKER.unpack(file.read(_MARKER.size))
            if length:
                position += -(-(_GRAIN_HEAD + length) // _SECTOR) * _SECTOR
            elif kind == _END_OF_STREAM:
                return position + _SECTOR
            else:
                position += _SECTOR + value * _SECTOR
    raise LabError(f"{disk.name} ends before its end-of-stream marker", "copy or build it again")


def check_end(disk: Path) -> None:
    """Raise LabError when anything follows the end of the stream: vCenter then finds the checksum wrong."""
    behind = disk.stat().st_size - stream_end(disk)
    if behind:
        raise LabError(f"{disk.name} has {behind} bytes behind its end-of-stream marker", "cut them off")
