"""The running HAProxy through its two sockets: the worker's (statistics, states), the master's (reload)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from lbadmin.errors import UnavailableError
from lbadmin.model import RealServer
from lbadmin.render.haproxy import ADMIN_SOCKET, MASTER_SOCKET
from lbadmin.render.service import PEERS, effective_weight
from lbadmin.statistics import SERVER_ROW, STATS_FRONTEND, ask, is_service, parse_statistics
from lbadmin.system import System

__all__ = ["SERVER_ROW", "HAProxy", "OldWorker", "Session", "is_service", "words_of"]

ANSWER_TIMEOUT_S = 60.0
"""A reload answers when the new worker is ready; under software emulation that takes seconds."""

_NO_SERVICES = {STATS_FRONTEND, PEERS, "GLOBAL"}  # "GLOBAL" are the sockets for commands

_PROC_LINE = re.compile(r"([0-9]+) +worker +([0-9]+) ")
_SESSION_LINE = re.compile(r"(0x[0-9a-f]+): proto=\S+ src=\S* fe=(\S+) .* scb=\[([0-9]+),")
_ESTABLISHED = 8  # SC_ST_EST in HAProxy's include/haproxy/stconn-t.h
_COMMANDS = 100  # in one go: they have to fit into a buffer of 16 KiB


@dataclass(frozen=True)
class OldWorker:
    """A worker of settings before the last reload, and the client connections it still holds."""

    pid: int
    connections: int


@dataclass(frozen=True)
class Session:
    """A client's session by its worker and id, and whether a real server has answered its connection yet."""

    worker: int
    id: str
    served: bool


class HAProxy:
    """Commands to the HAProxy whose sockets lie below the system's root (management guide, 9.3 and 9.4)."""

    def __init__(self, system: System) -> None:
        self._admin = system.path(ADMIN_SOCKET)
        self._master = system.path(MASTER_SOCKET)

    def is_running(self) -> bool:
        """Tell whether the master answers."""
        try:
            self.master("show version")
        except UnavailableError:
            return False
        return True

    def worker(self, command: str) -> str:
        """Send a command to the current worker and return its answer. Raises UnavailableError."""
        return ask(str(self._admin), command, ANSWER_TIMEOUT_S)

    def master(self, command: str) -> str:
        """Send a command to the master and return its answer. Raises UnavailableError."""
        return ask(str(self._master), command, ANSWER_TIMEOUT_S)

    def reload(self) -> str | None:
        """Start a new worker on the current files; return None when it took over, else the reason."""
        answer = self.master("reload")
        return None if answer.startswith("Success=1") else words_of(answer)

    def set_server(self, service: str, server: RealServer) -> str | None:
        """Bring the state and weight of a running server into effect; return the reason when refused."""
        state = "maint" if server.state == "halt" else "ready"
        return self._set(service, server.label, f"weight {effective_weight(server)}") or self._set(
            service, server.label, f"state {state}"
        )

    def set_state(self, service: str, server: RealServer) -> str | None:
        """Bring the state alone into effect, whatever the weight is; return the reason when refused."""
        state = {"online": "ready", "drain": "drain", "halt": "maint"}[server.state]
        return self._set(service, server.label, f"state {state}")

    def _set(self, service: str, server: str, setting: str) -> str | None:
        said = self.worker(f"set server {service}/{server} {setting}")
        # A command that was carried out answers nothing.
        return words_of(said) if said.strip() else None

    def statistics(self) -> list[dict[str, str]]:
        """Return the rows of `show stat`: a dict per frontend, server and backend by the names of 9.1."""
        return parse_statistics(self.worker("show stat"))

    def old_workers(self) -> list[OldWorker]:
        """Return the workers that still serve connections of before a reload."""
        _, _, old = self.master("show proc").partition("# old workers")
        workers = []
        for pid in _workers(old):
            # Frontends alone (9.3 "show stat"): every page asks, and there may be many old workers.
            rows = parse_statistics(self.master(f"@!{pid} show stat -1 1 -1"))
            open_now = sum(int(row["scur"] or 0) for row in rows if is_service(row))
            workers.append(OldWorker(pid, open_now))
        return workers

    def sessions(self) -> list[Session]:
        """Return the clients' sessions with virtual services, of all workers. Raises UnavailableError."""
        return [
            Session(pid, match[1], served=int(match[3]) == _ESTABLISHED)
            for pid in _workers(self.master("show proc"))
            for match in map(_SESSION_LINE.match, self.master(f"@!{pid} show sess").splitlines())
            if match and match[2] not in _NO_SERVICES
        ]

    def end(self, sessions: Sequence[Session]) -> None:
        """End sessions on both their sides; one may have ended meanwhile. Raises UnavailableError."""
        commands = [f"@!{each.worker} shutdown session {each.id}" for each in sessions]
        for first in range(0, len(commands), _COMMANDS):
            self.master(";".join(commands[first : first + _COMMANDS]))


def _workers(processes: str) -> list[int]:
    """Return the pids of the workers in an answer to `show proc`."""
    return [int(match[1]) for match in map(_PROC_LINE.match, processes.splitlines()) if match]


def words_of(output: str) -> str:
    """Return the first complaint of a daemon's output, on one line, without time stamps and severity."""
    lines = [line for line in output.splitlines() if line.strip("- ") and not line.startswith("Success=")]
    alerts = [line for line in lines if line.startswith("[ALERT]")]
    for line in alerts or lines:
        return re.sub(r"^(\[[A-Z]+\]\s*)?(\([0-9]+\)\s*)?[: ]*", "", line).strip()
    return "no reason given"
