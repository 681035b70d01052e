"""`make reproducible`: builds the release twice and compares every byte.

The second build is another tree in another folder, later, in another time zone, language and umask, without
caches, from exactly the package versions of the first. A difference is traced to its partition and its files.
"""

import argparse
import filecmp
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from image import rootfs
from image.errors import BuildError
from image.programs import run
from image.release import check_formats

_NAMES_SHOWN = 20
_CHUNK = 2**20


def build(tree: Path, out: Path, formats: str, *options: str, **environment: str) -> None:
    """Build a release without caches but those of downloaded packages. Raises `BuildError`."""
    command = [sys.executable, "-m", "image.build", "--force", f"--out={out}", f"--formats={formats}"]
    umask = int(environment.pop("UMASK", "022"), 8)
    variables = {**os.environ, **environment}
    result = subprocess.run([*command, *options], cwd=tree, env=variables, umask=umask, check=False)
    if result.returncode:
        raise BuildError(f"the build in {out} failed", hint="see above")


def first_difference(one: Path, other: Path) -> int | None:
    """Return the offset of the first byte that differs, None when there is none."""
    offset = 0
    with one.open("rb") as left, other.open("rb") as right:
        while True:
            ours, theirs = left.read(_CHUNK), right.read(_CHUNK)
            if ours != theirs:
                pairs = enumerate(zip(ours, theirs, strict=False))
                return offset + next((i for i, (a, b) in pairs if a != b), min(len(ours), len(theirs)))
            if not ours:
                return None
            offset += len(ours)


def partition_at(disk: Path, offset: int) -> str:
    """Return the name of the partition that holds byte `offset` of a disk."""
    table = json.loads(run(["sfdisk", "--json", str(disk)]))["partitiontable"]
    sector = offset // int(table["sectorsize"])
    for partition in table["partitions"]:
        if partition["start"] <= sector < partition["start"] + partition["size"]:
            return f"partition {partition.get('name', '?')}"
    return "outside the partitions"


def different_files(one: Path, other: Path) -> Iterator[str]:
    """Yield what differs between two trees: files by contents, all by modes and by being there."""
    comparison = filecmp.dircmp(one, other, ignore=[])
    yield from (f"{name} is only in one of them" for name in comparison.left_only + comparison.right_only)
    links = {name for name in comparison.common if (one / name).is_symlink() and (other / name).is_symlink()}
    files = [name for name in comparison.common_files if name not in links]
    _, mismatched, odd = filecmp.cmpfiles(one, other, files, shallow=False)
    redirected = [name for name in links if (one / name).readlink() != (other / name).readlink()]
    yield from (f"{name} differs" for name in mismatched + odd + redirected)
    for name in comparison.common:
        modes = [f"{(tree / name).lstat().st_mode:o}" for tree in (one, other)]
        if modes[0] != modes[1]:
            yield f"{name} has mode {modes[0]} here and {modes[1]} there"
    for name in set(comparison.common_dirs) - links:
        yield from (f"{name}/{rest}" for rest in different_files(one / name, other / name))


def hints(first: Path, second: Path, folder: Path) -> Iterator[str]:
    """Yield where two disks differ, and in which files of the root slot."""
    offset = first_difference(first, second)
    if offset is None:
        return
    yield f"the disks differ from byte {offset} on, {partition_at(first, offset)}"
    for disk, name in ((first, "root-1"), (second, "root-2")):
        rootfs.unpack(disk, folder / name)
    names = list(different_files(folder / "root-1", folder / "root-2"))
    yield from names[:_NAMES_SHOWN]
    if not names:
        yield "the files of the root slot are the same: it is the file system around them"


def compare(first: Path, second: Path) -> list[str]:
    """Return what differs between the releases below two build folders."""
    names = sorted({path.name for each in (first, second) for path in (each / "release").iterdir()})
    different = []
    for name in names:
        one, other = first / "release" / name, second / "release" / name
        if not (one.exists() and other.exists()):
            different.append(f"{name} is only in one of them")
        elif (offset := first_difference(one, other)) is not None:
            different.append(f"{name} differs from byte {offset} on")
        else:
            print(f"same  {name}")
    return different


def main() -> None:
    """Build twice, compare, end with status 1 when anything differs."""
    parser = argparse.ArgumentParser(prog="python3 -m image.reproducible", description=__doc__)
    parser.add_argument("--formats", default="", metavar="NAMES", help="as for `make image` (all)")
    options = parser.parse_args()
    tree = Path(__file__).resolve().parent.parent
    place = tree / "build" / "reproducible"
    shutil.rmtree(place, ignore_errors=True)
    first, copy = place / "first", place / "elsewhere" / "tree"
    try:
        check_formats(options.formats.replace(",", " ").split())
        build(tree, first, options.formats)
        shutil.copytree(tree, copy, symlinks=True, ignore=shutil.ignore_patterns("build", ".*_cache"))
        downloads = tree / "build" / "mkosi.pkgcache"
        shutil.copytree(downloads, copy / "build" / "mkosi.pkgcache", symlinks=True, copy_function=os.link)
        second = copy / "build"
        listed = next((first / "release").glob("*.packages"))
        elsewhere = {"TZ": "Pacific/Chatham", "LC_ALL": "C", "UMASK": "027"}
        build(copy, second, options.formats, f"--packages={listed}", **elsewhere)
        different = compare(first, second)
        if different:
            different += hints(first / "lbva.raw", second / "lbva.raw", place)
            sys.exit("image: the two builds differ\n  " + "\n  ".join(different))
    except BuildError as error:
        sys.exit(f"image: {error}")
    print("both builds are the same, byte for byte")
    shutil.rmtree(place)


if __name__ == "__main__":
    main()
