"""The list of package versions: read strictly, handed to apt, and held against what was installed."""

from pathlib import Path

import pytest

from image.errors import BuildError
from image.packages import Package, check, preferences, read, text

LISTED = [Package("haproxy", "3.0.11-1+deb13u1", "amd64"), Package("less", "668-1", "amd64")]


def test_a_list_reads_as_it_was_written(tmp_path: Path) -> None:
    file = tmp_path / "a.packages"
    file.write_text(text(LISTED))
    assert read(file) == LISTED


@pytest.mark.parametrize(
    "line",
    ["haproxy", "haproxy 3.0 amd64 more", "Haproxy 3.0 amd64", "a\tb\tc", "hap 1\nPin: 2 amd64", "ü 1 all"],
)
def test_anything_else_is_refused_with_its_line(tmp_path: Path, line: str) -> None:
    file = tmp_path / "a.packages"
    file.write_text(f"less 668-1 amd64\n{line}\n", encoding="utf-8")
    with pytest.raises(BuildError, match=r"line 2 of|cannot be read"):
        read(file)


def test_apt_is_held_to_each_version_even_where_it_is_older() -> None:
    """A priority above 1000 downgrades, too (apt_preferences(5))."""
    assert "Package: less\nPin: version 668-1\nPin-Priority: 1001\n" in preferences(LISTED).split("\n\n")


def test_what_is_not_as_listed_is_named_with_both_versions() -> None:
    check(LISTED, list(reversed(LISTED)))
    newer = [Package("haproxy", "3.0.12-1", "amd64"), LISTED[1], Package("nano", "8", "amd64")]
    with pytest.raises(BuildError) as refused:
        check(LISTED, newer)
    words = str(refused.value)
    assert "2 packages are not as listed" in words
    assert "haproxy 3.0.11-1+deb13u1 was wanted, 3.0.12-1 was to be had" in words
    assert "nano none was wanted, 8 was to be had" in words
