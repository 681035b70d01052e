"""Fetches the load balancers that the appliance is measured beside, as Debian ships them for its release."""

import json
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from image import apt
from image.build import RELEASE
from image.programs import run

PACKAGES = (
    "haproxy",  # for its configuration file: the program is in the image
    "libgeoip1t64",  # pen's; all else that the programs need is in the image
    "libnginx-mod-stream",
    "nginx",
    "nginx-common",
    "pen",
)
_VERSIONS = "versions.json"


@dataclass(frozen=True)
class Peers:
    """The unpacked packages in one tree, and the version of each."""

    tree: Path
    versions: dict[str, str]

    def text(self, path: str) -> str:
        """Return a file of the tree by its path on a system that has the packages."""
        return (self.tree / path.lstrip("/")).read_text(encoding="utf-8")


def fetch(folder: Path) -> Peers:
    """Return the peers below `folder`, downloaded unless they are there. Raises `BuildError`."""
    versions = folder / _VERSIONS
    if not versions.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(folder, ignore_errors=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as partial:
            _fill(Path(partial))
            Path(partial).chmod(0o755)
            Path(partial).rename(folder)
            Path(partial).mkdir()
    return Peers(folder / "tree", json.loads(versions.read_text(encoding="utf-8")))


def _fill(folder: Path) -> None:
    """Download and unpack all packages."""
    apt.download(PACKAGES, RELEASE, folder)
    versions = {}
    for package in sorted(folder.glob("*.deb")):
        name, version = (
            run(["dpkg-deb", "--field", str(package), field]).strip() for field in ("Package", "Version")
        )
        versions[name] = version
        run(["dpkg-deb", "--extract", str(package), str(folder / "tree")])
    (folder / _VERSIONS).write_text(json.dumps(versions, indent=1) + "\n", encoding="utf-8")
