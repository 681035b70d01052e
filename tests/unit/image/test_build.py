"""When a build has something to do, and how it says that it failed."""

import dataclasses
import sys
from pathlib import Path

import pytest

from image.build import Build, fingerprint, mkosi_command, run_logged
from image.errors import BuildError
from image.version import version


@pytest.fixture
def build(tmp_path: Path) -> Build:
    for folder in ("image", "overlay/etc", "lbadmin"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "mkosi.conf").write_text("[Output]\n")
    (tmp_path / "overlay/etc/issue").write_text("hello\n")
    return Build(tmp_path, tmp_path / "build", "1.0", 0)


def test_the_fingerprint_changes_with_content_mode_name_and_version(build: Build) -> None:
    seen = {fingerprint(build)}
    issue = build.tree / "overlay/etc/issue"
    issue.write_text("other\n")
    seen.add(fingerprint(build))
    issue.chmod(0o755)
    seen.add(fingerprint(build))
    issue.rename(issue.with_name("motd"))
    seen.add(fingerprint(build))
    (build.tree / "overlay/etc/link").symlink_to("/dev/null")
    seen.add(fingerprint(build))
    seen.add(fingerprint(dataclasses.replace(build, version="1.1")))
    assert len(seen) == 6


def test_the_fingerprint_ignores_what_is_not_an_input(build: Build) -> None:
    before = fingerprint(build)
    (build.tree / "README.md").write_text("text")
    cache = build.tree / "lbadmin/__pycache__"
    cache.mkdir()
    (cache / "module.pyc").write_bytes(b"code")
    assert fingerprint(build) == before


def test_mkosi_25_gets_the_package_sources_by_their_new_name(build: Build) -> None:
    for major, option in ((24, "--package-manager-tree="), (25, "--sandbox-tree=")):
        command = mkosi_command(build, major, build.tree)
        assert sum(word.startswith(option) for word in command) == 1


def test_a_failed_command_tells_its_last_words_and_where_the_log_is(tmp_path: Path) -> None:
    log = tmp_path / "mkosi.log"
    command = [sys.executable, "-c", "print('no space left'); raise SystemExit(3)"]
    with pytest.raises(BuildError, match=r"(?s)no space left.*the whole log is .*mkosi\.log"):
        run_logged(command, log, cwd=tmp_path)
    assert log.read_text() == "no space left\n"


def test_a_tree_without_git_still_has_a_version(tmp_path: Path) -> None:
    assert version(tmp_path) == "0-unversioned"
