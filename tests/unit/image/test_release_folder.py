"""The release's place: a new one takes it at once."""

from pathlib import Path

import pytest

from image import release
from image.release import contents


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A release that is there, and a new one beside it."""
    for name, text in (("release", "old"), ("release.part", "newer")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "index.html").write_text(text)
    return tmp_path / "release"


def test_the_new_one_takes_the_place_and_the_old_one_goes_aside(folder: Path) -> None:
    release._exchange(folder.with_name("release.part"), folder)
    assert contents(folder) == [("index.html", len("newer"))]
    assert (folder.with_name("release.part") / "index.html").read_text() == "old"


def test_without_an_old_one_it_is_the_same(folder: Path) -> None:
    folder.rename(folder.with_name("elsewhere"))
    release._exchange(folder.with_name("release.part"), folder)
    assert (folder / "index.html").read_text() == "newer"


def test_what_can_not_be_exchanged_is_an_error_and_the_old_one_stays(folder: Path) -> None:
    with pytest.raises(FileNotFoundError, match="release"):
        release._exchange(folder.with_name("not-there"), folder)
    assert (folder / "index.html").read_text() == "old"
