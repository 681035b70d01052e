"""The raw disk as the packaging reads it: the blocks that hold something, and what follows from them."""

import hashlib
import os
import uuid
from collections.abc import Iterator
from pathlib import Path

BLOCK = 2**20


def blocks(disk: Path, size: int = BLOCK) -> Iterator[tuple[int, bytes]]:
    """Yield the number and the contents of each block of `size` bytes that is not all zeros, in order.

    Holes are passed over, not read. Whether zeros are a hole or written makes no difference to what comes.
    """
    zeros = bytes(size)
    with disk.open("rb", buffering=0) as file:
        end = file.seek(0, os.SEEK_END)
        position = 0
        while (position := _next_data(file.fileno(), position)) < end:
            number = position // size
            file.seek(number * size)
            block = file.read(min(size, end - number * size))
            if block != zeros[: len(block)]:
                yield number, block
            position = (number + 1) * size


def _next_data(descriptor: int, position: int) -> int:
    try:
        return os.lseek(descriptor, position, os.SEEK_DATA)
    except OSError:  # ENXIO: nothing but a hole up to the end
        return os.lseek(descriptor, 0, os.SEEK_END)


def digest(disk: Path) -> bytes:
    """Return a SHA-256 over the disk's size and its blocks that are not zeros, with their places."""
    total = hashlib.sha256(str(disk.stat().st_size).encode())
    for number, block in blocks(disk):
        total.update(f"\n{number}\n".encode() + block)
    return total.digest()


def identity(disk_digest: bytes, purpose: str) -> uuid.UUID:
    """Return the UUID that a format needs for `purpose`: the same for the same disk, another for another."""
    seed = hashlib.sha256(disk_digest + purpose.encode()).digest()
    return uuid.UUID(bytes=seed[:16], version=4)
