"""Every shell script that ships, or makes what ships, as ShellCheck sees it."""

from pathlib import Path

from tests.unit.image.commands import run

TREE = Path(__file__).parents[3]


def scripts() -> list[Path]:
    paths = (path for folder in ("image", "overlay") for path in (TREE / folder).rglob("*"))
    return sorted(path for path in paths if path.is_file() and path.read_bytes().startswith(b"#!/bin/sh"))


def test_the_scripts_that_we_know_of_are_found() -> None:
    names = {path.name for path in scripts()}
    assert {"init", "mkosi.finalize", "mkosi.postinst", "role-changed"} <= names


def test_shellcheck_has_nothing_to_say() -> None:
    assert run("shellcheck", *map(str, scripts())) == ""
