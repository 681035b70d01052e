"""What the parts of the image weigh, so that growth is seen where it happens."""

import os
import re
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

INFO = Path("var/lib/dpkg/info")
_LEVEL = 6

# The first that fits: a pattern for the names of packages.
COMPONENTS = (
    ("kernel", r"linux-.*"),
    ("guest agents", r"open-vm-tools|qemu-guest-agent|hyperv-daemons"),
    ("load balancer", r"haproxy|keepalived|ipvsadm|conntrackd"),
    ("Python", r"python3?[-.].*|python3|libpython.*"),
    ("firmware and boot", r"grub.*|shim.*|firmware-.*"),
    ("web page's parts", r"libjs-.*|node-.*"),
    ("base", r".*"),
)
_UNPACKAGED = (
    ("kernel", "usr/lib/boot/"),
    ("LBVA", "usr/lib/python3/dist-packages/lbadmin/"),
    ("LBVA", "usr/lib/lbva/"),
    ("LBVA", "usr/lib/lbadmin/"),
)


@dataclass(frozen=True)
class Component:
    """A part of the image: its files' size in bytes, and what is left of them when each is compressed."""

    name: str
    installed: int
    compressed: int


def components(tree: Path) -> list[Component]:
    """Return the parts of the image whose root is unpacked in `tree`, the largest first."""
    owners = dict(_owners(tree))
    installed: Counter[str] = Counter()
    compressed: Counter[str] = Counter()
    for path in _files(tree):
        name = str(path.relative_to(tree))
        part = owners.get(name) or _unpackaged(name)
        data = path.read_bytes()
        installed[part] += len(data)
        compressed[part] += len(zlib.compress(data, _LEVEL))
    return [Component(part, installed[part], compressed[part]) for part, _ in compressed.most_common()]


def _unpackaged(name: str) -> str:
    return next((part for part, start in _UNPACKAGED if name.startswith(start)), "base")


def _owners(tree: Path) -> Iterator[tuple[str, str]]:
    """Yield each packaged file's name and the component that its package belongs to."""
    for listing in (tree / INFO).glob("*.list"):
        package = listing.stem.partition(":")[0]
        part = next(part for part, pattern in COMPONENTS if re.fullmatch(pattern, package))
        for line in listing.read_text(encoding="utf-8", errors="replace").splitlines():
            # Debian's /lib is /usr/lib (Policy, section 10.1), whatever the package says.
            yield re.sub(r"^(lib|bin|sbin)", r"usr/\1", line.lstrip("/")), part


def _files(tree: Path) -> Iterator[Path]:
    for folder, _, names in os.walk(tree):
        for name in names:
            path = Path(folder, name)
            if path.is_file() and not path.is_symlink():
                yield path
