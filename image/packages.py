"""The list of package versions that an image is made of: `NAME VERSION ARCHITECTURE`, a line each."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from image.errors import BuildError

_LINE = re.compile(r"([a-z0-9][a-z0-9+.-]+) ([A-Za-z0-9.+~:-]+) ([a-z0-9-]+)")
"""Debian Policy, sections 5.6.1 and 5.6.12."""

_SHOWN = 3


class Package(NamedTuple):
    """One package of the image."""

    name: str
    version: str
    architecture: str


def of_manifest(manifest: Path) -> list[Package]:
    """Return the packages of a disk by the list that mkosi wrote of them."""
    listed = json.loads(manifest.read_text())["packages"]
    return [Package(each["name"], each["version"], each["architecture"]) for each in listed]


def text(listed: Sequence[Package]) -> str:
    """Return the list as a file's text."""
    return "".join(f"{' '.join(package)}\n" for package in listed)


def read(file: Path) -> list[Package]:
    """Return the packages that `file` lists. Raises `BuildError` naming the first line that is none."""
    try:
        lines = file.read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BuildError(
            f"the list of packages {file} cannot be read: {error}",
            hint="name a .packages file of a release",
        ) from error
    found = []
    for number, line in enumerate(lines, 1):
        match = _LINE.fullmatch(line)
        if not match:
            raise BuildError(
                f"line {number} of {file} is not NAME VERSION ARCHITECTURE: {line[:80]!r}",
                hint="name a .packages file of a release",
            )
        found.append(Package(*match.groups()))
    return found


def preferences(wanted: Sequence[Package]) -> str:
    """Return apt's preferences for exactly these versions, older ones than the newest too."""
    stanzas = (f"Package: {each.name}\nPin: version {each.version}\nPin-Priority: 1001\n" for each in wanted)
    return "\n".join(stanzas)


def check(wanted: Sequence[Package], installed: Sequence[Package]) -> None:
    """Raise `BuildError` unless what is installed is what was wanted."""
    differences = sorted(set(wanted) ^ set(installed))
    if not differences:
        return
    names = list(dict.fromkeys(package.name for package in differences))
    told = [
        f"{name} {_version(wanted, name)} was wanted, {_version(installed, name)} was to be had"
        for name in names[:_SHOWN]
    ]
    raise BuildError(
        f"{len(names)} packages are not as listed: {'; '.join(told)}",
        hint="use an apt mirror that keeps those versions, or a newer list",
    )


def _version(listed: Sequence[Package], name: str) -> str:
    return next((package.version for package in listed if package.name == name), "none")
