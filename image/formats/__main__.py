"""Makes artifacts of one disk: `python3 -m image.formats --raw DISK --out DIR … FORMAT …`.

One process each for what can be made side by side; `image/release.py` starts them. Each artifact is told in a
line of JSON as soon as it is whole: format, name, size in bytes, SHA-256.
"""

import argparse
import hashlib
import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from image.disk import digest
from image.errors import BuildError
from image.formats import clouds, convert, ova, xva, zips
from image.formats.product import Product
from image.programs import DISK_HINT

SUFFIXES = {
    "vmware": "vmware.ova",
    "virtualbox": "virtualbox.ova",
    "hyperv": "hyperv.zip",
    "kvm": "kvm.zip",
    "xen": "xen.xva",
    "azure": "azure.vhd",
    "gcp": "gcp.tar.gz",
}


def make(product: Product, wanted: Sequence[str], out: Path) -> Iterator[tuple[str, Path]]:
    """Make the formats `wanted`, one after the other, in the folder `out`; yield each with its file."""
    disk_digest = digest(product.raw)
    with tempfile.TemporaryDirectory(dir=out, prefix=".") as folder:
        vmdk = Path(folder) / product.name("disk1.vmdk")
        if {"vmware", "virtualbox"} & set(wanted):
            convert.vmdk(product.raw, vmdk, disk_digest)
        makers: dict[str, Callable[[Path], None]] = {
            "vmware": lambda target: ova.make_vmware(product, vmdk, target),
            "virtualbox": lambda target: ova.make_virtualbox(product, vmdk, target),
            "hyperv": lambda target: zips.make_hyperv(product, target, disk_digest),
            "kvm": lambda target: zips.make_kvm(product, target),
            "xen": lambda target: xva.make(product, target, disk_digest),
            "azure": lambda target: clouds.make_azure(product, target, disk_digest),
            "gcp": lambda target: clouds.make_gcp(product, target),
        }
        for name in wanted:
            target = out / product.name(SUFFIXES[name])
            makers[name](target)
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
    try:
        product = Product(options.raw, options.version, options.epoch)
        for name, path in make(product, options.formats, options.out):
            with path.open("rb") as file:
                checksum = hashlib.file_digest(file, "sha256").hexdigest()
            told = {"format": name, "name": path.name, "bytes": path.stat().st_size, "sha256": checksum}
            print(json.dumps(told), flush=True)
    except BuildError as error:
        sys.exit(str(error))
    except OSError as error:
        sys.exit(str(BuildError(str(error), hint=DISK_HINT)))


if __name__ == "__main__":
    main()
