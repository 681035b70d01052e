"""Why two builds differ is told down to the file, and file systems come out the same at any time."""

import os
import subprocess
from pathlib import Path

import pytest

from image.errors import BuildError
from image.ext4 import environment, pin_times, used_inodes
from image.reproducible import compare, different_files, first_difference, hints
from image.sizes import components

SECTOR = 512
START = 2048
EPOCH = 1_700_000_000


def make_disk(disk: Path, tree: Path) -> Path:
    """A disk with a root slot that holds `tree`, made as systemd-repart makes it."""
    with disk.open("wb") as file:
        file.truncate(12 * 2**20)
    table = f"label: gpt\nlabel-id: 11111111-1111-1111-1111-111111111111\nstart={START}, size=20480, "
    table += "uuid=22222222-2222-2222-2222-222222222222, name=root-a\n"
    subprocess.run(["sfdisk", "--quiet", str(disk)], input=table, text=True, check=True)
    variables = environment(EPOCH)
    extended = f"{variables['SYSTEMD_REPART_MKFS_OPTIONS_EXT4'].removeprefix('-E ')},offset={START * SECTOR}"
    command = ["mke2fs", "-q", "-t", "ext4", "-U", "33333333-3333-3333-3333-333333333333", "-E", extended]
    subprocess.run(
        [*command, "-d", str(tree), str(disk), "10M"], env={**variables, "PATH": "/usr/sbin"}, check=True
    )
    return disk


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "tree"
    (folder / "etc").mkdir(parents=True)
    (folder / "etc/issue").write_text("hello\n")
    (folder / "etc/link").symlink_to("issue")
    return folder


def copy(tree: Path, target: Path) -> Path:
    # Dates as they were, and with them what a copy can't keep: the time of change.
    subprocess.run(["cp", "-a", str(tree), str(target)], check=True)
    return target


def test_a_file_system_with_pinned_times_is_the_same_later(tree: Path, tmp_path: Path) -> None:
    one = make_disk(tmp_path / "one.raw", tree)
    later = copy(tree, tmp_path / "copy")
    os.utime(later / "etc/issue", (EPOCH + 86400, (tree / "etc/issue").stat().st_mtime))
    other = make_disk(tmp_path / "other.raw", later)
    assert first_difference(one, other) is not None, "nothing was to be pinned"
    for disk in (one, other):
        pin_times(disk, "root-a", EPOCH)
    assert first_difference(one, other) is None
    place = f"{one}?offset={START * SECTOR}"
    check = subprocess.run(["e2fsck", "-f", "-n", place], check=False, capture_output=True)
    assert check.returncode == 0, check.stdout


def test_inodes_in_use_are_those_that_are_not_free() -> None:
    listing = (
        "Inode count:      16\nGroup 0: (Blocks 1-8)\n  Free inodes: 3-5, 9\nGroup 1:\n  Free inodes: \n"
    )
    assert list(used_inodes(listing)) == [1, 2, 6, 7, 8, *range(10, 17)]
    with pytest.raises(BuildError, match="number of inodes"):
        list(used_inodes("something else"))


def test_a_difference_is_traced_to_its_partition_and_its_files(tree: Path, tmp_path: Path) -> None:
    one = make_disk(tmp_path / "one.raw", tree)
    changed = copy(tree, tmp_path / "changed")
    (changed / "etc/issue").write_text("other\n")
    (changed / "etc/new").write_text("")
    (changed / "etc").chmod(0o700)
    other = make_disk(tmp_path / "other.raw", changed)
    told = list(hints(one, other, tmp_path))
    assert told[0].endswith("partition root-a")
    assert set(told[1:]) == {
        "etc has mode 40755 here and 40700 there",
        "etc/issue differs",
        "etc/new is only in one of them",
    }
    assert list(hints(one, one, tmp_path)) == []


def test_a_link_is_compared_by_being_one(tree: Path, tmp_path: Path) -> None:
    changed = copy(tree, tmp_path / "changed")
    (changed / "etc/link").unlink()
    (changed / "etc/link").write_text("hello\n")
    assert list(different_files(tree, changed)) == ["etc/link has mode 120777 here and 100644 there"]


def test_releases_are_compared_file_by_file(tmp_path: Path) -> None:
    for build, files in (("one", {"a": b"1234", "b": b"x"}), ("other", {"a": b"1235", "c": b""})):
        (tmp_path / build / "release").mkdir(parents=True)
        for name, data in files.items():
            (tmp_path / build / "release" / name).write_bytes(data)
    assert compare(tmp_path / "one", tmp_path / "other") == [
        "a differs from byte 3 on",
        "b is only in one of them",
        "c is only in one of them",
    ]


def test_the_image_is_weighed_by_the_packages_that_its_files_came_from(tree: Path) -> None:
    info = tree / "var/lib/dpkg/info"
    info.mkdir(parents=True)
    (info / "haproxy.list").write_text("/.\n/usr\n/usr/sbin/haproxy\n")
    (info / "linux-image-6.12:amd64.list").write_text("/lib/modules/one.ko\n")
    for name in ("usr/sbin/haproxy", "usr/lib/modules/one.ko", "usr/lib/lbva/tool"):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_bytes(bytes(10_000))
    sizes = {part.name: part.installed for part in components(tree)}
    assert {name: sizes[name] for name in ("load balancer", "kernel", "LBVA")} == {
        "load balancer": 10_000,
        "kernel": 10_000,
        "LBVA": 10_000,
    }
    assert all(part.compressed < part.installed for part in components(tree) if part.name != "base")
