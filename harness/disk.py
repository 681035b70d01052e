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


def link_base(image: Path, overlay: Path) -> None:
    """Give the image a second name, `base`, beside the overlay over it.

    A build that puts a new image in its place does not pull the old one from under a machine's disk.
    """
    link_or_copy(image, overlay.with_name("base"))


def make_overlay(image: Path, overlay: Path) -> None:
    """Make `overlay`, a qcow2 file as big as `image`, which it reads where nothing was written yet.

    It names its base without a folder, so a copy of it works beside a base of its own.
    """
    link_base(image, overlay)
    argv = ["qemu-img", "create", "-q", "-f", "qcow2", "-b", "base", "-F", image_format(image), str(overlay)]
    subprocess.run(argv, check=True)


def link_or_copy(source: Path, target: Path) -> None:
    """Give a file that never changes a second name, on another file system a copy."""
    try:
        target.hardlink_to(source)
    except OSError:  # another file system
        copy_sparse(source, target)


def link_tree(source: Path, target: Path) -> None:
    """Give all files below a folder, none of which ever changes, second names below another."""
    target.mkdir(parents=True)
    for path in sorted(source.rglob("*")):
        if path.is_dir():
            (target / path.relative_to(source)).mkdir()
        else:
            link_or_copy(path, target / path.relative_to(source))


def copy_sparse(source: Path, target: Path) -> None:
    """Copy a file, holes as holes; without copying at all where the file system can share blocks.

    A target that is there is replaced, not written to: it may be the second name of a file that stays.
    """
    subprocess.run(
        ["cp", "--reflink=auto", "--sparse=always", "--remove-destination", str(source), str(target)],
        check=True,
    )
