"""The software bill of materials: every Debian package of the image, as CycloneDX 1.6.

It is read from the image itself: dpkg's list of what is installed, and the copyright files that came with it.
"""

import json
import logging
import re
import sys
import tempfile
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from debian.copyright import Copyright, License, MachineReadableFormatError, NotMachineReadableError
from debian.deb822 import Packages

from image import rootfs
from image.errors import BuildError
from image.licences import LBVA, Expression, bracketed, spdx
from image.programs import as_job

STATUS = Path("var/lib/dpkg/status")
DOCS = Path("usr/share/doc")
NAMESPACE = uuid.UUID("0f6ad3a4-6f0c-5d5e-9d2b-5b8d2f3a7c41")
"""Of the serial numbers: one content of one version has one (RFC 9562, section 5.5)."""

NO_ASSERTION = "NOASSERTION"
"""SPDX' word for what nobody has said (SPDX 2.3, section 7.13)."""

Json = dict[str, Any]

_SOURCE = re.compile(r"(?P<name>\S+)(?: \((?P<version>.+)\))?")
_COMMON = re.compile(r"/usr/share/common-licenses/([A-Za-z0-9.-]*[A-Za-z0-9])")
# What it repairs by itself, such as an old address of the format, is no news to whoever builds an image.
logging.getLogger("debian.copyright").setLevel(logging.ERROR)


@dataclass(frozen=True)
class Package:
    """One installed package, the source package that it was built from, and the names of what it needs."""

    name: str
    version: str
    architecture: str
    source: str
    source_version: str
    summary: str
    homepage: str
    maintainer: str
    needs: tuple[tuple[str, ...], ...]
    provides: tuple[str, ...]

    def purl(self, distro: str) -> str:
        """Return the package's URL (package-url, type deb).

        Scanners look vulnerabilities up by the source package, which `upstream` names.
        """
        upstream = "" if self.source == self.name else f"&upstream={_escape(self.source)}"
        return (
            f"pkg:deb/debian/{_escape(self.name)}@{_escape(self.version)}"
            f"?arch={self.architecture}&distro={distro}{upstream}"
        )


def sbom(tree: Path, manifest: Mapping[str, Any], version: str, epoch: int) -> Json:
    """Return the CycloneDX document of the image whose root is unpacked in `tree`.

    `manifest` is mkosi's list of what it installed; `version` and `epoch`, in seconds since 1970, are the
    image's. Raises BuildError when the list and the tree are not of the same image.
    """
    packages = read_packages(tree)
    _check(packages, manifest)
    release = _os_release(tree)
    distro = f"{release['ID']}-{release['VERSION_ID']}"
    refs = {package.name: package.purl(distro) for package in packages}
    root = f"pkg:generic/lbva@{_escape(version)}"
    document: Json = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "timestamp": datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "lifecycles": [{"phase": "build"}],
            "component": {
                "type": "application",
                "bom-ref": root,
                "name": "lbva",
                "version": version,
                "description": "Load balancer virtual appliance",
                "licenses": [{"license": {"id": LBVA, "acknowledgement": "declared"}}],
                "purl": root,
            },
        },
        "components": [
            {
                "type": "operating-system",
                "bom-ref": distro,
                "name": release["ID"],
                "version": release.get("DEBIAN_VERSION_FULL", release["VERSION_ID"]),
                "description": release["PRETTY_NAME"],
            },
            *(_component(tree, package, refs[package.name]) for package in packages),
        ],
        "dependencies": [
            {"ref": root, "dependsOn": sorted([distro, *refs.values()])},
            *_dependencies(packages, refs),
        ],
    }
    content = json.dumps(document, sort_keys=True)
    return {"serialNumber": f"urn:uuid:{uuid.uuid5(NAMESPACE, content)}", **document}


def read_packages(tree: Path) -> list[Package]:
    """Return what dpkg has installed in `tree`, by name. Raises BuildError when there is no such list."""
    try:
        with (tree / STATUS).open(encoding="utf-8") as status:
            paragraphs = list(Packages.iter_paragraphs(status, use_apt_pkg=False))
    except OSError as error:
        raise BuildError(
            f"{tree} has no list of its packages: {error.strerror}", hint="unpack the image's root slot there"
        ) from error
    installed = (paragraph for paragraph in paragraphs if paragraph["Status"].split()[2] == "installed")
    return sorted((_package(paragraph) for paragraph in installed), key=lambda package: package.name)


def _package(paragraph: Packages) -> Package:
    # "Source" is left out when it says nothing new; its version stands there when the binary was built again.
    source = _SOURCE.fullmatch(paragraph.get("Source", paragraph["Package"]))
    assert source is not None  # noqa: S101 - any word matches
    relations = paragraph.relations
    needs = [*(relations["pre-depends"] or ()), *(relations["depends"] or ())]
    return Package(
        name=paragraph["Package"],
        version=paragraph["Version"],
        architecture=paragraph["Architecture"],
        source=source["name"],
        source_version=source["version"] or paragraph["Version"],
        summary=paragraph["Description"].splitlines()[0],
        homepage=paragraph.get("Homepage", ""),
        maintainer=paragraph["Maintainer"],
        needs=tuple(tuple(str(choice["name"]) for choice in need) for need in needs),
        provides=tuple(
            str(choice["name"]) for provided in relations["provides"] or () for choice in provided
        ),
    )


def _check(packages: Iterable[Package], manifest: Mapping[str, Any]) -> None:
    """Raise BuildError unless mkosi's list has the very packages that dpkg has."""
    listed = {(entry["name"], entry["version"], entry["architecture"]) for entry in manifest["packages"]}
    found = {(package.name, package.version, package.architecture) for package in packages}
    if listed != found:
        name, version, _ = min(listed ^ found)
        where = "not in the unpacked image" if (name, version, _) in listed else "only in the unpacked image"
        raise BuildError(
            f"the build's list of packages and the image differ: {name} {version} is {where}",
            hint="unpack the image anew: make build/rootfs.stamp",
        )


def _os_release(tree: Path) -> dict[str, str]:
    lines = (tree / "usr/lib/os-release").read_text(encoding="utf-8").splitlines()
    return {name: value.strip('"') for name, value in (line.split("=", 1) for line in lines if "=" in line)}


def _component(tree: Path, package: Package, purl: str) -> Json:
    file, licences = _licences(tree, package.name)
    properties = {
        "lbva:source-package": package.source,
        "lbva:source-version": package.source_version,
        "lbva:architecture": package.architecture,
        "lbva:copyright-file": file or NO_ASSERTION,
    }
    component = {
        "type": "library" if package.name.startswith("lib") else "application",
        "bom-ref": purl,
        "supplier": {"name": "Debian"},
        "publisher": package.maintainer,
        "name": package.name,
        "version": package.version,
        "description": package.summary,
        "licenses": licences,
        "purl": purl,
        "properties": [{"name": name, "value": value} for name, value in properties.items()],
    }
    if package.homepage:
        component["externalReferences"] = [{"type": "website", "url": package.homepage}]
    return component


def _dependencies(packages: Iterable[Package], refs: Mapping[str, str]) -> Iterator[Json]:
    """Yield which installed packages each one needs; of alternatives, all that are there."""
    packages = list(packages)
    providers: dict[str, set[str]] = {}
    for package in packages:
        for name in (package.name, *package.provides):
            providers.setdefault(name, set()).add(refs[package.name])
    for package in packages:
        names = {name for choices in package.needs for name in choices}
        needed = set().union(*(providers.get(name, set()) for name in names)) - {refs[package.name]}
        yield {"ref": refs[package.name], "dependsOn": sorted(needed)}


def _licences(tree: Path, name: str) -> tuple[str | None, list[Json]]:
    """Return where the image has the package's copyright file, and CycloneDX' licence choices for it."""
    place = f"/{DOCS}/{name}/copyright"
    try:
        text = _resolved(tree, DOCS / name / "copyright").read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return None, [_named(NO_ASSERTION)]
    try:
        synopses = _synopses(text)
    except (NotMachineReadableError, MachineReadableFormatError, ValueError):
        synopses = set()
    return place, licence_choices(synopses) if synopses else [_named(_pointer(place, text))]


def _resolved(tree: Path, path: Path) -> Path:
    """Return where `path` of the image lies in `tree`: links in it are meant from the image's own root."""
    place = tree
    for part in path.parts:
        place = place / part
        if place.is_symlink():
            target = place.readlink()
            place = tree / target.relative_to("/") if target.is_absolute() else place.parent / target
    return place


def _synopses(text: str) -> set[str]:
    document = Copyright(text.splitlines(keepends=True), strict=False)
    # The library says of both kinds of paragraph only how the field is read.
    paragraphs: list[Any] = [document.header, *document.all_files_paragraphs()]
    licences: list[License | None] = [paragraph.license for paragraph in paragraphs]
    return {
        " ".join(licence.synopsis.split()) for licence in licences if licence and licence.synopsis.strip()
    }


def _pointer(place: str, text: str) -> str:
    """Return what can be said of a copyright file that only people can read."""
    texts = sorted(set(_COMMON.findall(text)))
    return f"see {place}" + (f", which names {', '.join(texts)}" if texts else "")


def licence_choices(synopses: Iterable[str]) -> list[Json]:
    """Return CycloneDX' licence choices for what the files of a package are under, all of it together.

    One expression when SPDX can say it all and alternatives are among it, else a list: identifiers where
    SPDX has them, names where it has none (a list takes no expressions, CycloneDX 1.6).
    """
    known = {synopsis: spdx(synopsis) for synopsis in sorted(synopses)}
    expressions = sorted({expression for expression in known.values() if expression}, key=_by_text)
    unknown = [synopsis for synopsis, expression in known.items() if expression is None]
    if not unknown and any(not expression.single for expression in expressions):
        joined = expressions[0].text if len(expressions) == 1 else " AND ".join(map(bracketed, expressions))
        return [{"expression": joined, "acknowledgement": "declared"}]
    identifiers = [expression.text for expression in expressions if expression.single]
    names = [expression.text for expression in expressions if not expression.single] + unknown
    return [
        *({"license": {"id": text, "acknowledgement": "declared"}} for text in identifiers),
        *(_named(text) for text in sorted(names)),
    ]


def _by_text(expression: Expression) -> str:
    return expression.text


def _named(name: str) -> Json:
    return {"license": {"name": name, "acknowledgement": "declared"}}


def _escape(text: str) -> str:
    """Return a part of a package URL; a colon stands as it is (package-url, "Character encoding")."""
    return quote(text, safe=":")


def main() -> None:
    """Write the bill of a disk: `python3 -m image.sbom DISK MANIFEST VERSION EPOCH FILE`."""
    disk, manifest, version, epoch, target = sys.argv[1:]
    with as_job():
        with tempfile.TemporaryDirectory(dir=Path(target).parent, prefix=".") as folder:
            rootfs.unpack(Path(disk), Path(folder) / "root")
            listed = json.loads(Path(manifest).read_text(encoding="utf-8"))
            bill = sbom(Path(folder) / "root", listed, version, int(epoch))
        Path(target).write_text(json.dumps(bill, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
