"""Makes an ext4 file system inside a disk the same for the same files, whenever it was made.

mke2fs takes its own clock from the environment (`environment`), but gives files the times of change and of
access that they had in the folder they came from. Nothing in the appliance reads those.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from image.errors import BuildError
from image.programs import run_e2fsprogs
from image.rootfs import partition_offset

HASH_SEED = "c1b1f9a5-6d0e-4b7e-9d7a-2a4c1c0f8e35"
"""Of the directories' hashes: random else, and systemd-repart sets it from version 255 on only."""


def environment(epoch: int) -> dict[str, str]:
    """Return systemd-repart's variables for making the same file systems again (mke2fs(8), mkfs.fat(8))."""
    return {
        "E2FSPROGS_FAKE_TIME": str(epoch),
        # The first two are systemd-repart's own, which a second -E replaces.
        "SYSTEMD_REPART_MKFS_OPTIONS_EXT4": f"-E nodiscard,lazy_itable_init=1,hash_seed={HASH_SEED}",
        "SYSTEMD_REPART_MKFS_OPTIONS_VFAT": "--invariant",
    }


def pin_times(disk: Path, label: str, epoch: int, fields: Sequence[str] = ("atime", "ctime")) -> None:
    """Set those times of all inodes of the partition `label` to `epoch`, in seconds since 1970.

    Raises `BuildError` when debugfs fails.
    """
    place = f"{disk}?offset={partition_offset(disk, label)}"
    clock = {"E2FSPROGS_FAKE_TIME": str(epoch)}
    listing = run_e2fsprogs(["dumpe2fs", place], **clock)
    commands = "".join(
        f"set_inode_field <{inode}> {field} @{epoch}\n" for inode in used_inodes(listing) for field in fields
    )
    run_e2fsprogs(["debugfs", "-w", "-f", "-", place], data=commands, **clock)


def used_inodes(listing: str) -> Iterator[int]:
    """Yield the numbers of the inodes in use, by what dumpe2fs prints of a file system."""
    found = re.search(r"^Inode count:\s+(\d+)$", listing, re.MULTILINE)
    if not found:
        raise BuildError("dumpe2fs does not tell the number of inodes", hint="update e2fsprogs")
    free: set[int] = set()
    for line in re.findall(r"^\s+Free inodes: (.+)$", listing, re.MULTILINE):
        for span in line.split(", "):
            first, _, last = span.partition("-")
            free.update(range(int(first), int(last or first) + 1))
    yield from (inode for inode in range(1, int(found[1]) + 1) if inode not in free)
