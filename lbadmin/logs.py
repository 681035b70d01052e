"""The journal, read through journalctl: bounded, filtered by literal text, followed by a cursor."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from lbadmin.audit import IDENTIFIER
from lbadmin.errors import Fault, RefusedError, UnavailableError
from lbadmin.system import System

Source = Literal["audit", "haproxy", "keepalived", "layer4", "management", "system"]
LINES_MAX = 1000
TEXT_MAX = 200
_UNITS: dict[Source, tuple[str, ...]] = {
    "haproxy": ("haproxy.service",),
    "keepalived": ("keepalived.service",),
    "layer4": (
        "lbva-layer4.service",
        "lbva-checks.service",
        "lbva-layer4-sync.service",
        "conntrackd.service",
    ),
    "management": ("lbadmind.service", "lbadmind.socket", "lbadmin-web.service", "lbadmin-boot.service"),
}
_IDENTIFIERS: dict[Source, tuple[str, ...]] = {
    # The logins at the console and by SSH are theirs to tell, so they are among the system's, too.
    "audit": (IDENTIFIER, "login", "sshd", "sshd-session"),
    "haproxy": ("haproxy",),
    "keepalived": ("Keepalived", "Keepalived_vrrp"),
    "layer4": (
        "Keepalived_healthcheckers", "lbva-layer4", "lbva-checks", "lbva-layer4-sync", "conntrack-tools",
    ),
    "management": ("lbadmind", "lbadmin-web", "lbadmin-boot"),
    # journalctl counts lines before it excludes any, so what belongs to the system is named, too.
    "system": (
        "kernel", "systemd", "systemd-fsck", "systemd-growfs", "systemd-journald", "systemd-logind",
        "systemd-networkd", "systemd-repart", "systemd-shutdown", "systemd-sysctl", "systemd-tmpfiles",
        "systemd-udevd", "dbus-broker", "dbus-broker-launch", "login", "ssh-keygen", "sshd", "sshd-session",
    ),
}  # fmt: skip
_SOURCE_OF_UNIT = {unit: source for source, units in _UNITS.items() for unit in units}
_SOURCE_OF_IDENTIFIER = {name: source for source, names in _IDENTIFIERS.items() for name in names}
_FIELDS = "MESSAGE,PRIORITY,SYSLOG_IDENTIFIER,UNIT"
_CURSOR = re.compile(r"[a-z]=[0-9a-f]{1,32}(;[a-z]=[0-9a-f]{1,32}){0,9}")
_TOO_LONG = "(a message of more than 4096 bytes)"


@dataclass(frozen=True)
class Entry:
    """One message: when (UTC, ISO 8601), whose, how grave (0 emergency to 7 debug, RFC 5424) and its text."""

    time: str
    source: Source
    priority: int
    message: str


def is_cursor(text: str) -> bool:
    """Tell whether the text looks like a cursor of systemd's (opaque by sd_journal_get_cursor(3))."""
    return _CURSOR.fullmatch(text) is not None


def read(
    system: System, *, source: Source | None, priority: int, text: str, lines: int, after: str | None
) -> tuple[list[Entry], str | None]:
    """Return entries, oldest first, and the cursor to go on after.

    Without `after` they are the newest, with it the next ones. Raises RefusedError for a cursor that is none,
    UnavailableError when the journal can't be read.
    """
    result = system.run(command(source=source, priority=priority, text=text, lines=lines, after=after))
    raw = [json.loads(line) for line in result.output.splitlines() if line.startswith("{")]
    # journalctl fails when nothing matches a pattern, and says nothing then.
    if result.status != 0 and not raw and result.output.strip():
        _complain(result.output, after)
    # Looking for a pattern from the end, journalctl tells the newest first.
    if text and after is None:
        raw.reverse()
    return [entry_of(each) for each in raw], str(raw[-1]["__CURSOR"]) if raw else after


def command(*, source: Source | None, priority: int, text: str, lines: int, after: str | None) -> list[str]:
    """Return the command line; values are joined to their options, so that none passes for another."""
    made = [
        "journalctl",
        "--quiet",
        "--no-pager",
        "--output=json",
        f"--output-fields={_FIELDS}",
        f"--priority={priority}",
        # "+" counts from the oldest: a follower that fell behind misses nothing.
        f"--lines={'+' if after else ''}{lines}",
    ]
    if after is not None:
        made.append(f"--after-cursor={after}")
    if text:
        made += ["--case-sensitive=no", f"--grep={re.escape(text)}"]
    if source is not None:
        matches = [f"SYSLOG_IDENTIFIER={name}" for name in _IDENTIFIERS[source]]
        matches += [f"UNIT={unit}" for unit in _UNITS.get(source, ())]
        made += [word for match in matches for word in ("+", match)][1:]
    return made


def entry_of(raw: Mapping[str, Any]) -> Entry:
    """Return an entry of `journalctl --output=json` (systemd's Journal Export Formats, "JSON")."""
    identifier = str(raw.get("SYSLOG_IDENTIFIER") or "")
    source = _SOURCE_OF_UNIT.get(str(raw.get("UNIT")), _SOURCE_OF_IDENTIFIER.get(identifier, "system"))
    message = _text(raw.get("MESSAGE"))
    when = datetime.fromtimestamp(int(raw["__REALTIME_TIMESTAMP"]) / 1_000_000, UTC)
    return Entry(
        time=when.isoformat(timespec="milliseconds"),
        source=source,
        priority=int(raw.get("PRIORITY") or 6),
        message=f"{identifier}: {message}" if source == "system" and identifier else message,
    )


def _text(value: object) -> str:
    """Return a field's value: text, null when it is long, bytes when it is no UTF-8, or a list of these."""
    if isinstance(value, list) and value and all(isinstance(each, int) for each in value):
        return bytes(value).decode("utf-8", "replace")
    if isinstance(value, list):
        return " ".join(map(_text, value))
    return _TOO_LONG if value is None else str(value)


def _complain(output: str, after: str | None) -> None:
    if "cursor" in output:
        raise RefusedError([Fault("after", after, "after is not a cursor; leave it out to begin anew")])
    raise UnavailableError(f"the journal can't be read: {output.strip().splitlines()[0]}; try again")
