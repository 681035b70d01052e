"""A route as a line, as people write it: `10.0.0.0/8 via 192.168.2.254`.

Only the standard library: lbcli has to start quickly.
"""

from collections.abc import Mapping
from typing import Any

DEFAULTS = {4: "0.0.0.0/0", 6: "::/0"}
"""The networks that everything is in, by family: a line says "default"."""

FORM = "10.0.0.0/8 via 192.168.2.254, or default via 192.168.10.1 from 192.168.20.0/24"


def route_of(line: str) -> dict[str, str]:
    """Return the route that a line says, as in NodeConfig. Raises ValueError with a predicate."""
    words = line.split()
    pairs = dict(zip(words[1::2], words[2::2], strict=False))
    if len(words) not in {3, 5} or len(pairs) != len(words) // 2 or pairs.keys() - {"via", "from"}:
        raise ValueError(f"is not a route; write it such as {FORM}")
    if "via" not in pairs:
        raise ValueError(f"is without its router; write it such as {FORM}")
    destination = DEFAULTS[6 if ":" in pairs["via"] else 4] if words[0] == "default" else words[0]
    route = {"destination": destination, "gateway": pairs["via"]}
    return {**route, "source": pairs["from"]} if "from" in pairs else route


def line_of(route: Mapping[str, Any]) -> str:
    """Return the line that says a route of NodeConfig."""
    destination = "default" if route["destination"] in DEFAULTS.values() else route["destination"]
    source = f" from {route['source']}" if route["source"] else ""
    return f"{destination} via {route['gateway']}{source}"
