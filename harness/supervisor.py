"""Process 1 of a lab: makes its networks, starts libvirt and the mocks, and dies with all of them.

It is started by `harness.lab` in new network, pid and mount namespaces. When it ends, for whatever
reason, the kernel ends every process of the lab: that is the lab's whole clean-up. It ends when its
standard input closes (whoever started the lab is gone), unless told to go on by "detach".
"""

import argparse
import contextlib
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness import control, libvirtd, topology
from harness.errors import LabError
from harness.namespaces import in_network
from harness.ocs import PORTS, registrar
from harness.state import CONSOLES, CONTROL_SOCKET, NETWORK_NAMESPACES, REGISTRAR_SOCKET, Folder

_STANDARD_INPUT = 0
REGISTRAR = "registrar"
ANY_ADDRESS = "0.0.0.0"  # noqa: S104 - of a lab's host
"""A real server listens at its virtual addresses, too, where the balancer does not change them."""


def log(text: str) -> None:
    """Write a line to the supervisor's log, which standard error is."""
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")
    sys.stderr.flush()


def _call(*argv: str, text: str = "") -> None:
    """Run a short program; raises CalledProcessError, the reason is in the log."""
    subprocess.run(argv, input=text, text=True, check=True, stdout=sys.stderr)


def make_mounts(folder: Folder) -> None:
    """Give the lab its own /run, /sys and libvirt folders, so that nothing of the host is touched."""
    _call("mount", "-t", "tmpfs", "-o", "mode=0755", "tmpfs", "/run")
    _call("mount", "-t", "sysfs", "sysfs", "/sys")  # the one of the host shows the host's interfaces
    for path in (CONSOLES, NETWORK_NAMESPACES, Path("/run/libvirt")):
        path.mkdir(parents=True)
    for path in (Path("/etc/libvirt"), Path("/var/lib/libvirt")):
        _call("mount", "-t", "tmpfs", "tmpfs", str(path))
    logs = folder.logs / "libvirt"
    for path in (logs, folder.libvirt_cache):
        path.mkdir(parents=True, exist_ok=True)
    _call("mount", "--bind", str(logs), "/var/log/libvirt")
    _call("mount", "--bind", str(folder.libvirt_cache), "/var/cache/libvirt")
    Path("/etc/libvirt/qemu.conf").write_text(libvirtd.QEMU_CONF, encoding="ascii")
    Path("/etc/libvirt/libvirtd.conf").write_text(libvirtd.LIBVIRTD_CONF, encoding="ascii")


def _disable_ipv6() -> None:
    for scope in ("all", "default"):
        Path(f"/proc/sys/net/ipv6/conf/{scope}/disable_ipv6").write_text("1", encoding="ascii")


def _enable_routing() -> None:
    # Those it serves are on its own network: told of a shorter way, they would remember each user's.
    for name, value in (
        ("conf/all/send_redirects", "0"),
        ("conf/eth0/send_redirects", "0"),
        ("ip_forward", "1"),
    ):
        Path(f"/proc/sys/net/ipv4/{name}").write_text(value, encoding="ascii")


def make_networks(hosts: Sequence[topology.Host]) -> None:
    """Make the bridges and the hosts' namespaces.

    Nothing is forwarded between the networks: new network namespaces do not forward. A load host that routes
    forwards within the one network that it is on.
    """
    # IPv6 is absent from hosts that have it compiled out or switched off: then it is off here, too.
    ipv6 = Path("/proc/sys/net/ipv6/conf/all/disable_ipv6").exists()
    if ipv6:
        _disable_ipv6()
    _call("ip", "-batch", "-", text="\n".join(topology.bridge_commands()))
    for host in hosts:
        _call("ip", "netns", "add", host.name)
        if ipv6:
            in_network(NETWORK_NAMESPACES / host.name, _disable_ipv6)
    lines = [line for host in hosts for line in topology.cable_commands(host)]
    _call("ip", "-batch", "-", text="\n".join(lines))
    for host in hosts:
        _call("ip", "-n", host.name, "-batch", "-", text="\n".join(topology.address_commands(host)))
        if host.routes:
            in_network(NETWORK_NAMESPACES / host.name, _enable_routing)


class Children:
    """The programs of the lab, by name, each with its command so that it can be started again."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._commands: dict[str, tuple[list[str], tuple[int, ...]]] = {}
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def define(self, name: str, argv: Sequence[str], pass_fds: Sequence[int] = ()) -> None:
        """Say how the program `name` is started."""
        self._commands[name] = (list(argv), tuple(pass_fds))

    def start(self, name: str) -> int:
        """Start the program `name` unless it runs; returns its pid inside the lab."""
        if name not in self._commands:
            raise LabError(f"the lab has no program {name!r}", f"it has {', '.join(self._commands)}")
        if name not in self._running:
            argv, fds = self._commands[name]
            with (self._logs / f"{name}.log").open("ab") as output:
                self._running[name] = subprocess.Popen(
                    argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output, pass_fds=fds
                )
        return self._running[name].pid

    def signal(self, name: str, number: signal.Signals) -> None:
        """Send a signal to a program that runs; returns from SIGKILL when the program has ended."""
        if name not in self._running:
            raise LabError(f"the lab's program {name!r} is not running", "start it first")
        process = self._running[name]
        process.send_signal(number)
        if number is signal.SIGKILL:
            process.wait()
            del self._running[name]

    def collect(self) -> None:
        """Collect all processes that have ended; QEMU's, too, which libvirt hands to process 1."""
        with contextlib.suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                pid, status = ended
                for name, process in list(self._running.items()):
                    if process.pid == pid:
                        log(f"{name} ended with status {os.waitstatus_to_exitcode(status)}")
                        del self._running[name]

    def status(self) -> dict[str, int | None]:
        """The pid inside the lab of each program, None when it does not run."""
        return {name: self._running[name].pid if name in self._running else None for name in self._commands}


def define_children(
    children: Children, folder: Folder, front_ends: int, forward: tuple[int, str] | None
) -> None:
    """Say how all programs of the lab are started."""
    children.define("libvirtd", ["libvirtd", "--config", "/etc/libvirt/libvirtd.conf"])
    server = REGISTRAR_SOCKET.with_name("redis-server")
    server.symlink_to(registrar.SERVER)
    children.define(REGISTRAR, registrar.server_argv(server, REGISTRAR_SOCKET))
    for number in range(1, front_ends + 1):
        host = topology.front_end_host(number)
        argv = [
            "nsenter",
            f"--net={NETWORK_NAMESPACES / host.name}",
            "--",
            sys.executable,
            "-m",
            "harness.ocs.front_end",
            "--name",
            f"FE-{number}",
            "--address",
            ANY_ADDRESS,
            "--certificate",
            str(folder.keys / "front-end.pem"),
            "--authority",
            str(folder.keys / "ca.pem"),
            "--registrar",
            str(REGISTRAR_SOCKET),
            "--events",
            str(folder.logs / f"{host.name}.jsonl"),
        ]
        children.define(host.name, argv)
    if forward:
        descriptor, target = forward
        argv = [sys.executable, "-m", "harness.forward", "--descriptor", str(descriptor), "--to", target]
        children.define("publish", argv, [descriptor])


class Supervisor:
    """The loop: requests, ended children, and the end of whoever started the lab."""

    def __init__(self, children: Children) -> None:
        self._children = children
        self._selector = selectors.DefaultSelector()
        self._bound = True

    def run(self) -> None:
        """Serve until the starter is gone."""
        wake_read, wake_write = socket.socketpair()
        wake_write.setblocking(False)
        wake_read.setblocking(False)
        signal.set_wakeup_fd(wake_write.fileno())
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(str(CONTROL_SOCKET))
        listener.listen()
        self._selector.register(_STANDARD_INPUT, selectors.EVENT_READ)
        self._selector.register(listener, selectors.EVENT_READ)
        self._selector.register(wake_read, selectors.EVENT_READ)
        while self._bound is False or _STANDARD_INPUT in self._selector.get_map():
            for key, _events in self._selector.select():
                if key.fileobj is listener:
                    self._serve(listener)
                elif key.fileobj is wake_read:
                    wake_read.recv(4096)
                elif not os.read(_STANDARD_INPUT, 1):
                    log("whoever started the lab is gone")
                    self._selector.unregister(_STANDARD_INPUT)
            self._children.collect()

    def _serve(self, listener: socket.socket) -> None:
        connection, _address = listener.accept()
        with connection:
            connection.settimeout(5)
            try:
                answer = self._answer(json.loads(control.read_line(connection)))
            except (LabError, ValueError, KeyError, OSError) as error:
                answer = {"error": str(error)}
            with contextlib.suppress(OSError):
                connection.sendall(json.dumps(answer).encode() + b"\n")

    def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        log(f"asked: {request}")
        match request["op"]:
            case "status":
                return {"programs": self._children.status()}
            case "start":
                return {"pid": self._children.start(request["name"])}
            case "signal":
                self._children.signal(request["name"], signal.Signals[request["signal"]])
                return {}
            case "detach":
                if self._bound:
                    self._bound = False
                    self._selector.unregister(_STANDARD_INPUT)
                return {}
            case other:
                raise LabError(f"the supervisor does not know how to {other!r}")


def main() -> None:
    """Be process 1 of a lab."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--front-ends", type=int, required=True)
    parser.add_argument("--load-hosts", type=int, required=True)
    parser.add_argument("--forward-descriptor", type=int)
    parser.add_argument("--forward-to", default="")
    options = parser.parse_args()
    folder = Folder(options.folder)
    log(f"lab {folder.name}: {options.front_ends} front ends, {len(PORTS)} ports each")
    make_mounts(folder)
    make_networks(topology.hosts(options.front_ends, options.load_hosts))
    children = Children(folder.logs)
    forward = None
    if options.forward_descriptor is not None:
        forward = (options.forward_descriptor, options.forward_to)
    define_children(children, folder, options.front_ends, forward)
    for name in children.status():
        children.start(name)
    Supervisor(children).run()


if __name__ == "__main__":
    main()
