"""Zip archives for Hyper-V and KVM: the disk, and what makes a machine of it."""

import tempfile
from collections.abc import Mapping
from pathlib import Path

from image import pages
from image.formats import convert
from image.formats.archive import Copy, Text, write_zip
from image.formats.product import Product


def make_hyperv(product: Product, target: Path) -> None:
    """Write the archive for Hyper-V: VHDX, and the script that makes a machine of either generation."""
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        disk = Path(folder) / f"lbva-{product.version}.vhdx"
        convert.vhdx(product.raw, disk, product.digest)
        _write(product, target, disk, pages.hyperv_companions(product.version))


def make_kvm(product: Product, target: Path) -> None:
    """Write the archive for KVM: qcow2, and the libvirt domain."""
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        disk = Path(folder) / f"lbva-{product.version}.qcow2"
        convert.qcow2(product.raw, disk)
        _write(product, target, disk, pages.kvm_companions(product.version), packed=True)


def _write(
    product: Product, target: Path, disk: Path, companions: Mapping[str, str], *, packed: bool = False
) -> None:
    """Write an archive of one folder, which is called as the archive is."""
    texts = [Text(f"{target.stem}/{name}", text) for name, text in companions.items()]
    write_zip(target, [*texts, Copy(f"{target.stem}/{disk.name}", disk, packed)], product.epoch)
