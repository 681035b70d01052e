"""`make image`: from the tree to build/lbva.raw and the artifacts in build/release/.

mkosi does the building; around it stand the package sources (image/apt.py), a progress display, the disk's
final size and the release (image/release.py). Nothing is done when nothing has changed.
"""

import argparse
import fcntl
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from image import apt, ext4, licence_key, packages, release, signing
from image.errors import BuildError
from image.formats.product import Product
from image.programs import run
from image.version import commit_time, version

RELEASE = "trixie"
DISK_BYTES = 8 * 2**30
"""The guide, section 7: the appliance has an 8 GB virtual disk."""

FREE_BYTES_NEEDED = 6 * 2**30
INPUTS = ("mkosi.conf", "image", "overlay", "lbadmin")
LOG_LINES_SHOWN = 15


@dataclass(frozen=True)
class Build:
    """One build: the source tree, the folder of all results, what it is called and dated.

    `pinned` are the package versions to use and no others. `licence_key` is the public key, in PEM, that
    the image verifies licences with; without one it is the development key, and this a development build.
    """

    tree: Path
    out: Path
    version: str
    epoch: int
    pinned: Sequence[packages.Package] = ()
    licence_key: str | None = None

    @property
    def caches(self) -> Path:
        """Folder of what later builds use again: downloaded packages and the tree of installed ones."""
        return self.tree / "build"

    @property
    def raw(self) -> Path:
        """The disk that every format is made from."""
        return self.out / "lbva.raw"

    @property
    def manifest(self) -> Path:
        """mkosi's list of the packages on the disk."""
        return self.out / "lbva.manifest"

    @property
    def stamp(self) -> Path:
        """Says what the disk was made from."""
        return self.out / "lbva.stamp"

    @property
    def release(self) -> Path:
        """The folder of what is published."""
        return self.out / "release"

    @property
    def release_stamp(self) -> Path:
        """Says what the release was made from."""
        return self.out / "release.stamp"


def fingerprint(build: Build) -> str:
    """Return a hash over everything that the image is made from: names, modes and contents of the inputs."""
    digest = hashlib.sha256(f"{build.version} {build.epoch}".encode())
    digest.update(packages.text(build.pinned).encode())
    digest.update(f"licence key: {build.licence_key or 'development'}\n".encode())
    for path in sorted(_input_files(build.tree)):
        content = str(path.readlink()).encode() if path.is_symlink() else path.read_bytes()
        mode = f"{path.lstat().st_mode:o}"
        digest.update(f"{path.relative_to(build.tree)} {mode} {len(content)}\n".encode() + content)
    return digest.hexdigest()


def _input_files(tree: Path) -> Iterator[Path]:
    for name in INPUTS:
        top = tree / name
        files = top.rglob("*") if top.is_dir() else [top]
        yield from (
            path
            for path in files
            if "__pycache__" not in path.parts and (path.is_symlink() or not path.is_dir())
        )


def mkosi_command(
    build: Build,
    major: int,
    config: Path,
    *,
    incremental: bool = True,
    force: bool = False,
    trees: Sequence[str] = (),
) -> list[str]:
    """Return the command line for the mkosi.conf in `config`.

    `trees`, each SOURCE:TARGET, are put onto the image beside those of mkosi.conf. The option for package
    sources was renamed in mkosi 25.
    """
    sources = "--package-manager-tree" if major < 25 else "--sandbox-tree"  # noqa: PLR2004 - named above
    return [
        "mkosi",
        f"--directory={config}",
        f"{sources}={build.out / 'mkosi.apt'}",
        f"--output-dir={build.out}",
        f"--package-cache-dir={build.caches / 'mkosi.pkgcache'}",
        f"--image-version={build.version}",
        f"--source-date-epoch={build.epoch}",
        # Debian's kernel package makes no initrd: image/mkosi.finalize does, when the overlay is in place.
        "--environment=INITRD=No",
        *(f'--environment="{name}={value}"' for name, value in ext4.environment(build.epoch).items()),
        *(f"--extra-tree={tree}" for tree in trees),
        # Once: replace the output. Twice: also make the cached tree of packages anew.
        "--force",
        *(["--force"] if force else []),
        *(["--incremental=yes", f"--cache-dir={build.caches / 'mkosi.cache'}"] if incremental else []),
        "build",
    ]


def mkosi_major() -> int:
    """Return mkosi's major version. Raises `BuildError` when mkosi is not there."""
    try:
        words = subprocess.run(
            ["mkosi", "--version"], capture_output=True, text=True, check=True
        ).stdout.split()
    except (OSError, subprocess.CalledProcessError) as error:
        raise BuildError(f"mkosi does not run: {error}", hint="run `make prepare` as root") from error
    return int(words[-1].partition(".")[0].partition("~")[0])


def run_logged(command: Sequence[str], log: Path, *, cwd: Path, lock: int | None = None) -> None:
    """Run `command` with its whole output in `log`, showing mkosi's own step lines as they come.

    The command holds the build's `lock`, too. Raises `BuildError` with the log's end when the command fails.
    """
    started = time.monotonic()
    with (
        log.open("w") as file,
        subprocess.Popen(
            command,
            cwd=cwd,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            # The modes of what mkosi itself writes follow from it.
            umask=0o022,
            pass_fds=[] if lock is None else [lock],
        ) as process,
    ):
        assert process.stdout is not None  # noqa: S101 - asked for above
        try:
            for line in process.stdout:
                file.write(line)
                file.flush()
                if line.startswith("‣"):
                    print(f"  {time.monotonic() - started:5.0f} s  {line[1:].strip()}", flush=True)
        except BaseException:
            # mkosi tidies up behind it.
            process.send_signal(signal.SIGINT)
            raise
    if process.returncode:
        tail = "".join(log.read_text().splitlines(keepends=True)[-LOG_LINES_SHOWN:])
        raise BuildError(f"{command[0]} failed; the end of {log}:\n{tail}", hint=f"the whole log is {log}")


def write_sources(build: Build) -> None:
    """Write the package sources for mkosi, as this machine has them, and the versions to use."""
    _, codename = apt.host_release()
    tree = build.out / "mkosi.apt"
    pins = packages.preferences(build.pinned) if build.pinned else None
    apt.write_tree(tree, RELEASE, apt.mirror_of(apt.host_sources(), codename), pins)


def build_raw(build: Build, *, force: bool, lock: int) -> None:
    """Make build/lbva.raw."""
    write_sources(build)
    for folder in (build.caches / "mkosi.cache", build.caches / "mkosi.pkgcache"):
        folder.mkdir(parents=True, exist_ok=True)
    keys = build.out / "mkosi.licence"
    licence_key.write_tree(keys, build.licence_key)
    command = mkosi_command(
        build,
        mkosi_major(),
        build.tree,
        force=force,
        # mkosi's cached tree has the versions of the day it was made.
        incremental=not build.pinned,
        trees=[f"{keys}:{licence_key.PLACE}"],
    )
    run_logged(command, build.out / "mkosi.log", cwd=build.tree, lock=lock)
    if build.pinned:
        packages.check(build.pinned, packages.of_manifest(build.manifest))
    ext4.pin_times(build.raw, "root-a", build.epoch)
    # mkosi dates what it installs; the folders of the data partition are systemd-repart's.
    ext4.pin_times(build.raw, "data", build.epoch, ("atime", "ctime", "mtime"))
    with build.raw.open("r+b") as disk:
        disk.truncate(DISK_BYTES)
    # The partition table's second copy belongs at the end of the disk (UEFI specification, section 5.3.2).
    run(["sfdisk", "--quiet", "--relocate", "gpt-bak-std", str(build.raw)])


@contextmanager
def locked(build: Build) -> Iterator[int]:
    """Hold the build's lock, and yield its descriptor; a second build here waits for the first."""
    build.out.mkdir(parents=True, exist_ok=True)
    with (build.out / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("another build is running in this tree; waiting for it", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield lock.fileno()


def check_machine(build: Build, needed: int) -> None:
    """Raise `BuildError` when this build, which needs so many bytes, can't succeed here."""
    if os.geteuid() != 0:
        raise BuildError("building needs root", hint="run `sudo make image`")
    stats = os.statvfs(build.out)
    free = stats.f_bavail * stats.f_frsize
    if free < needed:
        raise BuildError(
            f"{build.out} has {free / 2**30:.1f} GiB free, this build needs {needed / 2**30:.1f} GiB",
            hint="free some disk space, or build fewer FORMATS",
        )


def make_all(build: Build, formats: Sequence[str], key: Path | None, lock: int, *, force: bool) -> None:
    """Build what is not there, or not from these inputs; no formats mean no release. Raises `BuildError`."""
    made_from = fingerprint(build)
    has_disk = not force and build.raw.exists() and _read(build.stamp) == made_from
    has_release = has_disk and _read(build.release_stamp) == _made_of(build, formats, key)
    needed = 0 if has_disk else FREE_BYTES_NEEDED
    needed += 0 if has_release else len(formats) * release.BYTES_NEEDED
    if needed:
        check_machine(build, needed)
    if has_disk:
        print(f"{build.raw} is up to date")
    else:
        make_disk(build, made_from, lock, force=force)
    if has_release and formats:
        print(f"{build.release} is up to date")
    elif formats:
        make_release(build, formats, key, lock)


def _read(stamp: Path) -> str:
    return stamp.read_text() if stamp.exists() else ""


def _made_of(build: Build, formats: Sequence[str], key: Path | None) -> str:
    """Return what the release's stamp says: what it was made of, and what was made."""
    signed_with = hashlib.sha256(key.read_bytes()).hexdigest() if key else ""
    return json.dumps([_read(build.stamp), signed_with, formats, release.contents(build.release)])


def make_disk(build: Build, made_from: str, lock: int, *, force: bool) -> None:
    """Build the disk, whose fingerprint was `made_from` when it began. Raises `BuildError`."""
    started = time.monotonic()
    build.stamp.unlink(missing_ok=True)
    print(f"Building LBVA {build.version}; the log is {build.out / 'mkosi.log'}", flush=True)
    build_raw(build, force=force, lock=lock)
    build.stamp.write_text(made_from)
    print(f"{build.raw} made in {time.monotonic() - started:.0f} s", flush=True)


def make_release(build: Build, formats: Sequence[str], key: Path | None, lock: int) -> None:
    """Make the release of the disk that is there. Raises `BuildError`."""
    started = time.monotonic()
    build.release_stamp.unlink(missing_ok=True)
    print(f"Packaging {', '.join(formats)}", flush=True)
    product = Product(build.raw, build.version, build.epoch)
    order = release.Order(
        product, build.manifest, formats, key, lock, development_key=build.licence_key is None
    )
    release.make_release(order, build.release)
    build.release_stamp.write_text(_made_of(build, formats, key))
    print(f"{build.release} made in {time.monotonic() - started:.0f} s", flush=True)


def main() -> None:
    """Run a build from the command line."""
    parser = argparse.ArgumentParser(prog="python3 -m image.build", description=__doc__)
    parser.add_argument(
        "--force", action="store_true", help="build even when nothing changed, without caches"
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder of the results (build)")
    parser.add_argument("--disk", action="store_true", help="build the disk alone")
    parser.add_argument(
        "--formats", metavar="NAMES", default="", help=f"some of {', '.join(release.FORMATS)} (all)"
    )
    parser.add_argument(
        "--key", type=Path, metavar="FILE", help="OpenPGP secret key to sign the checksums with"
    )
    parser.add_argument(
        "--licence-key",
        type=Path,
        metavar="FILE",
        help="public key of the licences that the image takes (the development key)",
    )
    parser.add_argument(
        "--packages", type=Path, metavar="FILE", help="use exactly the versions in a release's .packages file"
    )
    options = parser.parse_args()
    tree = Path(__file__).resolve().parent.parent
    out = options.out.resolve() if options.out else tree / "build"
    # To be killed, or left by its terminal, is as orderly as Ctrl-C.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    try:
        formats = release.check_formats(options.formats.replace(",", " ").split())
        signing.check_key(options.key)
        public = licence_key.of_image(options.licence_key)
        pinned = packages.read(options.packages) if options.packages else ()
        build = Build(tree, out, version(tree), commit_time(tree), pinned, public)
        with locked(build) as lock:
            make_all(build, () if options.disk else formats, options.key, lock, force=options.force)
    except (BuildError, OSError) as error:
        sys.exit(f"image: {error}")
    except KeyboardInterrupt:
        sys.exit("image: interrupted; build/release is as it was")


if __name__ == "__main__":
    main()
