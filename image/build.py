"""`make image`: from the tree to build/lbva.raw and the packaged artifacts in build/release/.

mkosi does the building; around it stand the package sources (image/apt.py), a progress display, the disk's
final size and the packaging. Nothing is done when nothing has changed.
"""

import argparse
import fcntl
import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from image import apt
from image.errors import BuildError
from image.version import commit_time, version

RELEASE = "trixie"
DISK_BYTES = 8 * 2**30
"""The guide, section 7: the appliance has an 8 GB virtual disk."""

FREE_BYTES_NEEDED = 6 * 2**30
INPUTS = ("mkosi.conf", "image", "overlay", "lbadmin")
LOG_LINES_SHOWN = 15


@dataclass(frozen=True)
class Build:
    """One build: the source tree, the folder of all results, what it is called and dated."""

    tree: Path
    out: Path
    version: str
    epoch: int

    @property
    def caches(self) -> Path:
        """Folder of what later builds use again: downloaded packages and the tree of installed ones."""
        return self.tree / "build"

    @property
    def raw(self) -> Path:
        """The disk that every format is made from."""
        return self.out / "lbva.raw"

    @property
    def qcow2(self) -> Path:
        """The disk for KVM."""
        return self.out / "release" / f"lbva-{self.version}-kvm.qcow2"

    @property
    def stamp(self) -> Path:
        """Says what the results were made from."""
        return self.out / "lbva.stamp"


def fingerprint(build: Build) -> str:
    """Return a hash over everything that the image is made from: names, modes and contents of the inputs."""
    digest = hashlib.sha256(f"{build.version} {build.epoch}".encode())
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
    build: Build, major: int, config: Path, *, incremental: bool = True, force: bool = False
) -> list[str]:
    """Return the command line for the mkosi.conf in `config`.

    The option for package sources was renamed in mkosi 25.
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


def run_logged(command: Sequence[str], log: Path, *, cwd: Path) -> None:
    """Run `command` with its whole output in `log`, showing mkosi's own step lines as they come.

    Raises `BuildError` with the log's end when the command fails.
    """
    started = time.monotonic()
    with (
        log.open("w") as file,
        subprocess.Popen(
            command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
        ) as process,
    ):
        assert process.stdout is not None  # noqa: S101 - asked for above
        for line in process.stdout:
            file.write(line)
            file.flush()
            if line.startswith("‣"):
                print(f"  {time.monotonic() - started:5.0f} s  {line[1:].strip()}", flush=True)
    if process.returncode:
        tail = "".join(log.read_text().splitlines(keepends=True)[-LOG_LINES_SHOWN:])
        raise BuildError(f"{command[0]} failed; the end of {log}:\n{tail}", hint=f"the whole log is {log}")


def write_sources(build: Build) -> None:
    """Write the package sources for mkosi, as this machine has them."""
    _, codename = apt.host_release()
    apt.write_tree(build.out / "mkosi.apt", RELEASE, apt.mirror_of(apt.host_sources(), codename))


def build_raw(build: Build, *, force: bool) -> None:
    """Make build/lbva.raw."""
    write_sources(build)
    for folder in (build.caches / "mkosi.cache", build.caches / "mkosi.pkgcache", build.qcow2.parent):
        folder.mkdir(parents=True, exist_ok=True)
    command = mkosi_command(build, mkosi_major(), build.tree, force=force)
    run_logged(command, build.out / "mkosi.log", cwd=build.tree)
    with build.raw.open("r+b") as disk:
        disk.truncate(DISK_BYTES)
    # The partition table's second copy belongs at the end of the disk (UEFI specification, section 5.3.2).
    _run(["sfdisk", "--quiet", "--relocate", "gpt-bak-std", str(build.raw)])


def build_qcow2(build: Build) -> None:
    """Package the disk for KVM; it appears under its name only when it is whole."""
    for old in build.qcow2.parent.glob("lbva-*-kvm.qcow2"):
        old.unlink()
    partial = build.qcow2.with_name(f".{build.qcow2.name}.part")
    compress(build.raw, partial)
    partial.rename(build.qcow2)


def compress(raw: Path, qcow2: Path) -> None:
    """Write a raw disk as a compressed qcow2."""
    options = ["-c", "-f", "raw", "-O", "qcow2", "-o", "compression_type=zstd", "-W"]
    _run(["qemu-img", "convert", *options, str(raw), str(qcow2)])


def _run(command: Sequence[str]) -> None:
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        raise BuildError(f"{command[0]} failed: {result.stderr.strip()}", hint="is the disk full? `df -h .`")


@contextmanager
def locked(build: Build) -> Iterator[None]:
    """Hold the build's lock; a second build in the same tree waits for the first."""
    build.out.mkdir(parents=True, exist_ok=True)
    with (build.out / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("another build is running in this tree; waiting for it", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def check_machine(build: Build) -> None:
    """Raise `BuildError` when this build cannot succeed on this machine."""
    if os.geteuid() != 0:
        raise BuildError("building needs root", hint="run `sudo make image`")
    stats = os.statvfs(build.out)
    free = stats.f_bavail * stats.f_frsize
    if free < FREE_BYTES_NEEDED:
        raise BuildError(
            f"{build.out} has {free / 2**30:.1f} GiB free, a build needs {FREE_BYTES_NEEDED / 2**30:.0f} GiB",
            hint="free some disk space",
        )


def make_image(build: Build, *, force: bool = False) -> None:
    """Build what is not there yet, or not from these inputs. Raises `BuildError`."""
    with locked(build):
        wanted = fingerprint(build)
        whole = build.raw.exists() and build.qcow2.exists() and build.stamp.exists()
        if whole and not force and build.stamp.read_text() == wanted:
            print(f"{build.raw} and {build.qcow2} are up to date")
            return
        check_machine(build)
        started = time.monotonic()
        build.stamp.unlink(missing_ok=True)
        print(f"Building LBVA {build.version}; the log is {build.out / 'mkosi.log'}", flush=True)
        build_raw(build, force=force)
        print(f"  {time.monotonic() - started:5.0f} s  Packaging {build.qcow2.name}", flush=True)
        build_qcow2(build)
        build.stamp.write_text(wanted)
        size = build.qcow2.stat().st_size
        print(f"{build.qcow2}: {size / 1e6:.0f} MB, made in {time.monotonic() - started:.0f} s")


def main() -> None:
    """Run a build from the command line."""
    parser = argparse.ArgumentParser(prog="python3 -m image.build", description=__doc__)
    parser.add_argument(
        "--force", action="store_true", help="build even when nothing changed, without caches"
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder of the results (build)")
    options = parser.parse_args()
    tree = Path(__file__).resolve().parent.parent
    out = options.out.resolve() if options.out else tree / "build"
    try:
        make_image(Build(tree, out, version(tree), commit_time(tree)), force=options.force)
    except BuildError as error:
        sys.exit(f"image: {error}")
    except KeyboardInterrupt:
        sys.exit("image: interrupted; nothing half-written is left in build/release")


if __name__ == "__main__":
    main()
