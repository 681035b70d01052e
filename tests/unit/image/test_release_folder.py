"""The release's place: a new one takes it at once, and whatever comes in between there is a whole one."""

import os
import signal
from pathlib import Path

import pytest

from image import release
from image.release import contents, recover


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A release that is there, and a new one beside it."""
    for name, text in (("release", "old"), ("release.part", "newer")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "index.html").write_text(text)
    return tmp_path / "release"


def test_the_new_one_takes_the_place_and_nothing_is_left_beside_it(folder: Path) -> None:
    release._exchange(folder.with_name("release.part"), folder)
    assert contents(folder) == [("index.html", len("newer"))]
    assert [path.name for path in folder.parent.iterdir()] == ["release"]


def test_without_an_old_one_it_is_the_same(folder: Path) -> None:
    folder.rename(folder.with_name("elsewhere"))
    release._exchange(folder.with_name("release.part"), folder)
    assert (folder / "index.html").read_text() == "newer"


def test_a_signal_waits_until_the_place_is_taken(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rename = Path.rename

    def interrupted(self: Path, target: Path) -> Path:
        os.kill(os.getpid(), signal.SIGTERM)
        return rename(self, target)

    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        monkeypatch.setattr(Path, "rename", interrupted)
        with pytest.raises(KeyboardInterrupt):
            release._exchange(folder.with_name("release.part"), folder)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert (folder / "index.html").read_text() == "newer"


def test_a_release_that_was_moved_aside_when_everything_ended_comes_back(folder: Path) -> None:
    folder.rename(folder.with_name("release.old"))
    recover(folder)
    assert (folder / "index.html").read_text() == "old"


def test_what_is_left_of_an_old_one_is_removed(folder: Path) -> None:
    folder.with_name("release.old").mkdir()
    recover(folder)
    assert (folder / "index.html").read_text() == "old"
    assert not folder.with_name("release.old").exists()
