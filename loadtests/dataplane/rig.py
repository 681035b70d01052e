"""The one virtual machine on which all balancers are measured, one after the other."""

import base64
import contextlib
import io
import shlex
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from harness import topology
from harness.appliance import Appliance
from harness.at_once import at_once
from harness.deadline import Deadline
from harness.errors import LabError
from harness.lab import Lab
from harness.libvirt_machine import LibvirtMachine
from harness.ocs.client import SipClient, secure
from loadtests.dataplane.balancers import BULK_PORT, SIP_PORT, SIPS_PORT, Balancer, Demand, Unit
from loadtests.dataplane.results import Memory, memory_of

MACHINE = "lb1"
UNIT = "bench-balancer"
OWN_SERVICE = "haproxy.service"
BULK_LABEL = "Bulk"
SNAPSHOT = "bench"

PACKED = (
    "etc/nginx",
    "usr/bin/pen",
    "usr/lib/nginx",
    "usr/lib/x86_64-linux-gnu",
    "usr/sbin/nginx",
    "usr/share/nginx",
)
"""What of the peers' packages goes into the machine; the rest is documents and units."""

COMMON = ("LimitNOFILE=524288", "CPUWeight=1000")
"""As many files as HAProxy takes leave for by itself, and the weight that the appliance gives it."""

BOOT_S = 600.0
START_S = 120.0
_SOURCE = str(topology.crowd_of(1)[-2])
"""Who asks whether a balancer serves: none of the users."""


class Rig:
    """A lab with one appliance; `demand` is what all balancers serve."""

    def __init__(self, lab: Lab, image: Path, capacity: int) -> None:
        self.lab = lab
        self.machine: LibvirtMachine = lab.add_machine(MACHINE, image)
        servers = {front_end.name: str(front_end.address) for front_end in lab.front_ends}
        self.demand = Demand(str(topology.VIP), servers, capacity)

    def set_up(self, tree: Path, balancers: Sequence[Balancer]) -> None:
        """Boot, follow the guide, bring the others in, and keep all that with no balancer running."""
        self.machine.power_on()
        appliance = Appliance(self.lab, self.machine)
        appliance.wait_until_up(Deadline(BOOT_S))
        self._configure(appliance)
        self.machine.run(["systemctl", "stop", OWN_SERVICE], timeout_s=START_S)
        self._install(tree, balancers)
        self.machine.snapshot(SNAPSHOT)
        self.machine.set_clock(Deadline(START_S))

    def _configure(self, appliance: Appliance) -> None:
        """The guide, the way to the users, room for all connections, and a service for bulk data."""
        appliance.join_service_network()
        gateway = {"gateway": str(topology.LOAD_GATEWAY)}
        appliance.call("PUT", "/node?confirmed=true", {**appliance.get("/node"), **gateway})
        appliance.set_guide_timeouts()
        appliance.call("PATCH", "/layer7/settings", {"maxconn": self.demand.capacity})
        appliance.add_guide_service(self.lab)
        table = {"mode": "source_ip", "table_size": self.demand.capacity}
        appliance.call("PATCH", "/layer7/virtual-services/OCS-Front-End", {"persistence": table})
        service = {"label": BULK_LABEL, "ip": self.demand.vip, "ports": str(BULK_PORT), "protocol": "tcp"}
        appliance.call("POST", "/layer7/virtual-services", {**service, "health_check": {"type": "none"}})
        name, address = self.demand.bulk_server
        server = {"label": name, "ip": address, "port": None, "weight": 100}
        appliance.call("POST", f"/layer7/virtual-services/{BULK_LABEL}/real-servers", server)

    def _install(self, tree: Path, balancers: Sequence[Balancer]) -> None:
        """Put programs and configurations at their usual paths, into the layer in memory over the root."""
        data = base64.b64encode(packed(tree)).decode("ascii")
        unpack = "base64 -d | tar -xz -C / --no-overwrite-dir"
        self.machine.run(f"mkdir -p /var/log/nginx /var/lib/nginx && {unpack}", data=data, timeout_s=START_S)
        for path, text in (item for balancer in balancers for item in balancer.files.items()):
            where = shlex.quote(path)
            self.machine.run(f"mkdir -p $(dirname {where}) && cat > {where}", data=text)

    def reset(self) -> None:
        """Go back to the machine as it was set up, with front ends that hold no connection of before."""
        at_once(lambda front_end: front_end.restart(), self.lab.front_ends)
        self.machine.restore(SNAPSHOT, Deadline(START_S))

    def memory(self) -> Memory:
        """The machine's memory now."""
        return memory_of(self.machine.run(["cat", "/proc/meminfo"]).stdout)

    @contextlib.contextmanager
    def running(self, balancer: Balancer) -> Iterator[None]:
        """The balancer serves within the block; behind it none does.

        Raises LabError when it does not start, with what it said.
        """
        try:
            for argv in starts(balancer):
                self.machine.run(argv, timeout_s=START_S)
            self._wait_until_served(balancer)
            yield
        finally:
            # A machine that is gone is the next one's to find: what happened first is not to be hidden.
            with contextlib.suppress(LabError):
                self.machine.run(["systemctl", "stop", OWN_SERVICE, f"{UNIT}-*"], timeout_s=START_S)

    def ended(self, balancer: Balancer) -> list[str]:
        """Those of the balancer's units that no longer run, with what became of them."""
        states = []
        for unit in units_of(balancer):
            state = self.machine.run(["systemctl", "is-active", unit], check=False).stdout.strip()
            if state != "active":
                states.append(f"{unit} is {state}")
        return states

    def _wait_until_served(self, balancer: Balancer) -> None:
        deadline = Deadline(START_S)
        wanted = {SIP_PORT, SIPS_PORT, BULK_PORT}
        try:
            deadline.wait_until(lambda: wanted <= self._listening(), f"{balancer.title} to listen")
            for port in (SIP_PORT, SIPS_PORT):
                deadline.wait_until(
                    lambda port=port: self._served(port),  # type: ignore[misc]
                    f"{balancer.title} to serve {port}",
                    ignoring=(OSError,),
                )
        except LabError as error:
            said = self.machine.run(
                ["journalctl", "--lines=20", "--output=cat", f"--unit={UNIT}-*"], check=False
            )
            raise LabError(error.message, f"its journal ends with: {said.stdout.strip()[-1500:]}") from error

    def _listening(self) -> set[int]:
        """The ports on which the virtual address is listened at."""
        return ports_of(self.machine.run(["ss", "-Htln", "src", self.demand.vip]).stdout)

    def _served(self, port: int) -> bool:
        connection = self.lab.connect(
            topology.load_host(1).name, (self.demand.vip, port), source=_SOURCE, timeout_s=10
        )
        with contextlib.closing(connection):
            wire = connection if port == SIP_PORT else secure(connection, self.lab.authority)
            with SipClient(wire, user="bench") as client:
                return bool(client.options().front_end)


def units_of(balancer: Balancer) -> list[str]:
    """The names of a balancer's units. Pure."""
    if not balancer.units:
        return [OWN_SERVICE]
    return [f"{UNIT}-{number}.service" for number in range(len(balancer.units))]


def starts(balancer: Balancer) -> list[list[str]]:
    """The commands that start a balancer in the machine (systemd-run(1)). Pure."""
    if not balancer.units:
        return [["systemctl", "start", OWN_SERVICE]]
    names = units_of(balancer)
    return [_start(name, unit) for name, unit in zip(names, balancer.units, strict=True)]


def _start(name: str, unit: Unit) -> list[str]:
    properties = (f"--property={each}" for each in (*COMMON, *unit.properties))
    return ["systemd-run", "--quiet", "--collect", f"--unit={name}", *properties, *unit.command]


def ports_of(listeners: str) -> set[int]:
    """The ports in the output of `ss -Htln`, whose fourth column is address and port. Pure."""
    columns = (line.split() for line in listeners.splitlines())
    return {int(column[3].rpartition(":")[2]) for column in columns if len(column) > 3}  # noqa: PLR2004 - see above


def packed(tree: Path) -> bytes:
    """What the machine needs of the unpacked packages, as a compressed archive owned by root."""

    def owned_by_root(entry: tarfile.TarInfo) -> tarfile.TarInfo:
        entry.uid = entry.gid = 0
        entry.uname = entry.gname = ""
        return entry

    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as file:
        for name in PACKED:
            file.add(tree / name, name, filter=owned_by_root)
    return archive.getvalue()
