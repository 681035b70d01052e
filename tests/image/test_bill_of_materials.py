"""The bill of materials of the image itself."""

import json
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from image.sbom import NO_ASSERTION, sbom
from tests.image.conftest import ROOTFS

MANIFEST = ROOTFS.parent / "lbva.manifest"


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return sbom(ROOTFS, json.loads(MANIFEST.read_text(encoding="utf-8")), "0.1.0", 0)


def test_it_is_valid_and_whole(document: dict[str, Any]) -> None:
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(document)) is None
    names = {component["name"] for component in document["components"]}
    assert {"haproxy", "keepalived", "linux-image-cloud-amd64", "python3-fastapi", "debian"} <= names


def test_every_package_brings_its_copyright_file(document: dict[str, Any]) -> None:
    assert NO_ASSERTION not in json.dumps(document)
    for component in document["components"]:
        assert component["type"] == "operating-system" or component["licenses"]
