"""The image's package sources follow the machine that builds it."""

from pathlib import Path

import pytest

from image.apt import Mirror, Source, mirror_of, private_state
from image.errors import BuildError

ARCHIVE = "http://mirror.test/debian/"
SECURITY = "http://mirror.test/security/"


def sources(*suites: tuple[str, str]) -> list[Source]:
    return [Source(uri, suite, "main") for uri, suite in suites]


def test_the_mirror_is_the_one_that_this_machine_uses() -> None:
    found = mirror_of(
        [
            Source("http://other.test/", "bookworm", "contrib"),
            *sources((ARCHIVE, "bookworm"), (SECURITY, "bookworm-security"), (ARCHIVE, "bookworm-updates")),
        ],
        "bookworm",
    )
    assert found == Mirror(ARCHIVE, SECURITY)


def test_a_machine_without_a_source_for_its_own_release_is_told_what_to_add() -> None:
    with pytest.raises(BuildError, match=r"no source for Debian's bookworm main archive[^→]*→ add one"):
        mirror_of(sources((ARCHIVE, "trixie")), "bookworm")


def test_the_image_gets_security_updates_from_where_this_machine_gets_them() -> None:
    mirror = Mirror(ARCHIVE, SECURITY)
    text = mirror.sources(mirror.suites("trixie"))
    stanzas = [dict(line.split(": ", 1) for line in part.splitlines()) for part in text.split("\n\n")]
    assert {stanza["Suites"]: stanza["URIs"] for stanza in stanzas} == {
        "trixie": ARCHIVE,
        "trixie-updates": ARCHIVE,
        "trixie-security": SECURITY,
    }


def test_a_mirror_without_a_security_archive_is_not_asked_for_one() -> None:
    assert Mirror(ARCHIVE, None).suites("trixie") == ["trixie", "trixie-updates"]


def test_packages_of_another_release_leave_this_machines_apt_alone(tmp_path: Path) -> None:
    options = dict(
        option.removeprefix("--option=").split("=", 1) for option in private_state(tmp_path, "Types: deb\n")
    )
    assert Path(options["Dir::Etc::sourcelist"]).read_text() == "Types: deb\n"
    assert options["Dir::Etc::sourceparts"] == "/dev/null"
    assert Path(options["Dir::State::status"]).read_text() == ""
    assert {Path(options[name]).parent for name in ("Dir::State::lists", "Dir::Cache")} == {tmp_path}
