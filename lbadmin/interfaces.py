"""The network interfaces that the machine has, whatever the configuration says about them."""

import json
from dataclasses import dataclass
from typing import Any, Literal

from lbadmin.errors import UnavailableError
from lbadmin.system import System

LinkState = Literal["connected", "no link", "not in use"]
COMMAND = ("ip", "-json", "address", "show")


@dataclass(frozen=True)
class Link:
    """An interface: its name in the kernel, MAC address, MTU in bytes, its cable, and its addresses now.

    One that is switched off for want of a configuration, of which nobody can tell, is "not in use".
    """

    name: str
    mac: str
    state: LinkState
    addresses: tuple[str, ...]
    mtu: int


def links_of(system: System) -> list[Link]:
    """Return the Ethernet interfaces, in the kernel's order. Raises UnavailableError."""
    result = system.run(COMMAND)
    if result.status != 0:
        raise UnavailableError(
            f"the network interfaces can't be read: {result.output.strip()[:200]}; see Logs for the reason"
        )
    return [_link(each) for each in json.loads(result.output) if each.get("link_type") == "ether"]


def _link(raw: dict[str, Any]) -> Link:
    addresses = (f"{each['local']}/{each['prefixlen']}" for each in raw["addr_info"])
    # netdevice(7): IFF_UP, switched on; IFF_LOWER_UP, the driver sees a carrier.
    link: LinkState = "connected" if "LOWER_UP" in raw["flags"] else "no link"
    state = link if "UP" in raw["flags"] else "not in use"
    return Link(raw["ifname"], raw["address"], state, tuple(addresses), raw["mtu"])
