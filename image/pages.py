"""The texts of a release: ReadMe.txt, the download page, and what lies beside the disks in the zip archives.

All are rendered from image/templates; nothing is read but these.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from image.licences import LBVA

TEMPLATES = Path(__file__).resolve().parent / "templates"
README_COLUMNS = 78
_RELEASE_NUMBER = re.compile(r"\d+(\.\d+)+")


@dataclass(frozen=True)
class Platform:
    """What a format is for, and what is in its file."""

    title: str
    contents: str


# In the order in which the page and the ReadMe list them.
PLATFORMS: Mapping[str, Platform] = {
    "vmware": Platform("VMware vSphere, Workstation and Fusion", "Open virtual appliance (OVA)"),
    "virtualbox": Platform("VirtualBox", "Open virtual appliance (OVA)"),
    "hyperv": Platform(
        "Microsoft Hyper-V, generation 1 and 2", "VHDX disk and a PowerShell script that makes the machine"
    ),
    "kvm": Platform("KVM: libvirt, virt-manager, Proxmox VE", "qcow2 disk and a libvirt domain"),
    "xen": Platform("XenServer and XCP-ng", "Virtual machine with its disk (XVA)"),
    "azure": Platform("Microsoft Azure", "Fixed VHD disk, as Azure takes it: the whole 8 GiB"),
    "gcp": Platform("Google Cloud", "Disk image for Compute Engine"),
}


@dataclass(frozen=True)
class Artifact:
    """One file of the release that holds the appliance: its size in bytes and its SHA-256, in hexadecimal."""

    name: str
    platform: str
    size: int
    sha256: str

    @property
    def title(self) -> str:
        """What the file is for."""
        return PLATFORMS[self.platform].title

    @property
    def contents(self) -> str:
        """What is in it."""
        return PLATFORMS[self.platform].contents


@dataclass(frozen=True)
class Release:
    """What is published together; `epoch` is its time in seconds since 1970.

    `fingerprint` is the signing key's, as people compare it; empty when it is not known here.
    `development_key` tells that the appliance takes licences of the development key (image/licence_key.py).
    """

    version: str
    epoch: int
    artifacts: tuple[Artifact, ...]
    signed: bool
    fingerprint: str = ""
    development_key: bool = False

    @property
    def date(self) -> str:
        """The day of the release, in UTC."""
        return f"{datetime.fromtimestamp(self.epoch, UTC):%Y-%m-%d}"

    @property
    def numbered(self) -> bool:
        """Whether this is a numbered version, and not what came of a commit in between (image/version.py)."""
        return bool(_RELEASE_NUMBER.fullmatch(self.version))

    @property
    def development(self) -> bool:
        """Whether this is not for production: not a numbered version, or with the development key."""
        return self.development_key or not self.numbered

    @property
    def packages_file(self) -> str:
        """Name of the list of packages."""
        return f"lbva-{self.version}.packages"

    @property
    def sbom_file(self) -> str:
        """Name of the software bill of materials."""
        return f"lbva-{self.version}.cdx.json"

    @property
    def ordered(self) -> tuple[Artifact, ...]:
        """The artifacts in the order in which the page lists them."""
        places = list(PLATFORMS)
        return tuple(sorted(self.artifacts, key=lambda artifact: places.index(artifact.platform)))

    @property
    def files(self) -> dict[str, Artifact]:
        """The artifact of each platform that there is one for."""
        return {artifact.platform: artifact for artifact in self.ordered}


def readme(release: Release) -> str:
    """Return the text of ReadMe.txt, with Windows' ends of lines: Notepad of old shows no others."""
    return _windows(_render("ReadMe.txt", release=release, files=release.files, licence=LBVA))


def download_page(release: Release) -> str:
    """Return the text of index.html. It needs neither scripts nor anything from elsewhere."""
    return _render("index.html", release=release, files=release.files, licence=LBVA)


def hyperv_companions(version: str) -> dict[str, str]:
    """Return the texts that lie beside lbva-VERSION.vhdx in the archive for Hyper-V, by their names."""
    return {
        "New-LBVA.ps1": _windows((TEMPLATES / "New-LBVA.ps1").read_text(encoding="ascii")),
        "ReadMe.txt": _windows(_render("hyperv-ReadMe.txt", version=version, disk=f"lbva-{version}.vhdx")),
    }


def kvm_companions(version: str) -> dict[str, str]:
    """Return the texts that lie beside lbva-VERSION.qcow2 in the archive for KVM, by their names."""
    names = {"version": version, "disk": f"lbva-{version}.qcow2"}
    return {
        "lbva.xml": _render("lbva.xml", **names),
        "ReadMe.txt": _windows(_render("kvm-ReadMe.txt", **names)),
    }


def megabytes(size: int) -> str:
    """Return a size in bytes as people compare downloads: in units of 1,000,000 bytes."""
    return f"{max(1, round(size / 1e6)):,} MB"


def cloud_name(version: str) -> str:
    """Return an image's name for a cloud: 63 lower-case letters, digits and hyphens at most (RFC 1035)."""
    name = re.sub(r"[^a-z0-9]+", "-", f"lbva-{version}".lower()).strip("-")
    limit = 63
    if len(name) <= limit:
        return name
    return f"{name[: limit - 9]}-{hashlib.sha256(version.encode()).hexdigest()[:8]}"


def _render(template: str, **values: Any) -> str:  # noqa: ANN401 - whatever the template shows
    return _environment().get_template(template).render(values)


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(["html", "xml"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"megabytes": megabytes, "cloud_name": cloud_name, "href": quote}
    return environment


def _windows(text: str) -> str:
    return text.replace("\n", "\r\n")
