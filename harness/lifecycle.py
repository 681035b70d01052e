"""Starting a lab's supervisor, and ending a lab so that nothing of it is left."""

import contextlib
import fcntl
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness import topology
from harness.control import ask
from harness.deadline import Deadline
from harness.errors import LabError
from harness.inside import Inside
from harness.ocs import POOL
from harness.ocs.pki import write_pool
from harness.process import ProcessId, first_child
from harness.ssh import write_key
from harness.state import CONTROL_SOCKET, REPOSITORY, Folder, Record

_TOOLS = (
    "unshare",
    "nsenter",
    "ip",
    "mount",
    "libvirtd",
    "qemu-system-x86_64",
    "qemu-img",
    "redis-check-rdb",
)
_NAMESPACES = ("--net", "--pid", "--mount", "--ipc", "--fork", "--kill-child", "--mount-proc")


@dataclass(frozen=True)
class Publish:
    """A socket that listens outside for the address `target` (host:port) inside."""

    listener: socket.socket
    target: str

    @classmethod
    def listen(cls, address: str, target: str) -> "Publish":
        """Listen on `address` (host:port); raises LabError when that can't be."""
        host, _colon, port = address.rpartition(":")
        if not (host and port.isdecimal()):
            raise LabError(f"{address!r} is not an address to publish at", "write it like 127.0.0.1:9443")
        try:
            return cls(socket.create_server((host, int(port))), target)
        except (OSError, OverflowError) as error:
            raise LabError(f"can't listen on {address}: {error}", "publish at another port") from error


def check_host() -> None:
    """Raise LabError when this machine, or this user, can't run a lab."""
    if os.geteuid() != 0:
        raise LabError("a lab needs root, for its network namespaces", "run the command as root")
    missing = [tool for tool in _TOOLS if not shutil.which(tool)]
    if missing:
        raise LabError(f"{', '.join(missing)} is not installed", "`make prepare` installs what a lab needs")


def _log_tail(folder: Folder) -> str:
    with contextlib.suppress(OSError):
        return (folder.logs / "supervisor.log").read_text(encoding="utf-8", errors="replace")[-1500:]
    return ""


def _spawn(
    folder: Folder, front_ends: int, load_hosts: int, publish: Publish | None
) -> subprocess.Popen[bytes]:
    """Start the supervisor; its standard input is the lifeline of the lab."""
    argv = ["unshare", *_NAMESPACES, "--", sys.executable, "-m", "harness.supervisor"]
    argv += ["--folder", str(folder.path), "--front-ends", str(front_ends)]
    argv += ["--load-hosts", str(load_hosts)]
    descriptors: Sequence[int] = ()
    if publish:
        descriptors = (publish.listener.fileno(),)
        argv += ["--forward-descriptor", str(descriptors[0]), "--forward-to", publish.target]
    with (folder.logs / "supervisor.log").open("ab") as log:
        return subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            pass_fds=descriptors,
            cwd=REPOSITORY,
            start_new_session=True,  # Ctrl-C is for whoever started the lab, who then ends it in order
        )


@contextlib.contextmanager
def _locked(folder: Folder) -> Iterator[None]:
    """Hold the lab's name, so that two starts of one lab do not mix."""
    folder.path.parent.mkdir(parents=True, exist_ok=True)
    with folder.lock.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise LabError(f"lab {folder.name} is being started or ended right now", "wait") from error
        yield


def start(
    folder: Folder,
    *,
    front_ends: int,
    load_hosts: int,
    publish: Publish | None,
    keys: Path | None,
    deadline: Deadline,
) -> tuple[Record, subprocess.Popen[bytes]]:
    """Start a lab's supervisor and wait until it answers; its process is the lifeline's owner.

    `keys` is a folder with the keys of a lab that came before, if the new one is to have the same.

    Raises LabError when the lab is up already or does not come up.
    """
    check_host()
    if not 0 <= front_ends <= topology.MAX_FRONT_ENDS:
        raise LabError(f"{front_ends} front ends are not between 0 and {topology.MAX_FRONT_ENDS}")
    if not 1 <= load_hosts <= topology.MAX_LOAD_HOSTS:
        raise LabError(f"{load_hosts} hosts for load are not between 1 and {topology.MAX_LOAD_HOSTS}")
    with _locked(folder):
        if is_running(folder):
            raise LabError(f"lab {folder.name} is up already", f"`lab down --name {folder.name}` ends it")
        _end(folder, deadline)
        _prepare(folder, front_ends, keys)
        process = _spawn(folder, front_ends, load_hosts, publish)
        try:
            record = _await(folder, process, front_ends, publish, deadline)
        except BaseException:
            # Process and folder go; what the supervisor said is in the error already.
            process.kill()
            process.communicate()
            _end(folder, Deadline(10))
            raise
    return record, process


def _prepare(folder: Folder, front_ends: int, keys: Path | None) -> None:
    for path in (folder.logs, folder.machines):
        path.mkdir(parents=True)
    if keys:
        shutil.copytree(keys, folder.keys)
        return
    folder.keys.mkdir()
    addresses = [topology.front_end_host(number + 1).links[0].addresses[0].ip for number in range(front_ends)]
    write_pool(folder.keys, [POOL], [str(address) for address in (topology.VIP, *addresses)])
    write_key(folder.keys / "id_ed25519")


def _await(
    folder: Folder,
    process: subprocess.Popen[bytes],
    front_ends: int,
    publish: Publish | None,
    deadline: Deadline,
) -> Record:
    """Wait until the supervisor answers, and write the lab's record."""
    address = "{}:{}".format(*publish.listener.getsockname()) if publish else ""
    outer = ProcessId.of(process.pid)
    Record(outer, None, front_ends, address).write(folder)
    init = deadline.wait_until(
        lambda: first_child(process.pid) or _dead(folder, process), "process 1", interval_s=0.01
    )
    record = Record(outer, ProcessId.of(init), front_ends, address)
    record.write(folder)
    control = Inside(init).path(CONTROL_SOCKET)
    deadline.wait_until(
        lambda: _dead(folder, process) or ask(control, deadline, op="status"),
        f"the supervisor of lab {folder.name}",
        ignoring=(OSError,),
        interval_s=0.02,
    )
    return record


def _dead(folder: Folder, process: subprocess.Popen[bytes]) -> int:
    """Raise LabError with the supervisor's last words when it has ended, else return 0."""
    if process.poll() is not None:
        raise LabError(f"lab {folder.name} did not come up; its log ends with:\n{_log_tail(folder)}")
    return 0


def is_running(folder: Folder) -> bool:
    """Whether the lab's process 1 runs."""
    record = Record.read(folder)
    return record is not None and record.init is not None and record.init.alive()


def _end(folder: Folder, deadline: Deadline) -> None:
    if record := Record.read(folder):
        # The outer process takes process 1 with it, and the kernel ends all others before process 1
        # is gone: waiting for that one is waiting for all.
        record.outer.kill(deadline)
        if record.init:
            record.init.kill(deadline)
    shutil.rmtree(folder.path, ignore_errors=True)


def end(folder: Folder, deadline: Deadline) -> None:
    """End all processes of a lab and remove its folder; also of one whose starter crashed."""
    check_host()
    with _locked(folder):
        _end(folder, deadline)
