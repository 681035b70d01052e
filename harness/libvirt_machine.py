"""A machine of the lab under libvirt and QEMU."""

import contextlib
import io
import shutil
import threading
import time
from collections.abc import Sequence
from ipaddress import IPv4Address
from pathlib import Path
from xml.etree import ElementTree as ET

import libvirt
import paramiko
from PIL import Image

from harness import shipped, ssh
from harness.deadline import Deadline, DeadlineExceededError
from harness.disk import copy_sparse, link_base, link_tree, make_overlay
from harness.domain import Accelerator, MachineFiles, MachineSpec, domain_xml
from harness.errors import LabError
from harness.hardware import FLASH
from harness.inside import Inside
from harness.result import CommandFailedError, Result
from harness.state import CONSOLES, Folder
from harness.topology import LAB

_SSH_PORT = 22
_STALE_S = 15.0  # an emulated machine answers within seconds; one that was reset answers nothing
_POWER_OFF_S = 20.0
_BROKEN = (OSError, EOFError, paramiko.SSHException)


class LibvirtMachine:
    """Implements harness.machine.Machine; what the methods promise stands there."""

    def __init__(
        self,
        connection: libvirt.virConnect,
        inside: Inside,
        lab: Folder,
        name: str,
        address: IPv4Address,
    ) -> None:
        self.name = name
        self.address = str(address)
        self.folder = lab.machines / name
        self.files = machine_files(lab, name)
        self._connection = connection
        self._inside = inside
        self._key = lab.keys / "id_ed25519"
        self._client: paramiko.SSHClient | None = None
        self._console_start = 0

    @classmethod
    def define(
        cls,
        connection: libvirt.virConnect,
        inside: Inside,
        lab: Folder,
        spec: MachineSpec,
        accelerator: Accelerator,
    ) -> "LibvirtMachine":
        """Make the machine's disk and tell libvirt of it; it is off."""
        files = machine_files(lab, spec.name)
        files.disk.parent.mkdir()
        make_overlay(spec.image, files.disk)
        if flash := FLASH.get(spec.hardware.firmware):
            shutil.copyfile(flash.variables, files.variables)
        xml = shipped.lab_xml(spec.description, spec, files, accelerator) if spec.description else None
        connection.defineXML(xml or domain_xml(spec, files, accelerator))
        return cls(connection, inside, lab, spec.name, spec.address)

    @classmethod
    def adopt(
        cls,
        connection: libvirt.virConnect,
        inside: Inside,
        lab: Folder,
        spec: MachineSpec,
        snapshot: Path,
    ) -> "LibvirtMachine":
        """Make the machine that another lab kept in the folder `snapshot`, which it then has; it is off."""
        files = machine_files(lab, spec.name)
        files.disk.parent.mkdir()
        link_base(spec.image, files.disk)
        machine = cls(connection, inside, lab, spec.name, spec.address)
        link_tree(snapshot, machine.snapshot_folder(snapshot.name))
        memory = machine.snapshot_folder(snapshot.name) / "memory"
        machine._copy_disk(memory.parent, machine.folder)
        connection.defineXML(moved_xml(connection.saveImageGetXMLDesc(str(memory), 0), machine.folder))
        return machine

    @property
    def console_socket(self) -> Path:
        """The serial console's unix socket, as it is reached from outside the lab."""
        return self._inside.path(self.files.console_socket)

    @property
    def _domain(self) -> libvirt.virDomain:
        return self._connection.lookupByName(self.name)

    def power_on(self) -> None:  # noqa: D102 - the protocol's docstring holds
        self._forget()
        self._domain.create()

    def power_off(self) -> None:  # noqa: D102
        self._forget()
        # QEMU is killed on the spot: asked to end (virDomainDestroy does) it would write out what
        # the guest has not flushed, which no power cut does.
        pid = self._inside.path(Path(f"/run/libvirt/qemu/{self.name}.pid")).read_text(encoding="ascii")
        self._inside.run(LAB, ["kill", "-KILL", pid.strip()])
        Deadline(_POWER_OFF_S).wait_until(lambda: not self.is_on(), f"{self.name} to lose its power")

    def shutdown(self, deadline: Deadline) -> None:  # noqa: D102
        self._forget()
        self._domain.shutdown()
        deadline.wait_until(lambda: not self.is_on(), f"{self.name} to shut down")

    def is_on(self) -> bool:  # noqa: D102
        return bool(self._domain.isActive())

    def console_text(self) -> str:  # noqa: D102
        try:
            with self.files.console_log.open("rb") as log:
                log.seek(self._console_start)
                return log.read().decode(errors="replace")
        except FileNotFoundError:
            return ""

    def wait_for_console(self, text: str, deadline: Deadline) -> None:  # noqa: D102
        def shown() -> bool:
            if text in self.console_text():
                return True
            if not self.is_on():
                raise LabError(f"{self.name} went off before its console showed {text!r}", self._last_lines())
            return False

        deadline.wait_until(shown, f"{text!r} on the console of {self.name}")

    def wait_for_port(self, port: int, deadline: Deadline) -> None:  # noqa: D102
        def accepts() -> bool:
            with self._inside.connect(
                LAB, (self.address, port), timeout_s=min(5.0, deadline.remaining() + 0.1)
            ):
                return True

        what = f"{self.name} to accept connections at {self.address}:{port}"
        deadline.wait_until(accepts, what, ignoring=(OSError,))

    def ssh(self, deadline: Deadline) -> paramiko.SSHClient:  # noqa: D102
        def log_in() -> paramiko.SSHClient:
            # A booting machine takes long over its first answers: one attempt gets all the time there is.
            left = deadline.remaining() + 0.1
            connection = self._inside.connect(LAB, (self.address, _SSH_PORT), timeout_s=min(5.0, left))
            try:
                return ssh.connect(connection, self.name, self._key, min(30.0, left))
            except BaseException:
                connection.close()
                raise

        return deadline.wait_until(log_in, f"{self.name} to let root in over SSH", ignoring=_BROKEN)

    def run(  # noqa: D102
        self, command: str | Sequence[str], *, check: bool = True, timeout_s: float = 60, data: str = ""
    ) -> Result:
        deadline = Deadline(timeout_s)
        channel = self._channel(deadline)
        try:
            result = ssh.run(channel, command, max(1.0, deadline.remaining()), data)
        except TimeoutError as error:
            what = f"{command!r} on {self.name} was silent for {timeout_s:g} s"
            raise DeadlineExceededError(what) from error
        except _BROKEN as error:
            raise LabError(f"{self.name} has gone while it ran {command!r}") from error
        if check and result.status != 0:
            raise CommandFailedError(result)
        return result

    def run_last(self, command: str, deadline: Deadline) -> None:
        """Start a shell command whose end the machine will not tell; its SSH connection is given up."""
        channel = self._channel(deadline)
        client, self._client = self._client, None

        def start() -> None:
            with contextlib.suppress(*_BROKEN):
                channel.exec_command(command)
            if client is not None:
                client.close()

        # paramiko waits for an answer that may never come, until a keep-alive finds the machine restarted.
        if transport := channel.get_transport():
            transport.set_keepalive(1)
        threading.Thread(target=start, name=f"last command of {self.name}", daemon=True).start()

    def _channel(self, deadline: Deadline) -> paramiko.Channel:
        """A channel for one command, over the connection of the last one if that still lives."""
        if self._client is not None:
            with contextlib.suppress(*_BROKEN):
                return ssh.open_channel(self._client, min(_STALE_S, deadline.remaining()))
            self._client.close()
        self._client = self.ssh(deadline)
        try:
            return ssh.open_channel(self._client, max(1.0, deadline.remaining()))
        except _BROKEN as error:
            raise LabError(f"{self.name} has gone as it let root in") from error

    def screenshot(self, path: Path) -> None:  # noqa: D102
        stream = self._connection.newStream()
        self._domain.screenshot(stream, 0)
        picture = io.BytesIO()
        stream.recvAll(lambda _stream, data, _opaque: picture.write(data), None)
        stream.finish()
        with Image.open(picture) as image:
            image.save(path, "PNG")

    def is_frozen(self) -> bool:
        """Whether it has power and is frozen."""
        return bool(self._domain.state()[0] == libvirt.VIR_DOMAIN_PAUSED)

    def freeze(self) -> None:  # noqa: D102
        self._domain.suspend()

    def thaw(self) -> None:  # noqa: D102
        self._domain.resume()

    def link(self, nic: int, *, up: bool) -> None:  # noqa: D102
        card = ET.fromstring(self._domain.XMLDesc()).findall("devices/interface")[nic]  # noqa: S314 - libvirt's own
        link = card.find("link")
        if link is None:
            link = ET.SubElement(card, "link")
        link.set("state", "up" if up else "down")
        self._domain.updateDeviceFlags(ET.tostring(card, encoding="unicode"), libvirt.VIR_DOMAIN_AFFECT_LIVE)

    def write_protect(self, *, on: bool) -> None:
        """Have the machine, which is off, boot from a disk that it can't write to."""
        xml = ET.fromstring(self._domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE))  # noqa: S314 - libvirt's own
        for disk in xml.findall("devices/disk[@device='disk']"):
            for mark in disk.findall("readonly"):
                disk.remove(mark)
            if on:
                ET.SubElement(disk, "readonly")
        self._connection.defineXML(ET.tostring(xml, encoding="unicode"))

    def snapshot(self, name: str) -> None:  # noqa: D102
        self.freeze()
        self.keep(name)
        self.bring_back(name)
        self.thaw()

    def restore(self, name: str, deadline: Deadline, *, set_clock: bool = True) -> None:  # noqa: D102
        self.bring_back(name)
        self.thaw()
        if set_clock:
            self.set_clock(deadline)

    def keep(self, name: str) -> None:
        """Keep the memory and disk of the frozen machine under a name; it is off afterwards."""
        kept = self.snapshot_folder(name)
        kept.mkdir(parents=True, exist_ok=True)
        # A new file: the old one may be a cache's, too.
        (kept / "memory").unlink(missing_ok=True)
        self._domain.saveFlags(str(kept / "memory"), None, libvirt.VIR_DOMAIN_SAVE_PAUSED)
        self._copy_disk(self.folder, kept)

    def bring_back(self, name: str) -> None:
        """Go back to a snapshot, frozen; QEMU announces the cards' addresses to the bridges when thawed."""
        kept = self.snapshot_folder(name)
        memory = kept / "memory"
        if not memory.exists():
            raise LabError(f"{self.name} has no snapshot {name!r}", "take it with snapshot()")
        if self.is_on():
            self._domain.destroy()
        self._copy_disk(kept, self.folder)
        self._forget()
        xml = moved_xml(self._connection.saveImageGetXMLDesc(str(memory), 0), self.folder)
        self._connection.restoreFlags(str(memory), xml, libvirt.VIR_DOMAIN_SAVE_PAUSED)

    def snapshot_folder(self, name: str) -> Path:
        """Where a snapshot's memory and disk lie."""
        return self.folder / "snapshots" / name

    def set_clock(self, deadline: Deadline) -> None:
        """Set the machine's clock to the lab's: a restored machine's goes on from where it was."""
        # The moment is told as late as can be: logging in may take the machine a second.
        channel = self._channel(deadline)
        ssh.run(channel, f"date --utc --set=@{time.time():.3f}", max(1.0, deadline.remaining()))

    def _copy_disk(self, source: Path, target: Path) -> None:
        for name in (self.files.disk.name, self.files.variables.name):
            if (source / name).exists():
                copy_sparse(source / name, target / name)

    def _forget(self) -> None:
        """Drop what belongs to the boot so far: the SSH connection and the console's text."""
        if self._client is not None:
            self._client.close()
            self._client = None
        if self.files.console_log.exists():
            self._console_start = self.files.console_log.stat().st_size

    def _last_lines(self) -> str:
        return "its console ends with: " + " | ".join(self.console_text().splitlines()[-5:])


def moved_xml(xml: str, folder: Path) -> str:
    """A saved machine's description with the paths of the lab that saved it led to `folder`."""
    source = ET.fromstring(xml).find("devices/disk/source")  # noqa: S314 - libvirt's own
    if source is None:
        raise LabError("the saved machine has no disk", "take its snapshot anew")
    return xml.replace(f"{Path(source.attrib['file']).parent}/", f"{folder}/")


def machine_files(lab: Folder, name: str) -> MachineFiles:
    """Where the files of a lab's machine lie."""
    folder = lab.machines / name
    return MachineFiles(
        disk=folder / "disk.qcow2",
        variables=folder / "variables.fd",
        console_log=folder / "console.log",
        console_socket=CONSOLES / name,
    )
