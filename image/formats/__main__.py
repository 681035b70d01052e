"""Makes artifacts of one disk: `python3 -m image.formats --raw DISK --out DIR … FORMAT …`.

One process each for what can be made side by side; `image/release.py` starts them. Each artifact is told in a
line of JSON as soon as it is whole: format, name, size in bytes, SHA-256.
"""

import argparse
import hashlib
import json
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from image.formats import clouds, convert, ova, xva, zips
from image.formats.product import Product
from image.programs import as_job

SUFFIXES = {
    "vmware": "vmware.ova",
    "virtualbox": "virtualbox.ova",
    "hyperv": "hyperv.zip",
    "kvm": "kvm.zip",
    "xen": "xen.xva",
    "azure": "azure.vhd",
    "gcp": "gcp.tar.gz",
}


OVAS = {"vmware": ova.VMWARE, "virtualbox": ova.VIRTUALBOX}
OTHERS = {
    "hyperv": zips.make_hyperv,
    "kvm": zips.make_kvm,
    "xen": xva.make,
    "azure": clouds.make_azure,
    "gcp": clouds.make_gcp,
}


def make(product: Product, wanted: Sequence[str], out: Path) -> Iterator[tuple[str, Path]]:
    """Make the formats `wanted`, one after the other, in the folder `out`; yield each with its file."""
    with tempfile.TemporaryDirectory(dir=out, prefix=".") as folder:
        vmdk = Path(folder) / product.name("disk1.vmdk")
        for name in wanted:
            target = out / product.name(SUFFIXES[name])
            if name in OTHERS:
                OTHERS[name](product, target)
            else:
                if not vmdk.exists():
                    convert.vmdk(product.raw, vmdk, product.digest)
                ova.make(product, OVAS[name], vmdk, target)
            yield name, target


def main() -> None:
    """Make artifacts, and tell of each."""
    parser = argparse.ArgumentParser(prog="python3 -m image.formats", description=__doc__)
    parser.add_argument("--raw", type=Path, required=True, metavar="DISK")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument("--version", required=True)
    parser.add_argument("--epoch", type=int, required=True, metavar="SECONDS")
    parser.add_argument("formats", nargs="+", choices=SUFFIXES, metavar="FORMAT", help=", ".join(SUFFIXES))
    options = parser.parse_args()
    with as_job():
        product = Product(options.raw, options.version, options.epoch)
        for name, path in make(product, options.formats, options.out):
            with path.open("rb") as file:
                checksum = hashlib.file_digest(file, "sha256").hexdigest()
            told = {"format": name, "name": path.name, "bytes": path.stat().st_size, "sha256": checksum}
            print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main()
