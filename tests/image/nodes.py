"""Appliances as nodes on a network of the test's own: started, killed, cut from each other, asked."""

import base64
import contextlib
import ctypes
import http.client
import json
import os
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lbadmin.client import PREFIX, SOCKET, Answer, Client, RequestError
from tests.image.node import CGROUPS
from tests.image.servers import trusting, wait_until
from tests.image.software import REPOSITORY

USER, PASSWORD = "loadbalancer", "loadbalancer"
BRIDGES = {"management": "192.168.2.1/24", "service": "192.168.10.1/24"}
HOSTS = (31, 32, 33, 100, 101, 102, 103, 104)
"""Of the service network, as FE-1 to FE-3 and clients in the test's own process."""

BOOT_S = 60.0
_CLONE_NEWNET = 0x40000000


@contextlib.contextmanager
def networks() -> Iterator[None]:
    """Put this thread and those it starts into a network with the guide's two bridges, and out again."""
    libc = ctypes.CDLL(None, use_errno=True)
    with Path("/proc/thread-self/ns/net").open("rb") as before:
        if libc.unshare(_CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "needs a network namespace")
        try:
            _ip("link set lo up")
            for number, (bridge, address) in enumerate(BRIDGES.items(), 1):
                # A bridge without a MAC address of its own takes another one with each cable.
                _ip(f"link add {bridge} address 02:00:00:00:00:0{number} type bridge forward_delay 0")
                _ip(f"addr add {address} dev {bridge}")
                _ip(f"link set {bridge} up")
            for host in HOSTS:
                _ip(f"addr add 192.168.10.{host}/24 dev service")
            yield
        finally:
            libc.setns(before.fileno(), _CLONE_NEWNET)


def _ip(arguments: str) -> None:
    subprocess.run(["ip", *arguments.split()], check=True)


class Node:
    """An appliance: `start` switches it on, `kill` pulls its plug; what its disk holds stays."""

    def __init__(self, root: Path, software: Path, name: str, host: int) -> None:
        self.root = root
        self.name = name
        self.address = f"192.168.2.{host}"
        self.service_address = f"192.168.10.{host}"
        self.password = PASSWORD
        """Of its loadbalancer user; a test that changes it says so here."""
        self._software = software
        self._process: subprocess.Popen[bytes] | None = None
        self._trouble = ""
        root.mkdir(parents=True)

    @property
    def state(self) -> Path:
        """The folder of all state, also while the node is off."""
        return self.root / "lbadmin"

    def start(self) -> None:
        """Switch on, without waiting; see `wait_until_up`."""
        # It ends with the thread that starts it, also when that is killed.
        command = ["setpriv", "--pdeathsig", "KILL", sys.executable, "-m", "tests.image.node"]
        command += ["--root", str(self.root), "--software", str(self._software), "--name", self.name]
        command += ["--nic", f"management={self.address}/24", "--nic", f"service={self.service_address}/24"]
        with (self.root / "console.log").open("ab") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=REPOSITORY
            )

    def wait_until_up(self) -> None:
        """Wait until the management plane serves, to root and over HTTPS."""
        try:
            wait_until(self._serves, BOOT_S)
        except AssertionError:
            raise AssertionError(f"{self.name} is not up: {self._trouble}") from None

    def kill(self) -> None:
        """End everything at once: a power cut, as far as processes go."""
        if self._process is None:
            return
        # The cables first: nobody hears a connection end.
        for number in range(len(BRIDGES)):
            subprocess.run(
                ["ip", "link", "del", f"{self.name}-eth{number}"], check=False, capture_output=True
            )
        self._process.kill()
        self._process.wait()
        group = self._group()
        wait_until(lambda: _is_empty(group), what=f"{self.name} has ended")
        self._process = None

    def mend(self) -> None:
        """Undo what a test that failed has left: power, cables, and the way to other nodes."""
        if self._process is None:
            self.start()
            self.wait_until_up()
        self.freeze(on=False)
        self.isolated(on=False)
        for number in range(len(BRIDGES)):
            self.link(number, "up")

    def restart(self) -> None:
        """Pull the plug, switch on again, and wait until it serves."""
        self.kill()
        self.start()
        self.wait_until_up()

    def freeze(self, *, on: bool) -> None:
        """Stop all of the node where it stands, or let it go on; its network goes on answering pings."""
        (self._group() / "cgroup.freeze").write_text("1" if on else "0")

    def path(self, absolute: str) -> Path:
        """Return where a file of the running node is here."""
        return Path(f"/proc/{self._init()}/root{absolute}")

    def run(self, *command: str, check: bool = True) -> str:
        """Run a program in the node, as root; return what it says."""
        enter = ["nsenter", "--target", str(self._init()), "--all", *command]
        done = subprocess.run(
            enter,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert not check or done.returncode == 0, f"{' '.join(command)} on {self.name}: {done.stdout}"
        return done.stdout

    def rest(self, method: str, path: str, body: object = None, *, revision: str | None = None) -> Answer:
        """Send root's request to lbadmind's socket and return its answer, whatever it is."""
        headers = None if revision is None else {"If-Match": revision}
        return self._client().request(method, path, body, headers)

    def get(self, path: str) -> Any:  # noqa: ANN401 - JSON is any shape
        """Return what root reads at a path. Raises RequestError."""
        return self._client().call("GET", path)

    def https(
        self, method: str, path: str, body: object = None, *, password: str | None = None, **headers: str
    ) -> tuple[int, Any]:
        """Send a request over HTTPS as the loadbalancer user; return its status and decoded body."""
        login = base64.b64encode(f"{USER}:{password or self.password}".encode()).decode()
        sent = {"Authorization": f"Basic {login}", "Content-Type": "application/json", **headers}
        connection = http.client.HTTPSConnection(self.address, 9443, timeout=60, context=self._trust())
        with contextlib.closing(connection):
            connection.request(method, f"{PREFIX}{path}", None if body is None else json.dumps(body), sent)
            answer = connection.getresponse()
            data = answer.read()
        return answer.status, json.loads(data) if data else None

    def has_address(self, address: str) -> bool:
        """Tell whether the node holds the address, its own or a virtual one."""
        return f" {address}/" in self._network("ip", "-oneline", "address")

    def link(self, nic: int, state: str) -> None:
        """Plug a cable in ("up") or out ("down")."""
        _ip(f"link set {self.name}-eth{nic} {state}")

    def isolated(self, *, on: bool) -> None:
        """Cut the node off from all other isolated ones, on both networks; hosts still reach it."""
        for number in range(len(BRIDGES)):
            port = f"{self.name}-eth{number}"
            subprocess.run(
                ["bridge", "link", "set", "dev", port, "isolated", "on" if on else "off"], check=True
            )

    def journal(self, unit: str) -> str:
        """Return what a unit said since the node started."""
        return self.run("journalctl", "--boot", "--no-pager", "--output=cat", f"--unit={unit}")

    def _network(self, *command: str) -> str:
        enter = ["nsenter", f"--net=/proc/{self._init()}/ns/net", *command]
        return subprocess.run(enter, check=True, capture_output=True, text=True).stdout

    def _client(self) -> Client:
        return Client(str(self.path(SOCKET)), timeout_s=60)

    def _trust(self) -> ssl.SSLContext:
        return trusting(self.state / "tls/web.pem")

    def _group(self) -> Path:
        if self._process is None:
            raise RuntimeError(f"{self.name} is off")
        return CGROUPS / f"lbva-{self.name}-{self._process.pid}"

    def _init(self) -> int:
        """Return the process id of the node's first process."""
        if self._process is None:
            raise RuntimeError(f"{self.name} is off")
        pid = self._process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
        if not children:
            raise RuntimeError(f"{self.name} does not run: see {self.root}/console.log")
        return int(children[0])

    def _serves(self) -> bool:
        assert self._process is None or self._process.poll() is None, (self.root / "console.log").read_text()
        try:
            self.get("/status")
            status, body = self.https("GET", "/status")
        except (OSError, RuntimeError, RequestError) as error:
            self._trouble = str(error)
            return False
        self._trouble = f"{status} {body}"
        return status == 200


@contextlib.contextmanager
def appliances(folder: Path, software: Path, *hosts: int) -> Iterator[list[Node]]:
    """Yield lb1, lb2 … up and unpaired, with these host numbers on networks of their own; gone at the end."""
    for group in CGROUPS.glob("lbva-*"):
        if not Path(f"/proc/{group.name.rpartition('-')[2]}").exists():
            # Of a test run that was killed.
            _is_empty(group)
    nodes = [Node(folder / f"lb{n}", software, f"lb{n}", host) for n, host in enumerate(hosts, 1)]
    with networks():
        try:
            for node in nodes:
                node.start()
            for node in nodes:
                node.wait_until_up()
            yield nodes
        finally:
            for node in nodes:
                node.kill()


def cut(one: Node, other: Node) -> None:
    """Part the two nodes from each other, and from nothing else."""
    one.isolated(on=True)
    other.isolated(on=True)


def join(one: Node, other: Node) -> None:
    """Undo `cut`."""
    one.isolated(on=False)
    other.isolated(on=False)


def _is_empty(group: Path) -> bool:
    """Remove a control group whose processes have ended; tell whether it is gone."""
    with contextlib.suppress(OSError):
        for folder, _, _ in os.walk(group, topdown=False):
            Path(folder).rmdir()
    return not group.exists()
