"""Needs root and build/rootfs: the daemons are the ones that ship, run natively in a network of our own."""

import ctypes
import os
import shutil
import signal
import socket
import ssl
import subprocess
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from lbadmin.change import Changes
from lbadmin.haproxy import HAProxy
from lbadmin.render.haproxy import MASTER_SOCKET
from lbadmin.render.layer4_checks import CHECKS_CFG
from lbadmin.store import Store
from lbadmin.system import Result, System, run
from tests.image.nodes import Node, appliances
from tests.image.responders import Balancer, Listen, Responder
from tests.image.servers import FrontEnd, lbadmin_web, lbadmind, wait_until
from tests.image.software import make

ROOTFS = Path(__file__).parents[2] / "build/rootfs"
JAVASCRIPT = ROOTFS / "usr/share/javascript"
Say = Callable[..., None]
CLONE_NEWNET, CLONE_NEWUTS = 0x40000000, 0x04000000

# Mounts of the child's own namespace: they go when the program ends, and the tree stays as it was built.
_ENTER = """
mount --bind "$1" "$1"; mount -o remount,bind,ro "$1"
mount --bind "$1/var/lib/dpkg" "$1/mnt"
mount -t tmpfs none "$1/var/lib"; mkdir "$1/var/lib/haproxy" "$1/var/lib/lbadmin" "$1/var/lib/dpkg"
mount --move "$1/mnt" "$1/var/lib/dpkg"
for folder in run etc/haproxy etc/keepalived var/lib/lbadmin; do mount --bind "$0/$folder" "$1/$folder"; done
mount --bind "$0/etc/machine-id" "$1/etc/machine-id"
mount -t tmpfs -o mode=1777 none "$1/tmp"
mount -t proc proc "$1/proc"; mount --rbind /dev "$1/dev"; mount --rbind /sys "$1/sys"
tree=$1; shift; exec chroot "$tree" "$@"
"""


@pytest.fixture(scope="module", autouse=True)
def own_network() -> Iterator[None]:
    """Put this process into a network of its own, with the guide's addresses, and out again.

    Its host name is its own, too, so that what is named by a booting appliance is not the build machine.
    """
    if not (ROOTFS / "usr/sbin/haproxy").exists() or os.geteuid() != 0:
        pytest.fail("needs root and build/rootfs: run `make test` as root", pytrace=False)
    libc = ctypes.CDLL(None, use_errno=True)
    with Path("/proc/self/ns/net").open("rb") as net, Path("/proc/self/ns/uts").open("rb") as uts:
        if libc.unshare(CLONE_NEWNET | CLONE_NEWUTS) != 0:
            pytest.fail(f"needs namespaces: {os.strerror(ctypes.get_errno())}", pytrace=False)
        for line in (
            "link set lo up",
            "link add eth0 type veth peer name wire",
            "link set eth0 up",
            "link set wire up",
            "addr add 192.168.2.21/24 dev eth0",
            *(f"addr add 192.168.10.{host}/32 dev lo" for host in (31, 32, 33, 100, 101, 102, 103, 104)),
        ):
            subprocess.run(["ip", *line.split()], check=True)
        # As overlay/usr/lib/sysctl.d has it.
        for family in ("ipv4", "ipv6"):
            Path(f"/proc/sys/net/{family}/ip_nonlocal_bind").write_text("1\n")
        yield
        libc.setns(net.fileno(), CLONE_NEWNET)
        libc.setns(uts.fileno(), CLONE_NEWUTS)


class Appliance:
    """The appliance's daemons on a state of their own; only the system manager is not there."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for folder in (
            "run/haproxy",
            "run/lbadmin",
            "run/lbva-checks",
            "etc/haproxy",
            "etc/keepalived",
            "var/lib/lbadmin",
            "usr/lib",
        ):
            (root / folder).mkdir(parents=True)
        (root / "etc/machine-id").write_text(f"{uuid.uuid4().hex}\n")
        shutil.copytree(ROOTFS / "etc/keepalived", root / "etc/keepalived", dirs_exist_ok=True)
        # The build machine may not allow the 80,000 file descriptors of the factory's 40,000 connections.
        Store(root / "var/lib/lbadmin/cluster").commit({"layer7": {"maxconn": 1000}}, "root", "fewer")
        self.system = System(root=root, run=self.run)
        self.haproxy = HAProxy(self.system)
        self.commands: list[list[str]] = []
        self.daemons: dict[str, subprocess.Popen[bytes]] = {}

    def run(self, command: Sequence[str]) -> Result:
        """Run a program of the appliance; what would go to systemd is done here."""
        self.commands.append(list(command))
        if command[0] == "systemctl":
            if len(command) > 2:  # reboot and poweroff name no unit
                self.manage(command[1], command[2].removesuffix(".service"))
            return Result(0, "")
        if command[0] == "networkctl":
            return Result(0, "")
        return run(self._inside(command))

    def _inside(self, command: Sequence[str]) -> list[str]:
        return ["unshare", "--mount", "sh", "-ec", _ENTER, str(self.root), str(ROOTFS), *command]

    def manage(self, verb: str, name: str) -> None:
        """Do what systemctl does with HAProxy, keepalived, and what checks the real servers of layer 4."""
        if verb in {"restart", "stop"}:
            self.stop(name)
        if name in self.daemons and verb.startswith("reload"):
            self.daemons[name].send_signal(signal.SIGHUP)
        elif verb != "stop" and name == "haproxy":
            self.start_haproxy()
        elif verb != "stop" and name == "keepalived":
            self._start("keepalived", ["keepalived", "--dont-fork", "--log-console", "--vrrp"])
        elif verb != "stop" and name == "lbva-checks":
            self._start(name, ["haproxy", "-W", "-f", CHECKS_CFG])

    def start_haproxy(self) -> None:
        """Start the master and wait until it is ready, as Type=notify does."""
        config = "/etc/haproxy/haproxy.cfg"
        # The build machine may not allow the file descriptors of the configured maxconn: -n goes before it.
        command = ["haproxy", "-W", "-n", "1000", "-f", config, "-S", MASTER_SOCKET]
        self._start("haproxy", command)
        wait_until(lambda: self.haproxy.is_running() and (self.root / "run/haproxy/admin.sock").exists())

    def _start(self, name: str, command: Sequence[str]) -> None:
        with (self.root / f"run/{name}.log").open("ab") as log:
            self.daemons[name] = subprocess.Popen(self._inside(command), stdout=log, stderr=log)

    def start_journal(self) -> None:
        """Start journald on a journal of its own."""
        settings = self.root / "run/systemd/journald.conf.d/test.conf"
        settings.parent.mkdir(parents=True)
        # The build machine's kernel log and audit are none of its business.
        settings.write_text("[Journal]\nStorage=volatile\nReadKMsg=no\nAudit=\n")
        self._start("journal", ["/usr/lib/systemd/systemd-journald"])
        wait_until(lambda: list((self.root / "run/log/journal").glob("*/system.journal")))

    def stop(self, name: str) -> None:
        """Stop a daemon, if it runs."""
        daemon = self.daemons.pop(name, None)
        if daemon is not None:
            daemon.terminate()
            daemon.wait(10)

    def run_here(self, *command: str) -> str:
        """Run a program of the build machine in the appliance's network; return what it says."""
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def has_address(self, address: str) -> bool:
        """Tell whether keepalived brought the virtual address."""
        return f"{address}/32" in self.run_here("ip", "-4", "-o", "addr", "show", "dev", "eth0")

    def changes(self) -> Changes:
        """Start the management plane's change path on this appliance."""
        changes = Changes(self.system, self.haproxy)
        changes.reconcile()
        return changes


@pytest.fixture
def appliance(tmp_path: Path) -> Iterator[Appliance]:
    """An appliance in factory state; its daemons stop at the end."""
    made = Appliance(tmp_path / "root")
    yield made
    for name in list(made.daemons):
        made.stop(name)


@pytest.fixture
def say(appliance: Appliance) -> Say:
    """Log to the appliance's journal, as a daemon would by syslog(3)."""
    appliance.start_journal()

    def send(identifier: str, *messages: str, priority: int = 6) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as log:
            log.connect(str(appliance.root / "run/systemd/journal/dev-log"))
            for message in messages:
                log.send(f"<{24 + priority}>{identifier}: {message}".encode())

    return send


@pytest.fixture
def front_ends() -> Iterator[dict[str, FrontEnd]]:
    """Two front ends on the guide's addresses, listening on some of the guide's ports."""
    made = {
        name: FrontEnd(name, address, (5060, 5061, 443))
        for name, address in (("FE-1", "192.168.10.31"), ("FE-2", "192.168.10.32"))
    }
    for front_end in made.values():
        front_end.start()
    yield made
    for front_end in made.values():
        front_end.stop()


@pytest.fixture
def balancer(appliance: Appliance) -> Balancer:
    """An appliance whose one service a test puts together itself."""
    return Balancer(appliance)


@pytest.fixture
def listen() -> Iterator[Listen]:
    """Start responders, which stop at the end."""
    made: list[Responder] = []

    def start(address: str, port: int, answer: bytes = b"", tls: ssl.SSLContext | None = None) -> Responder:
        made.append(Responder(address, port, answer, tls))
        return made[-1]

    yield start
    for responder in made:
        responder.stop()


@pytest.fixture
def daemon(appliance: Appliance) -> Iterator[str]:
    """The socket of lbadmind on the appliance."""
    with lbadmind(appliance.system) as path:
        yield path


@pytest.fixture
def website(appliance: Appliance, daemon: str) -> Iterator[int]:
    """The HTTPS port of lbadmin-web before the appliance's lbadmind."""
    with lbadmin_web(appliance.system, daemon, JAVASCRIPT) as port:
        yield port


@pytest.fixture(scope="session")
def software(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The appliance's software for nodes."""
    return make(tmp_path_factory.mktemp("software"))


@pytest.fixture
def two_nodes(tmp_path: Path, software: Path) -> Iterator[tuple[Node, Node]]:
    """lb1 and lb2, up and unpaired, on networks of their own with the guide's hosts; gone at the end."""
    with appliances(tmp_path, software, 21, 22) as (lb1, lb2):
        yield lb1, lb2
