"""The OVF environment: what whoever deploys the appliance on VMware has filled in (DMTF DSP0243, section 9).

It arrives by one of two transports: a variable of the hypervisor (`com.vmware.guestInfo`), which answers at
once, or a disc with one file (`iso`). Only the first boot on VMware asks here. Needs nothing but the standard
library.
"""

import contextlib
import logging
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from lbadmin.errors import Fault, RefusedError
from lbadmin.system import Result, System

if TYPE_CHECKING:
    from xml.parsers.expat import XMLParserType

NAMESPACE = "http://schemas.dmtf.org/ovf/environment/1"
FILE = "ovf-env.xml"
MAX_BYTES = 256 * 1024
"""A variable of VMware's holds at most 64 KiB; an environment tells of the other machines of a vApp, too."""

RPC_TIMEOUT_S = 5.0
MOUNT_TIMEOUT_S = 10.0
DRIVE_TIMEOUT_S = 5.0
"""The initrd has loaded the controllers' drivers, so a drive that is there shows up well within a second."""

_MOUNT_POINT = "/run/lbadmin/ovf-environment"
_POLL_S = 0.05
_KEY, _VALUE = (f"{NAMESPACE} {name}" for name in ("key", "value"))
_PROPERTY = tuple(f"{NAMESPACE} {name}" for name in ("Environment", "PropertySection", "Property"))

log = logging.getLogger(__name__)


def properties(system: System) -> list[tuple[str, str]]:
    """Return keys and values of this machine's properties, none when it has no environment.

    Raises RefusedError when there is one that is none.
    """
    document = _from_guestinfo(system) or _from_disc(system)
    return parse(document) if document else []


def parse(document: bytes) -> list[tuple[str, str]]:
    """Return keys and values in the order of the document, of this machine's own sections alone.

    Raises RefusedError when it is too large, not well-formed, no environment, or declares a document type:
    without one there are no entities to multiply or to fetch.
    """
    if len(document) > MAX_BYTES:
        raise _refused(f"is larger than {MAX_BYTES // 1024} KiB")
    from xml.parsers import expat  # noqa: PLC0415 - only the first boot on VMware needs it

    found: list[tuple[str, str]] = []
    parser = expat.ParserCreate(namespace_separator=" ")
    _listen(parser, found)
    try:
        parser.Parse(document, True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise _refused(f"can't be read as XML ({error})") from None
    return found


def _listen(parser: "XMLParserType", found: list[tuple[str, str]]) -> None:
    """Let the parser note each property of a section directly below the root."""
    path: list[str] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        path.append(name)
        if len(path) == 1 and name != _PROPERTY[0]:
            raise _refused(f"is no Environment of {NAMESPACE}")
        if tuple(path) == _PROPERTY and _KEY in attributes:
            found.append((attributes[_KEY], attributes.get(_VALUE, "")))

    def doctype(*_declaration: object) -> None:
        raise _refused("declares a document type, which no OVF environment has")

    parser.StartElementHandler = start
    parser.EndElementHandler = lambda _name: path.pop()
    parser.StartDoctypeDeclHandler = doctype


def _refused(why: str) -> RefusedError:
    return RefusedError([Fault("ovf", None, f"the OVF environment {why}; deploy the appliance anew")])


def _from_guestinfo(system: System) -> bytes:
    """Return what the hypervisor's variable holds, nothing when it has none or does not answer."""
    # What the tool complains of would stand in the document.
    script = "exec vmware-rpctool 'info-get guestinfo.ovfEnv' 2>/dev/null"
    done = _run_for(system, RPC_TIMEOUT_S, "sh", "-c", script)
    if done.status == 0 and (text := done.output.strip()):
        return text.encode()
    log.info("no OVF environment in guestinfo (vmware-rpctool ended with status %d)", done.status)
    return b""


def _from_disc(system: System) -> bytes:
    """Return the environment's file on the first disc that has it, nothing when none does."""
    system.run(["modprobe", "--quiet", "sr_mod"])
    drives = _drives(system)
    for drive in drives:
        with _mounted(system, drive) as folder:
            if folder and (document := _read(folder / FILE)):
                return document
    log.info("no OVF environment on a disc (drives: %s)", ", ".join(drives) or "none")
    return b""


def _drives(system: System) -> list[str]:
    """Return the devices of the CD drives, as soon as there is any."""
    end = time.monotonic() + DRIVE_TIMEOUT_S
    while not (drives := sorted(path.name for path in system.path("/sys/block").glob("sr*"))):
        if time.monotonic() >= end:
            return []
        time.sleep(_POLL_S)
    return [f"/dev/{name}" for name in drives]


@contextmanager
def _mounted(system: System, drive: str) -> Iterator[Path | None]:
    """Give the folder that a drive's disc is mounted at for the while, None when it can't be."""
    folder = system.path(_MOUNT_POINT)
    folder.mkdir(parents=True, exist_ok=True)
    options = ("--types=iso9660", "--options=ro,nosuid,nodev,noexec")
    mount = _run_for(system, MOUNT_TIMEOUT_S, "mount", *options, drive, str(folder))
    try:
        yield folder if mount.status == 0 else None
    finally:
        if mount.status == 0:
            system.run(["umount", str(folder)])
        with contextlib.suppress(OSError):
            folder.rmdir()


def _read(path: Path) -> bytes:
    """Return the file's bytes, one more than MAX_BYTES at the most; nothing when it is no plain file."""
    try:
        # A disc may hold links into the system, and pipes that nobody writes to.
        if not stat.S_ISREG(path.lstat().st_mode):
            return b""
        with path.open("rb") as content:
            return content.read(MAX_BYTES + 1)
    except OSError as error:
        log.info("no %s can be read: %s", path.name, error.strerror)
        return b""


def _run_for(system: System, timeout_s: float, *command: str) -> Result:
    """Run a program that is ended after `timeout_s`, with status 124 then (timeout(1))."""
    return system.run(["timeout", "--kill-after=1", f"{timeout_s:g}", *command])
