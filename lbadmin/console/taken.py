"""Addresses of this node that somebody else on the net has as well.

lbva-addresses.timer asks the net by ARP (RFC 5227, 2.1) when everything serves, and every other minute.
networkd's own detection (systemd.network(5), DuplicateAddressDetection=) would hold back each address for
seconds at every boot.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

from lbadmin.system import System

TAKEN_FILE = "/run/lbadmin/taken-addresses"
"""A line each: interface, address, MAC address of the other (overlay/usr/lib/lbva/find-taken-addresses)."""

_LINE = re.compile(r"([a-z][a-z0-9_.-]{0,14}) ([0-9.]{7,15}) ([0-9a-f:]{17})", re.ASCII)
_REPLY = re.compile(r"reply from [0-9.]+ \[([0-9a-f:]{17})\]", re.ASCII)
MAX_TOLD = 8


class Taken(NamedTuple):
    """An address on an interface, and the MAC address of who has it as well."""

    interface: str
    address: str
    mac: str

    @property
    def sentence(self) -> str:
        """What there is to tell: short, because a console has one line for it."""
        return f"{self.address} on {self.interface} is taken: {self.mac} has it, too. Change one."


def taken_of(system: System, own: Iterable[str]) -> list[Taken]:
    """Return which of the node's `own` addresses were found taken when the net was asked last."""
    try:
        lines = system.path(TAKEN_FILE).read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError):
        return []
    found = (Taken(*match.groups()) for line in lines if (match := _LINE.fullmatch(line)))
    mine = set(own)
    return [each for each in found if each.address in mine][:MAX_TOLD]


def owner_of(system: System, interface: str, address: str) -> str | None:
    """Ask the net for an IPv4 address; return the MAC address of who has it, None when nobody answers.

    It takes two seconds when nobody does. An interface that is not in use can't be asked, so nobody is found.
    """
    result = system.run(["busybox", "arping", "-D", "-f", "-c", "2", "-w", "2", "-I", interface, address])
    found = _REPLY.search(result.output)
    return found[1] if result.status == 1 and found else None
