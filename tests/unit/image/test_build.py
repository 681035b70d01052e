"""When a build has something to do, and how it says that it failed."""

import dataclasses
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from image import build as building
from image import ed25519, licence_key
from image.build import Build, fingerprint, make_all, mkosi_command, run_logged
from image.errors import BuildError
from image.version import version


@pytest.fixture
def build(tmp_path: Path) -> Build:
    for folder in ("image", "overlay/etc", "lbadmin"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "mkosi.conf").write_text("[Output]\n")
    (tmp_path / "overlay/etc/issue").write_text("hello\n")
    return Build(tmp_path, tmp_path / "build", "1.0", 0)


def test_the_fingerprint_changes_with_content_mode_name_version_and_licence_key(build: Build) -> None:
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
    seen.add(fingerprint(dataclasses.replace(build, licence_key="a public key")))
    seen.add(fingerprint(dataclasses.replace(build, licence_key="another one")))
    assert len(seen) == 8


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


def test_trees_beside_those_of_the_configuration_are_options_of_the_verb(build: Build) -> None:
    command = mkosi_command(build, 24, build.tree, trees=["/a:/usr/lib/a", "/b:/usr/lib/b"])
    assert [word for word in command if word.startswith("--extra-tree=")] == [
        "--extra-tree=/a:/usr/lib/a",
        "--extra-tree=/b:/usr/lib/b",
    ]
    assert command[-1] == "build"
    assert "--extra-tree" not in " ".join(mkosi_command(build, 24, build.tree))


@pytest.mark.parametrize("public", [None, ed25519.public_key(ed25519.private_key(bytes(32)), "key")])
def test_the_licence_key_goes_into_the_image_anew_each_time(
    build: Build, monkeypatch: pytest.MonkeyPatch, public: str | None
) -> None:
    class Started(Exception):  # noqa: N818 - nothing is wrong
        pass

    def start(command: Sequence[str], *_: object, **__: object) -> None:
        raise Started(command)

    monkeypatch.setattr(building, "write_sources", lambda _: None)
    monkeypatch.setattr(building, "mkosi_major", lambda: 24)
    monkeypatch.setattr(building, "run_logged", start)
    build.out.mkdir()
    tree = build.out / "mkosi.licence"
    licence_key.write_tree(tree, None if public else "another key")
    with pytest.raises(Started) as started:
        building.build_raw(dataclasses.replace(build, licence_key=public), force=False, lock=0)
    assert f"--extra-tree={tree}:/usr/lib/lbva" in started.value.args[0]
    assert (tree / "licence.pem").read_text() == (public or licence_key.development_public())
    assert (tree / "development").exists() == (public is None)


def test_a_failed_command_tells_its_last_words_and_where_the_log_is(tmp_path: Path) -> None:
    log = tmp_path / "mkosi.log"
    command = [sys.executable, "-c", "print('no space left'); raise SystemExit(3)"]
    with pytest.raises(BuildError, match=r"(?s)no space left.*the whole log is .*mkosi\.log"):
        run_logged(command, log, cwd=tmp_path)
    assert log.read_text() == "no space left\n"


def test_a_tree_without_git_still_has_a_version(tmp_path: Path) -> None:
    assert version(tmp_path) == "0-unversioned"


def test_what_is_edited_while_the_disk_is_built_is_built_the_next_time(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    build.out.mkdir()
    issue = build.tree / "overlay/etc/issue"
    before = fingerprint(build)
    monkeypatch.setattr(building, "check_machine", lambda *_: None)
    monkeypatch.setattr(building, "build_raw", lambda *_, **__: issue.write_text("edited\n"))
    make_all(build, (), None, 0, force=False)
    assert build.stamp.read_text() == before != fingerprint(build)


def test_what_is_up_to_date_asks_nothing_of_the_machine(
    build: Build, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    build.out.mkdir()
    build.raw.touch()
    build.stamp.write_text(fingerprint(build))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    make_all(build, (), None, 0, force=False)
    assert capsys.readouterr().out == f"{build.raw} is up to date\n"
