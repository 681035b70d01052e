"""net-snmp's tools as the one who asks by SNMP: it shares no configuration with the agent."""

import os
import subprocess
import tempfile
from dataclasses import dataclass, field

from lbadmin.snmp.tree import OBJECTS

TIMEOUT_S = 3
SYSTEM = "1.3.6.1.2.1.1"
SERVICES, SERVERS = (f"{'.'.join(map(str, OBJECTS))}.{table}.1" for table in (2, 3))


@dataclass(frozen=True)
class Manager:
    """Asks an agent with some credentials, from an address of this machine."""

    credentials: tuple[str, ...]
    source: str | None = None
    folder: str = field(default_factory=lambda: tempfile.mkdtemp(prefix="snmp-"))

    def ask(self, tool: str, agent: str, *words: str) -> list[str]:
        """Return the lines of a tool's answer, none when there is no answer or an error."""
        source = [] if self.source is None else [f"--clientaddr={self.source}"]
        command = [tool, *self.credentials, *source, f"-t{TIMEOUT_S}", "-r1", "-On", "-OU", agent, *words]
        # None of the machine's own settings, and nothing remembered: engine ids are found out anew.
        own = {"MIBS": "", "SNMPCONFPATH": self.folder, "SNMP_PERSISTENT_DIR": self.folder}
        done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **own})
        if done.returncode != 0:
            return []
        return [line for line in done.stdout.splitlines() if "No Such" not in line and "No more" not in line]

    def walk(self, agent: str, oid: str) -> dict[str, str]:
        """Return all values below an OID by what follows it."""
        lines = self.ask("snmpwalk", agent, oid)
        parted = (line.removeprefix(f".{oid}.").partition(" = ") for line in lines)
        return {name: value.partition(": ")[2].strip('"') or value for name, _, value in parted}

    def engine_id(self, agent: str) -> str:
        """Return the id of the agent's engine (SNMP-FRAMEWORK-MIB, snmpEngineID)."""
        return " ".join(self.ask("snmpget", agent, "1.3.6.1.6.3.10.2.1.1.0")).partition(": ")[2]

    def boots(self, agent: str) -> int:
        """Return how often the agent's engine has started (snmpEngineBoots)."""
        (line,) = self.ask("snmpget", agent, "1.3.6.1.6.3.10.2.1.2.0")
        return int(line.rpartition(" ")[2])


def by_community(community: str, version: str = "2c", source: str | None = None) -> Manager:
    """Return one who asks by a community."""
    return Manager((f"-v{version}", "-c", community), source)


def by_user(
    user: str, auth: str, privacy: str, *, algorithms: tuple[str, str] = ("SHA-512", "AES"), source: str = ""
) -> Manager:
    """Return one who asks as a user of version 3, signed and encrypted."""
    names = ("-v3", "-l", "authPriv", "-u", user)
    secrets = ("-a", algorithms[0], "-A", auth, "-x", algorithms[1], "-X", privacy)
    return Manager((*names, *secrets), source or None)


def column(walked: dict[str, str], number: int) -> dict[str, str]:
    """Return one column of a walked table by the rows' index."""
    first = f"{number}."
    return {name.removeprefix(first): value for name, value in walked.items() if name.startswith(first)}
