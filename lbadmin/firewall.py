"""What nft says of the firewall script, and what lbva-firewall.service left in force at the boot."""

import re

from lbadmin.system import System

REFUSED = "/run/lbadmin-firewall/refused"
"""What nft said of the script that could not be loaded, so that the appliance's own rules alone hold."""

_ERROR = re.compile(r"(?:script\.nft:(\d+):[0-9-]+: )?Error: (.+)")


def complaint(output: str) -> str:
    """Return nft's first complaint as it follows what it is about: " in line 3: syntax error, …"."""
    found = _ERROR.search(output)
    if found is None:
        return f": {' '.join(output.split()) or 'no reason given'}"
    return f" in line {found[1]}: {found[2]}" if found[1] else f": {found[2]}"


def refusal(system: System) -> str | None:
    """Return why the script is not in force, None when there is none or it is."""
    try:
        return complaint(system.path(REFUSED).read_text(encoding="utf-8", errors="replace"))
    except FileNotFoundError:
        return None
