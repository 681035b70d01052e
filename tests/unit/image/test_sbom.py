"""The bill of materials of a small image, read by tools that others wrote."""

import json
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

from image.errors import BuildError
from image.sbom import NO_ASSERTION, licence_choices, sbom

STATUS = """\
Package: libstdc++6
Status: install ok installed
Maintainer: GCC Maintainers <gcc@example.org>
Architecture: amd64
Source: gcc-14
Version: 14.2.0-19
Depends: gcc-14-base (= 14.2.0-19), libc6 (>= 2.38)
Description: GNU Standard C++ Library v3
 Longer words.
Homepage: http://gcc.gnu.org/

Package: gcc-14-base
Status: install ok installed
Maintainer: GCC Maintainers <gcc@example.org>
Architecture: amd64
Source: gcc-14
Version: 14.2.0-19
Description: base package

Package: libc6
Status: install ok installed
Maintainer: glibc <glibc@example.org>
Architecture: amd64
Source: glibc (2.41-12)
Version: 1:2.41-12+b1
Provides: libc-dev-virtual
Description: shared libraries

Package: adduser
Status: install ok installed
Maintainer: adduser <adduser@example.org>
Architecture: all
Version: 3.152~1
Pre-Depends: libc-dev-virtual | nothing-that-is-there
Description: add users

Package: gone
Status: deinstall ok config-files
Maintainer: nobody <nobody@example.org>
Architecture: all
Version: 1
Description: removed
"""
MACHINE_READABLE = """\
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/

Files: *
Copyright: 2000 somebody
License: GPL-2+

Files: debian/*
Copyright: 2001 somebody else
License: Expat
 Permission is hereby granted.

License: GPL-2+
 See /usr/share/common-licenses/GPL-2.
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    for name, text in {
        "var/lib/dpkg/status": STATUS,
        "usr/lib/os-release": 'PRETTY_NAME="Debian GNU/Linux 13 (trixie)"\nID=debian\nVERSION_ID="13"\n',
        "usr/share/doc/adduser/copyright": MACHINE_READABLE,
        "usr/share/doc/gcc-14-base/copyright": "By many. See /usr/share/common-licenses/GPL-3.\n",
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    # As packages of one source share their documents; the link is meant from the image's own root.
    (root / "usr/share/doc/libstdc++6").symlink_to("/usr/share/doc/gcc-14-base")
    return root


@pytest.fixture
def manifest() -> dict[str, Any]:
    packages = (
        ("libstdc++6", "14.2.0-19", "amd64"),
        ("gcc-14-base", "14.2.0-19", "amd64"),
        ("libc6", "1:2.41-12+b1", "amd64"),
        ("adduser", "3.152~1", "all"),
    )
    return {
        "packages": [dict(zip(("name", "version", "architecture"), each, strict=True)) for each in packages]
    }


def by_name(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {component["name"]: component for component in document["components"]}


def test_the_document_is_cyclonedx_to_a_validator_of_others(tree: Path, manifest: dict[str, Any]) -> None:
    text = json.dumps(sbom(tree, manifest, "0.1.0", 1_700_000_000))
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None


def test_it_lists_what_is_installed_and_nothing_else(tree: Path, manifest: dict[str, Any]) -> None:
    document = sbom(tree, manifest, "0.1.0", 1_700_000_000)
    assert list(by_name(document)) == ["debian", "adduser", "gcc-14-base", "libc6", "libstdc++6"]
    assert document["metadata"]["component"]["version"] == "0.1.0"
    assert document["metadata"]["timestamp"] == "2023-11-14T22:13:20Z"


def test_package_urls_are_canonical_and_name_the_source(tree: Path, manifest: dict[str, Any]) -> None:
    components = by_name(sbom(tree, manifest, "0.1.0", 0))
    for name, version, upstream in (
        ("libstdc++6", "14.2.0-19", "gcc-14"),
        ("libc6", "1:2.41-12+b1", "glibc"),
        ("adduser", "3.152~1", None),
    ):
        url = PackageURL.from_string(components[name]["purl"])
        assert (url.type, url.namespace, url.name, url.version) == ("deb", "debian", name, version)
        assert url.qualifiers["distro"] == "debian-13"
        assert url.qualifiers.get("upstream") == upstream
        assert url.to_string() == components[name]["purl"]
    properties = {each["name"]: each["value"] for each in components["libc6"]["properties"]}
    assert (properties["lbva:source-package"], properties["lbva:source-version"]) == ("glibc", "2.41-12")


def test_licences_come_from_the_packages_copyright_files(tree: Path, manifest: dict[str, Any]) -> None:
    components = by_name(sbom(tree, manifest, "0.1.0", 0))
    assert [each["license"]["id"] for each in components["adduser"]["licenses"]] == [
        "GPL-2.0-or-later",
        "MIT",
    ]
    (people_only,) = components["libstdc++6"]["licenses"]
    assert people_only["license"]["name"] == "see /usr/share/doc/libstdc++6/copyright, which names GPL-3"


def test_a_package_without_a_copyright_file_says_so(tree: Path, manifest: dict[str, Any]) -> None:
    libc = by_name(sbom(tree, manifest, "0.1.0", 0))["libc6"]
    assert libc["licenses"][0]["license"]["name"] == NO_ASSERTION
    assert {"name": "lbva:copyright-file", "value": NO_ASSERTION} in libc["properties"]


def test_what_a_package_needs_is_found_by_name_and_by_what_others_provide(
    tree: Path, manifest: dict[str, Any]
) -> None:
    document = sbom(tree, manifest, "0.1.0", 0)
    refs = {name: component["bom-ref"] for name, component in by_name(document).items()}
    needs = {entry["ref"]: entry["dependsOn"] for entry in document["dependencies"]}
    assert needs[refs["adduser"]] == [refs["libc6"]]
    assert needs[refs["libstdc++6"]] == sorted([refs["gcc-14-base"], refs["libc6"]])
    assert needs[refs["libc6"]] == []


def test_the_same_image_has_the_same_document_and_another_version_another_number(
    tree: Path, manifest: dict[str, Any]
) -> None:
    first = sbom(tree, manifest, "0.1.0", 0)
    assert sbom(tree, manifest, "0.1.0", 0) == first
    assert sbom(tree, manifest, "0.1.1", 0)["serialNumber"] != first["serialNumber"]


def test_a_list_of_packages_from_another_build_is_refused(tree: Path, manifest: dict[str, Any]) -> None:
    manifest["packages"][3]["version"] = "3.153"
    with pytest.raises(BuildError, match="the image differ: adduser"):
        sbom(tree, manifest, "0.1.0", 0)


def test_a_tree_without_packages_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="has no list of its packages"):
        sbom(tmp_path, {"packages": []}, "0.1.0", 0)


def test_alternatives_make_one_expression_of_all_when_spdx_can_say_all() -> None:
    (choice,) = licence_choices({"GPL-1+ or Artistic", "Expat"})
    assert choice["expression"] == "(GPL-1.0-or-later OR Artistic-1.0) AND MIT"


def test_what_spdx_cannot_say_is_named_beside_what_it_can() -> None:
    choices = licence_choices({"GPL-1+ or Artistic", "Expat", "public-domain"})
    assert [choice["license"].get("id") or choice["license"]["name"] for choice in choices] == [
        "MIT",
        "GPL-1.0-or-later OR Artistic-1.0",
        "public-domain",
    ]
