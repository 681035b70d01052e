"""Disks for clouds: a fixed VHD for Azure, a sparse tar archive for Google Cloud."""

import gzip
import os
import subprocess
import tempfile
from pathlib import Path
from shutil import copyfileobj

from image.errors import BuildError
from image.formats import convert
from image.formats.product import Product
from image.programs import DISK_HINT

_LEVEL = 6


def make_azure(product: Product, target: Path) -> None:
    """Write the VHD: fixed, and as long as the disk, which is a whole number of MiB as Azure wants it."""
    convert.vhd(product.raw, target, product.digest)


def make_gcp(product: Product, target: Path) -> None:
    """Write the archive: `disk.raw` alone, in GNU tar's old sparse format, compressed (Google's rules)."""
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        os.link(product.raw, Path(folder) / "disk.raw")
        command = [
            "tar",
            "--create",
            "--format=oldgnu",
            "--sparse",
            # Zeros are a hole, whether the file system keeps them as one or not.
            "--hole-detection=raw",
            f"--mtime=@{product.epoch}",
            "--owner=0",
            "--group=0",
            "--numeric-owner",
            "--mode=0644",
            f"--directory={folder}",
            "disk.raw",
        ]
        with (
            target.open("wb") as file,
            gzip.GzipFile("", "wb", _LEVEL, file, mtime=product.epoch) as packed,
            subprocess.Popen(command, stdout=subprocess.PIPE) as tar,
        ):
            assert tar.stdout is not None  # noqa: S101 - asked for above
            copyfileobj(tar.stdout, packed, 2**20)
        if tar.returncode:
            raise BuildError(f"tar ended with status {tar.returncode}", hint=DISK_HINT)
