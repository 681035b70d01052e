"""Makes a fresh Debian 12 or 13 able to build and to test: packages and apt sources.

Needs nothing but Python's standard library, because it comes before everything else.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from image import apt
from image.errors import BuildError

BACKPORTS = Path("/etc/apt/sources.list.d/lbva-backports.sources")
RELEASES = ("bookworm", "trixie")

BUILD_PACKAGES = (
    "acl",
    "bubblewrap",
    "cpio",
    "debian-archive-keyring",
    "dosfstools",
    "e2fsprogs",
    "fdisk",
    "git",
    "gpg",
    "gpg-agent",
    "grub-common",
    "grub-pc-bin",
    "kmod",
    "mkosi",
    "mtools",
    "openssl",
    "python3-debian",
    "python3-jinja2",
    "python3-pefile",
    "qemu-utils",
    "systemd",
    "uidmap",
    "xz-utils",
    "zstd",
)
LAB_PACKAGES = (
    "chromium",
    # The pages' fonts, so that pictures of them look the same everywhere.
    "fonts-dejavu-core",
    "fonts-liberation",
    "gcc",
    "iperf3",
    "iproute2",
    "libvirt-clients",
    "libvirt-daemon",
    "libvirt-daemon-driver-qemu",
    "libvirt-dev",
    "openssh-client",
    "ovmf",
    "pkg-config",
    "python3-dev",
    "python3-venv",
    "qemu-system-x86",
    "redis-tools",
    "seabios",
    "shellcheck",
    "sip-tester",
    "snmp",
    "socat",
    "xorriso",
)
# In Debian 12's backports systemd-repart is still part of systemd.
TRIXIE_PACKAGES = ("systemd-repart",)


def missing(packages: tuple[str, ...]) -> list[str]:
    """Return those of `packages` that are not installed."""
    listing = subprocess.run(
        ["dpkg-query", "--show", "--showformat", "${Package} ${db:Status-Status} ${Version}\\n", *packages],
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    installed = {line.split()[0]: line.split()[2] for line in listing.splitlines() if " installed " in line}
    # Debian 12's own mkosi (14) and systemd (252) are too old: repart and the options used came later.
    minimum = {"mkosi": "24", "systemd": "254", "libvirt-daemon": "11", "qemu-system-x86": "1:10"}
    return [name for name in packages if name not in installed or _older(installed[name], minimum.get(name))]


def _older(version: str, minimum: str | None) -> bool:
    if minimum is None:
        return False
    return subprocess.run(["dpkg", "--compare-versions", version, "lt", minimum], check=False).returncode == 0


def prepare() -> None:
    """Install what is missing. Raises `BuildError` when this machine cannot be used, and says why."""
    release = _release()
    packages = BUILD_PACKAGES + LAB_PACKAGES + (TRIXIE_PACKAGES if release == "trixie" else ())
    wanted = missing(packages)
    if not wanted:
        return
    if os.geteuid() != 0:
        raise BuildError(
            f"these Debian packages are missing: {' '.join(wanted)}",
            hint="run make as root once, or install them by hand"
            + (" from bookworm-backports" if release == "bookworm" else ""),
        )
    print(f"Installing {len(wanted)} Debian packages: {' '.join(wanted)}", flush=True)
    backports = _add_backports() if release == "bookworm" else None
    apt.update()
    apt.install(wanted, suite=backports)


def _release() -> str:
    distribution, release = apt.host_release()
    if distribution != "debian" or release not in RELEASES or not shutil.which("apt-get"):
        raise BuildError(
            f"this machine runs {distribution or 'an unknown system'} {release}",
            hint="use Debian 12 (bookworm) or 13 (trixie)",
        )
    return release


def _add_backports() -> str:
    """Add Debian 12's backports beside the sources that this machine has. Returns the suite's name."""
    suite = "bookworm-backports"
    sources = list(apt.host_sources())
    if not any(source.suite == suite for source in sources):
        mirror = apt.mirror_of(sources, "bookworm")
        BACKPORTS.write_text(mirror.sources([suite]))
    return suite


def main() -> None:
    """Prepare this machine, or say in one line why not."""
    try:
        prepare()
    except BuildError as error:
        sys.exit(f"prepare: {error}")


if __name__ == "__main__":
    main()
