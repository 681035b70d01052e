"""The version of what is built: from git, so that each commit's image says which one it is."""

from pathlib import Path

from image.programs import run

EARLIEST = 315_532_800
"""1980-01-01: a zip knows no earlier time (APPNOTE.TXT, section 4.4.6)."""


def version(tree: Path) -> str:
    """Return the version of `tree`: `0.1.0` at a tag `v0.1.0`, else such as `0.1.0-12-gabc1234`.

    Before the first tag it is such as `0-gabc1234`. Changes that are not committed yet add `-dirty`; a
    tree without git is `0-unversioned`. Raises `BuildError` when git does not answer.
    """
    described = _git(tree, "describe", "--tags", "--always", "--dirty", "--match", "v[0-9]*")
    if not described:
        return "0-unversioned"
    return described.removeprefix("v") if described.startswith("v") else f"0-g{described}"


def commit_time(tree: Path) -> int:
    """Return the time of the last commit in seconds since 1970, the time stamp of all built from it.

    A tree without git has the earliest that all formats know. Raises `BuildError` when git does not answer.
    """
    return int(_git(tree, "log", "-1", "--format=%ct") or EARLIEST)


def _git(tree: Path, *arguments: str) -> str:
    if not (tree / ".git").exists():
        return ""
    return run(["git", "-C", str(tree), *arguments], hint="git must know the tree that is built").strip()
