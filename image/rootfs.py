"""Unpacks a built disk's root slot into a folder, without mounting anything."""

import json
import shutil
import sys
import tempfile
from pathlib import Path

from image.errors import BuildError
from image.programs import run, run_e2fsprogs


def partition_offset(disk: Path, label: str) -> int:
    """Return where the partition named `label` begins, in bytes. Raises `BuildError` when there is none."""
    table = json.loads(run(["sfdisk", "--json", str(disk)]))["partitiontable"]
    for partition in table["partitions"]:
        if partition.get("name") == label:
            return int(partition["start"]) * int(table["sectorsize"])
    raise BuildError(f"{disk} has no partition named {label}", hint="build it anew: make image")


def unpack(disk: Path, folder: Path, *, label: str = "root-a") -> None:
    """Replace `folder` by the tree of the ext4 partition `label` of `disk`. Raises `BuildError`."""
    source = f"{disk}?offset={partition_offset(disk, label)}"
    if folder.exists():
        shutil.rmtree(folder)
    with tempfile.TemporaryDirectory(dir=folder.parent) as partial:
        run_e2fsprogs(["debugfs", "-R", f"rdump / {partial}", source])
        Path(partial).chmod(0o755)
        Path(partial).rename(folder)
        Path(partial).mkdir()


if __name__ == "__main__":
    unpack(Path(sys.argv[1]), Path(sys.argv[2]))
