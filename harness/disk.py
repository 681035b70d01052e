"""A machine's disk: a layer over an image that itself is never written."""

import json
import subprocess
from pathlib import Path


def image_format(image: Path) -> str:
    """The format of a disk image as qemu-img names it: raw, qcow2, vmdk …"""
    output = subprocess.run(
        ["qemu-img", "info", "--output=json", str(image)], check=True, capture_output=True, text=True
    ).stdout
    return str(json.loads(output)["format"])


def make_overlay(image: Path, overlay: Path) -> None:
    """Make `overlay`, a qcow2 file as big as `image`, which it reads where nothing was written yet.

    The image gets a second name beside the overlay: a build that puts a new image in its place does
    not pull the old one from under a machine and its snapshots.
    """
    base = overlay.with_name("base")
    try:
        base.hardlink_to(image)
    except OSError:  # another file system
        copy_sparse(image, base)
    subprocess.run(
        [
            "qemu-img",
            "create",
            "-q",
            "-f",
            "qcow2",
            "-b",
            str(base),
            "-F",
            image_format(image),
            str(overlay),
        ],
        check=True,
    )


def copy_sparse(source: Path, target: Path) -> None:
    """Copy a file, holes as holes; without copying at all where the file system can share blocks."""
    subprocess.run(["cp", "--reflink=auto", "--sparse=always", str(source), str(target)], check=True)
