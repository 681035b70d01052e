"""Snapshots that outlive their lab: the next lab of the same image begins where the last one was ready.

An entry holds the lab's keys, which the machines trust, and a snapshot of each machine. Only the newest entry
is kept, since each takes some hundred megabytes.
"""

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from harness.deadline import Deadline
from harness.disk import link_tree
from harness.lab import Lab
from harness.state import REPOSITORY

CACHE = REPOSITORY / "build" / "lab-cache"
KEYS = "keys"


def key_of(image: Path, modules: Sequence[str], *values: object) -> str:
    """Name what a snapshot depends on: the image, the emulator, the lab's `modules` that made it, `values`.

    A saved memory fits the very image file it was made with, so that file is told by its identity.
    """
    stat = image.stat()
    qemu = subprocess.run(["qemu-system-x86_64", "--version"], check=True, capture_output=True).stdout
    sources = [(REPOSITORY / "harness" / f"{module}.py").read_bytes() for module in modules]
    identity = repr((stat.st_dev, stat.st_ino, stat.st_mtime_ns, stat.st_size, values)).encode()
    digest = hashlib.sha256()
    for part in (identity, qemu, *sources):
        digest.update(hashlib.sha256(part).digest())
    return digest.hexdigest()[:32]


@contextlib.contextmanager
def held(deadline: Deadline, root: Path = CACHE) -> Iterator[None]:
    """Hold the cache: no entry goes while it is being read, and no two processes make the same one."""
    root.mkdir(parents=True, exist_ok=True)
    with (root / ".lock").open("w") as lock:

        def taken() -> bool:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True

        deadline.wait_until(taken, "another process to make its pair", ignoring=(BlockingIOError,))
        yield


def find(key: str, root: Path = CACHE) -> Path | None:
    """Return the folder of an entry, None without one; to be called, and the entry used, while `held`."""
    return root / key if (root / key).is_dir() else None


def put(lab: Lab, key: str, snapshot: str, root: Path = CACHE) -> None:
    """Keep a snapshot of all machines of a lab as the one entry; to be called while `held`.

    The files are shared with the lab's own snapshot.
    """
    new = root / f".new-{os.getpid()}"
    try:
        shutil.copytree(lab.folder.keys, new / KEYS)
        for name, machine in lab.machines.items():
            (new / name).mkdir()
            link_tree(machine.snapshot_folder(snapshot), new / name / snapshot)
        for old in root.iterdir():
            if old.is_dir() and old != new:
                shutil.rmtree(old)
        new.rename(root / key)
    finally:
        shutil.rmtree(new, ignore_errors=True)
