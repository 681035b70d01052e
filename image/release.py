"""The release folder, what goes onto a web server: made beside its place, moved there when it is whole."""

import ctypes
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from image import packages, pages, signing
from image.errors import HINT, BuildError
from image.formats.product import Product
from image.programs import DISK_HINT

# What is made of one intermediate file is one job; the longest come first.
JOBS = (("vmware", "virtualbox"), ("gcp",), ("hyperv",), ("xen",), ("azure",), ("kvm",))
FORMATS = tuple(sorted(name for names in JOBS for name in names))
BYTES_NEEDED = 2**29
"""Of each format's artifact and what it is made from."""

_POLL_S = 0.2
_AT_FDCWD = -100  # linux/fcntl.h
_RENAME_EXCHANGE = 2  # linux/fs.h
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Order:
    """What is to be released: the disk, mkosi's list of its packages, the formats, the key to sign with.

    `lock` is the descriptor of the build's lock, which the processes that work for it hold, too.
    `development_key` tells that the disk takes licences of the development key (image/licence_key.py).
    """

    product: Product
    manifest: Path
    formats: Sequence[str]
    key: Path | None
    lock: int
    development_key: bool


@dataclass(frozen=True)
class Job:
    """Something that one process makes."""

    name: str
    process: subprocess.Popen[str]


def check_formats(names: Sequence[str]) -> tuple[str, ...]:
    """Return the formats in `names`, each once, all when there are none; raises `BuildError`."""
    for name in names:
        if name not in FORMATS:
            raise BuildError(f"there is no format {name!r}", hint=f"FORMATS may name {', '.join(FORMATS)}")
    return tuple(name for name in FORMATS if name in names) or FORMATS


def make_release(order: Order, folder: Path) -> None:
    """Replace `folder` by the release that is ordered. Raises `BuildError`; `folder` is then as it was."""
    partial = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        _fill(order, partial)
        _exchange(partial, folder)
    except OSError as error:
        raise BuildError(str(error), hint=DISK_HINT) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _exchange(new: Path, folder: Path) -> None:
    """Put `new` in the place of `folder` at once; what was there is then where `new` was.

    Python has no renameat2 with its RENAME_EXCHANGE. Raises `OSError`, also on file systems that can't do it.
    """
    if not folder.exists():
        new.rename(folder)
        return
    if _libc.renameat2(_AT_FDCWD, os.fsencode(new), _AT_FDCWD, os.fsencode(folder), _RENAME_EXCHANGE) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), str(folder))


def contents(folder: Path) -> list[tuple[str, int]]:
    """Return names and sizes of what is in a release, none when there is no release."""
    if not folder.is_dir():
        return []
    return sorted((path.name, path.stat().st_size) for path in folder.iterdir())


def _fill(order: Order, folder: Path) -> None:
    """Put all files of the release into `folder`."""
    product = order.product
    listed = packages.text(packages.of_manifest(order.manifest))
    (folder / f"lbva-{product.version}.packages").write_text(listed)
    artifacts = tuple(_artifacts(order, folder))
    with signing.keyring(order.key) if order.key else nullcontext() as keyring:
        release = pages.Release(
            version=product.version,
            epoch=product.epoch,
            artifacts=artifacts,
            signed=keyring is not None,
            fingerprint=keyring.fingerprint if keyring else "",
            development_key=order.development_key,
        )
        (folder / "ReadMe.txt").write_bytes(pages.readme(release).encode())
        (folder / "index.html").write_text(pages.download_page(release), encoding="utf-8")
        sums = folder / "SHA256SUMS"
        sums.write_text(checksums(folder, artifacts))
        if keyring:
            keyring.sign(sums, product.epoch)


def checksums(folder: Path, artifacts: Sequence[pages.Artifact]) -> str:
    """Return the lines of SHA256SUMS for all files in `folder`; those of the `artifacts` are known."""
    sums = {artifact.name: artifact.sha256 for artifact in artifacts}
    for path in folder.iterdir():
        sums.setdefault(path.name, hashlib.sha256(path.read_bytes()).hexdigest())
    return "".join(f"{checksum}  {name}\n" for name, checksum in sorted(sums.items()))


def _artifacts(order: Order, folder: Path) -> Iterator[pages.Artifact]:
    """Make all that is made of the disk, as many at a time as there are processors; yield each artifact."""
    waiting = list(_commands(order, folder).items())
    running: list[Job] = []
    progress = Progress()
    try:
        while waiting or running:
            while waiting and len(running) < (os.cpu_count() or 1):
                running.append(_start(*waiting.pop(0), order.lock))
            progress.show([job.name for job in running])
            time.sleep(_POLL_S)
            for job in [job for job in running if job.process.poll() is not None]:
                running.remove(job)
                for artifact in _made(job):
                    progress.tell(f"{artifact.name}  {artifact.size / 1e6:.0f} MB")
                    yield artifact
    finally:
        for job in running:
            # With the qemu-img or tar that it has started.
            os.killpg(job.process.pid, signal.SIGKILL)
            job.process.communicate()


def _commands(order: Order, folder: Path) -> dict[str, list[str]]:
    """Return what is to be run, by what it is shown as."""
    product = order.product
    bill = folder / f"lbva-{product.version}.cdx.json"
    commands = {
        "the bill of materials": [
            "image.sbom",
            str(product.raw),
            str(order.manifest),
            product.version,
            str(product.epoch),
            str(bill),
        ]
    }
    for names in JOBS:
        wanted = [name for name in names if name in order.formats]
        if wanted:
            commands[", ".join(wanted)] = [
                "image.formats",
                f"--raw={product.raw}",
                f"--version={product.version}",
                f"--epoch={product.epoch}",
                f"--out={folder}",
                *wanted,
            ]
    return commands


def _start(name: str, module: Sequence[str], lock: int) -> Job:
    process = subprocess.Popen(
        [sys.executable, "-m", *module],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # Should this process be killed, the next build waits for what it has left behind.
        pass_fds=[lock],
        cwd=Path(__file__).resolve().parent.parent,
    )
    return Job(name, process)


def _made(job: Job) -> Iterator[pages.Artifact]:
    """Yield what an ended job has made. Raises `BuildError` as the job has told it."""
    told, words = job.process.communicate()
    if job.process.returncode:
        message, _, hint = words.strip().partition(HINT)
        last = message.splitlines()[-1:] or ["it was killed"]
        raise BuildError(f"{job.name}: {last[0]}", hint=hint or "try again; if it stays, it is a bug")
    for line in told.splitlines():
        made = json.loads(line)
        yield pages.Artifact(made["name"], made["format"], made["bytes"], made["sha256"])


class Progress:
    """Says what is made, and on a terminal what is being made."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._live = sys.stdout.isatty()

    def tell(self, text: str) -> None:
        """Print a line that stays."""
        self._clear()
        print(f"  {time.monotonic() - self._started:5.0f} s  {text}", flush=True)

    def show(self, running: Sequence[str]) -> None:
        """Show what is running, where there is a terminal."""
        if self._live and running:
            self._clear()
            seconds = time.monotonic() - self._started
            print(f"  {seconds:5.0f} s  making {', '.join(running)} …", end="", flush=True)

    def _clear(self) -> None:
        if self._live:
            print("\r\033[K", end="")
