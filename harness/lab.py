"""A lab as tests hold it: hosts, front ends, machines, sockets.

`with Lab.start("name") as lab:` makes one that ends with the block, and with the process.
"""

import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from socket import AF_INET, SOCK_STREAM, SocketKind
from typing import Any, TypeVar

import httpx
import libvirt

from harness import lifecycle, topology, web
from harness.accelerator import choose
from harness.control import ask
from harness.deadline import Deadline
from harness.domain import Accelerator, MachineSpec
from harness.errors import LabError
from harness.front_ends import FrontEnd
from harness.hardware import KVM, Hardware
from harness.inside import Inside, Socket
from harness.libvirt_machine import LibvirtMachine
from harness.ocs.registrar import Remote
from harness.result import Result
from harness.state import CONTROL_SOCKET, LABS, LIBVIRT_SOCKET, REGISTRAR_SOCKET, Folder, Record, folder_of

T = TypeVar("T")
_START_S = 60.0


class Lab:
    """A running lab. `inside` is the way into its namespaces."""

    def __init__(
        self, folder: Folder, record: Record, process: subprocess.Popen[bytes] | None = None
    ) -> None:
        if record.init is None or not record.init.alive():
            raise LabError(f"lab {folder.name} is not up", f"`lab up --name {folder.name}` starts it")
        self.folder = folder
        self.record = record
        self.inside = Inside(record.init.pid)
        self._process = process
        self._connection: libvirt.virConnect | None = None
        self._machines: dict[str, LibvirtMachine] = {}

    @classmethod
    def start(
        cls,
        name: str,
        *,
        front_ends: int = 2,
        load_hosts: int = 1,
        publish: lifecycle.Publish | None = None,
        keys: Path | None = None,
        root: Path = LABS,
        deadline: Deadline | None = None,
    ) -> "Lab":
        """Start a lab and wait until libvirt and all front ends answer; it has no machine yet.

        `keys` is the folder of another lab's keys, for machines that were made there.

        It ends with `close`, or when this process ends in whatever way, unless `detach` is called.
        Raises LabError when a lab of that name is up or something is missing.
        """
        deadline = deadline or Deadline(_START_S)
        folder = folder_of(name, root)
        record, process = lifecycle.start(
            folder,
            front_ends=front_ends,
            load_hosts=load_hosts,
            publish=publish,
            keys=keys,
            deadline=deadline,
        )
        lab = cls(folder, record, process)
        try:
            for front_end in lab.front_ends:
                front_end.start(deadline)
            deadline.wait_until(lab._open_libvirt, "libvirtd", ignoring=(libvirt.libvirtError,))
        except BaseException:
            lab.close()
            raise
        return lab

    @classmethod
    def attach(cls, name: str, *, root: Path = LABS) -> "Lab":
        """The running lab of that name; raises LabError when it is not up."""
        folder = folder_of(name, root)
        record = Record.read(folder)
        if record is None:
            raise LabError(f"there is no lab {name!r}", f"`lab up --name {name}` starts it")
        return cls(folder, record)

    def __enter__(self) -> "Lab":
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def detach(self) -> None:
        """Let the lab go on when this process ends; `lab down` ends it."""
        self.control(op="detach")

    def close(self) -> None:
        """End every process of the lab and remove its folder. Nothing happens the second time."""
        self._connection = None
        lifecycle.end(self.folder, Deadline(30))
        if self._process:
            self._process.communicate()

    def control(self, **request: str) -> dict[str, Any]:
        """Ask the lab's supervisor (harness.supervisor)."""
        return ask(self.inside.path(CONTROL_SOCKET), Deadline(30), **request)

    @property
    def authority(self) -> Path:
        """The certificate of the authority that vouches for the front ends."""
        return self.folder.keys / "ca.pem"

    @property
    def certificate(self) -> Path:
        """A client's own, with its key, for the front ends' port that wants one."""
        return self.folder.keys / "client.pem"

    @property
    def front_ends(self) -> list[FrontEnd]:
        """FE-1, FE-2 …"""
        numbers = range(1, self.record.front_ends + 1)
        return [FrontEnd(number, self.folder.logs, self.control, self.pool) for number in numbers]

    @property
    def pool(self) -> Remote:
        """What the front ends know in common."""
        return Remote(self.inside.path(REGISTRAR_SOCKET))

    def socket(self, host: str, kind: SocketKind = SOCK_STREAM, family: int = AF_INET) -> Socket:
        """A new socket on a host's network."""
        return self.inside.socket(host, kind, family)

    def connect(
        self, host: str, address: tuple[str, int], *, source: str | None = None, timeout_s: float | None = 10
    ) -> Socket:
        """A TCP connection from a host; see harness.inside.Inside.connect."""
        return self.inside.connect(host, address, source=source, timeout_s=timeout_s)

    def run(
        self, host: str, argv: Sequence[str], *, check: bool = True, timeout_s: float = 60, data: str = ""
    ) -> Result:
        """Run a program on a host; see harness.inside.Inside.run."""
        return self.inside.run(host, argv, check=check, timeout_s=timeout_s, data=data)

    def on(self, host: str, action: Callable[[], T]) -> T:
        """Do `action` in a thread on a host's network; see harness.inside.Inside.on."""
        return self.inside.on(host, action)

    def http(
        self,
        base_url: str,
        *,
        host: str = topology.LAB,
        source: str | None = None,
        certificate: Path | None = None,
        timeout_s: float = 30,
    ) -> httpx.Client:
        """An HTTP client on a host: `certificate` is the one to trust, None trusts anybody."""
        return web.client(
            base_url,
            lambda action: self.inside.on(host, action),
            certificate=certificate,
            source=source,
            timeout_s=timeout_s,
        )

    def libvirt(self) -> libvirt.virConnect:
        """A connection to the lab's own libvirtd."""
        if self._connection is None:
            self._open_libvirt()
        return self._connection

    def _open_libvirt(self) -> bool:
        # libvirt prints each error to standard error before it raises it.
        libvirt.registerErrorHandler(lambda _context, _error: None, None)
        self._connection = libvirt.open(f"qemu+unix:///system?socket={self.inside.path(LIBVIRT_SOCKET)}")
        return True

    def add_machine(
        self,
        name: str,
        image: Path,
        *,
        hardware: Hardware = KVM,
        cpus: int = 1,
        memory_mib: int = 2048,
        credentials: Mapping[str, str] | None = None,
        description: str | None = None,
        vendor: str = "",
        cdrom: Path | None = None,
        agent: bool = False,
        accelerator: Accelerator | None = None,
    ) -> LibvirtMachine:
        """Define a machine whose disk is a layer over `image`; it is off.

        Its credentials are `credentials` and the lab's SSH key for root. A `description`, the libvirt domain
        that ships, takes the place of hardware, CPUs and memory. Raises LabError when the image is missing or
        the name is none of lb1, lb2.
        """
        key = (self.folder.keys / "id_ed25519.pub").read_text(encoding="ascii").strip()
        spec = _spec(
            name,
            image,
            hardware=hardware,
            cpus=cpus,
            memory_mib=memory_mib,
            credentials={"ssh.authorized_keys.root": key, **(credentials or {})},
            description=description,
            vendor=vendor,
            cdrom=cdrom,
            agent=agent,
        )
        chosen = accelerator or choose(self.inside, spec.image, self.folder.path.parent / ".accelerator.json")
        machine = LibvirtMachine.define(self.libvirt(), self.inside, self.folder, spec, chosen)
        self._machines[name] = machine
        return machine

    def adopt_machine(self, name: str, image: Path, snapshot: Path) -> LibvirtMachine:
        """Define a machine that another lab with the same keys kept in the folder `snapshot`; it is off.

        Its disk is over the very `image` of then. The folder's name is the snapshot's.
        """
        machine = LibvirtMachine.adopt(self.libvirt(), self.inside, self.folder, _spec(name, image), snapshot)
        self._machines[name] = machine
        return machine

    @property
    def machines(self) -> dict[str, LibvirtMachine]:
        """The machines of the lab by name, also those that another process added."""
        for domain in self.libvirt().listAllDomains():
            name = domain.name()
            if name not in self._machines:
                address = topology.MACHINE_ADDRESSES[name]
                self._machines[name] = LibvirtMachine(self.libvirt(), self.inside, self.folder, name, address)
        return self._machines

    def machine(self, name: str) -> LibvirtMachine:
        """The machine of that name; raises LabError when there is none."""
        machines = self.machines
        if name not in machines:
            raise LabError(f"the lab has no machine {name!r}", f"it has {', '.join(machines) or 'none'}")
        return machines[name]


def _spec(
    name: str,
    image: Path,
    *,
    hardware: Hardware = KVM,
    cpus: int = 1,
    memory_mib: int = 2048,
    credentials: Mapping[str, str] | None = None,
    description: str | None = None,
    vendor: str = "",
    cdrom: Path | None = None,
    agent: bool = False,
) -> MachineSpec:
    """The order for a machine; raises LabError when the image is missing or the name is no machine's."""
    if not image.is_file():
        raise LabError(f"there is no image {image}", "`make image` builds it")
    if name not in topology.MACHINE_ADDRESSES:
        raise LabError(f"a lab has no machine {name!r}", f"it has {', '.join(topology.MACHINE_ADDRESSES)}")
    return MachineSpec(
        name=name,
        image=image.resolve(),
        address=topology.MACHINE_ADDRESSES[name],
        hardware=hardware,
        cpus=cpus,
        memory_mib=memory_mib,
        credentials=credentials or {},
        description=description,
        vendor=vendor,
        cdrom=cdrom,
        agent=agent,
    )
