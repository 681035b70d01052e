"""What a pair asks of the node that belongs to it."""

from ipaddress import IPv4Address, IPv6Address

from lbadmin.errors import Fault, RefusedError
from lbadmin.model import NodeConfig
from lbadmin.pair.model import PairConfig


def check_pair(node: NodeConfig, pair: PairConfig | None) -> None:
    """Raise RefusedError when the node does not have the address that the pair was made with."""
    if pair is not None and pair.local_ip not in own_addresses(node):
        raise RefusedError(
            [
                Fault(
                    "interfaces",
                    str(pair.local_ip),
                    f"address {pair.local_ip} is the one that the peer knows this node by; "
                    "keep it, or break the pair first",
                )
            ]
        )


def own_addresses(node: NodeConfig) -> set[IPv4Address | IPv6Address]:
    """Return the node's own addresses."""
    return {address.ip for interface in node.interfaces for address in interface.addresses}
