"""The audit log: a line in the journal for each login, and for each request that changes something.

All lines have the identifier `lbva-audit`; those about the console and SSH are login's and sshd's own. A line
is an event and its fields, `name=value`; a value that is not plain is quoted as in JSON, so nothing that
somebody sends makes a line or a field of its own.
"""

import json
import logging
import re
import socket
import struct
from collections.abc import Callable

from lbadmin.system import System

IDENTIFIER = "lbva-audit"
JOURNAL = "/run/systemd/journal/socket"
"""Where journald takes entries with fields of their own (systemd's "Native Journal Protocol")."""
NOTICE, WARNING = 5, 4
"""Priorities of what was done and of what was refused (RFC 5424, 6.2.1)."""
MAX_VALUE = 200

Audit = Callable[..., None]
"""`audit(event, refused=False, **fields)` writes a line; fields that are None are left out."""

_PLAIN = re.compile(r"[A-Za-z0-9._:/@-]+", re.ASCII)

log = logging.getLogger(__name__)


def audit_to(system: System) -> Audit:
    """Return what writes to the system's journal; nothing fails when that can't be written."""

    def write(event: str, /, *, refused: bool = False, **fields: object) -> None:
        line = line_of(event, **fields)
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journal:
                journal.settimeout(1.0)
                journal.sendto(_entry(line, WARNING if refused else NOTICE), str(system.path(JOURNAL)))
        except OSError:
            log.info("%s", line)

    return write


def no_audit(event: str, /, *, refused: bool = False, **fields: object) -> None:
    """Write nothing."""


def line_of(event: str, /, **fields: object) -> str:
    """Return the text of a line."""
    words = [f"{name}={quoted(str(value))}" for name, value in fields.items() if value is not None]
    return f"{event}: {' '.join(words)}"


def quoted(value: str) -> str:
    """Return a value as one word, at most MAX_VALUE characters of it, in ASCII and without control ones."""
    if len(value) > MAX_VALUE:
        value = f"{value[:MAX_VALUE]}…"
    return value if _PLAIN.fullmatch(value) else json.dumps(value).replace("\x7f", "\\u007f")


def _entry(line: str, priority: int) -> bytes:
    # The binary form, since a line must not be taken for two whatever is in it.
    text = line.encode("ascii")
    head = f"SYSLOG_IDENTIFIER={IDENTIFIER}\nPRIORITY={priority}\nSYSLOG_FACILITY=10\nMESSAGE\n"
    return head.encode() + struct.pack("<Q", len(text)) + text + b"\n"
