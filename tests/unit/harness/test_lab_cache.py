"""Snapshots that outlive their lab: found by what they depend on, and only the newest is kept."""

from contextlib import AbstractContextManager
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from harness import cache
from harness.deadline import Deadline, DeadlineExceededError
from harness.lab import Lab
from harness.state import Folder


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    """All that the cache needs of a lab: its keys and the files of a snapshot."""
    folder = Folder(tmp_path / "lab")
    folder.keys.mkdir(parents=True)
    (folder.keys / "ca.pem").write_text("authority")
    snapshot = folder.machines / "lb1" / "snapshots" / "ready"
    snapshot.mkdir(parents=True)
    (snapshot / "memory").write_text("memory")
    machine = SimpleNamespace(snapshot_folder=lambda name: folder.machines / "lb1" / "snapshots" / name)
    return cast("Lab", SimpleNamespace(folder=folder, machines={"lb1": machine}))


def test_an_entry_is_found_until_a_newer_one_takes_its_place(lab: Lab, tmp_path: Path) -> None:
    root = tmp_path / "cache"
    assert cache.find("one", root) is None
    cache.put(lab, "one", "ready", root)
    found = cache.find("one", root)
    assert found is not None
    assert (found / "lb1" / "ready" / "memory").read_text() == "memory"
    assert (found / cache.KEYS / "ca.pem").read_text() == "authority"
    cache.put(lab, "two", "ready", root)
    cache.put(lab, "two", "ready", root)
    assert [path.name for path in root.iterdir()] == ["two"]


def test_two_processes_do_not_make_the_same_pair_at_once(tmp_path: Path) -> None:
    with (
        cache.held(Deadline(5), tmp_path),
        pytest.raises(DeadlineExceededError, match="another process to make its pair"),
        _held_too(tmp_path),
    ):
        pytest.fail("it is held twice")
    with _held_too(tmp_path):
        assert cache.find("one", tmp_path) is None


def _held_too(root: Path) -> AbstractContextManager[None]:
    return cache.held(Deadline(0.2), root)


def test_a_kept_snapshot_takes_no_room_of_its_own(lab: Lab, tmp_path: Path) -> None:
    cache.put(lab, "one", "ready", tmp_path / "cache")
    kept = tmp_path / "cache" / "one" / "lb1" / "ready" / "memory"
    assert kept.samefile(lab.machines["lb1"].snapshot_folder("ready") / "memory")


def test_the_key_changes_with_image_code_and_order(tmp_path: Path) -> None:
    image = tmp_path / "image"
    image.write_text("one")
    keys = [
        cache.key_of(image, ["pair"], "bios"),
        cache.key_of(image, ["pair"], "uefi"),
        cache.key_of(image, ["pair", "domain"], "bios"),
    ]
    assert cache.key_of(image, ["pair"], "bios") == keys[0]
    image.unlink()
    image.write_text("other")
    keys.append(cache.key_of(image, ["pair"], "bios"))
    assert len(set(keys)) == 4
