"""Can this node serve? What there is to say against it, as sentences for a person."""

import contextlib
import os
import select
import socket
import struct
from pathlib import Path

from lbadmin.model import ClusterConfig, NodeConfig
from lbadmin.pair.gateway import Gateway
from lbadmin.render.haproxy import ADMIN_SOCKET, MASTER_SOCKET
from lbadmin.render.keepalived import carriers_of, home_of, virtual_addresses
from lbadmin.system import System

PROBE_TIMEOUT_S = 1.0
SILENT_AFTER = 3
"""Probes in a row without an answer, a second or more apart: HAProxy answers on its socket under any load."""

KEEPALIVED_PID = "/run/keepalived.pid"

_PEER_CREDENTIALS = struct.Struct("3i")


class HAProxyProbe:
    """Whether HAProxy runs and answers. `handle` becomes readable when it ends (pidfd_open(2))."""

    def __init__(self, system: System) -> None:
        self._admin = system.path(ADMIN_SOCKET)
        self._master = system.path(MASTER_SOCKET)
        self.handle: int | None = None
        self._failed = SILENT_AFTER

    def ended(self, *, planned: bool) -> None:
        """Note that the process has ended: unless that was planned, it is gone until it answers again."""
        self.close()
        self._failed = 0 if planned else SILENT_AFTER

    def close(self) -> None:
        """Watch it no longer."""
        if self.handle is not None:
            os.close(self.handle)
            self.handle = None

    def trouble(self) -> str | None:
        """Probe it; return what is wrong, None when it serves."""
        if self.handle is None:
            self.handle = self._find()
        if self.handle is not None and self._answers(self.handle):
            self._failed = 0
            return None
        self._failed = min(self._failed + 1, SILENT_AFTER)
        if self._failed < SILENT_AFTER:
            return None
        return "HAProxy is not running" if self.handle is None else "HAProxy does not answer"

    def _find(self) -> int | None:
        """Return a handle of the process that listens on the master's socket (unix(7), SO_PEERCRED)."""
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(PROBE_TIMEOUT_S)
                connection.connect(str(self._master))
                credentials = connection.getsockopt(
                    socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER_CREDENTIALS.size
                )
            return os.pidfd_open(_PEER_CREDENTIALS.unpack(credentials)[0])
        except OSError:
            return None

    def _answers(self, handle: int) -> bool:
        """Ask it something. Its end ends the wait: a killed HAProxy's sockets may take a second to close."""
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(PROBE_TIMEOUT_S)
            connection.connect(str(self._admin))
            connection.sendall(b"show version\n")
            poll = select.poll()
            for each in (connection.fileno(), handle):
                poll.register(each, select.POLLIN)
            ready = dict(poll.poll(PROBE_TIMEOUT_S * 1000))
            return connection.fileno() in ready and connection.recv(16) != b""
        return False


def link_troubles(cluster: ClusterConfig, node: NodeConfig) -> list[str]:
    """Return the links that are down; keepalived sees those itself, and gives the role away."""
    carriers = sorted(carriers_of(cluster, node))
    return [f"the link of {name} is down" for name in carriers if not _has_carrier(name)]


def homeless(cluster: ClusterConfig, node: NodeConfig) -> list[str]:
    """Return the virtual addresses that lie in no network of this node."""
    return [
        f"{ip} lies in no network of this node; give an interface an address in that network"
        for ip in virtual_addresses(cluster)
        if home_of(ip, node) is None
    ]


class GatewayWatch:
    """Whether the gateway of the configuration answers, if it is to be watched."""

    def __init__(self) -> None:
        self._gateway: Gateway | None = None

    def trouble(self, cluster: ClusterConfig, node: NodeConfig) -> str | None:
        """Ask the gateway; return what is wrong, None when it answers or nobody wants to know."""
        wanted = node.gateway if cluster.ha.check_gateway else None
        if self._gateway is not None and self._gateway.address != wanted:
            self._gateway.close()
            self._gateway = None
        if wanted is None:
            return None
        if self._gateway is None:
            self._gateway = Gateway(wanted)
        return None if self._gateway.answers() else f"the gateway {wanted} does not answer"


def keepalived_started(system: System) -> float:
    """Return when keepalived was started (seconds since 1970), 0 when it is not there."""
    try:
        return system.path(KEEPALIVED_PID).stat().st_mtime
    except OSError:
        return 0.0


def _has_carrier(name: str) -> bool:
    """Tell whether an interface is up and its driver sees a link."""
    try:
        return Path(f"/sys/class/net/{name}/carrier").read_text(encoding="ascii").strip() == "1"
    except OSError:
        return False
