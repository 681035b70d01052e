"""What values of a NodeConfig must be to each other, and which changes could cut off who makes them."""

from collections.abc import Callable, Iterator

from lbadmin.errors import Fault
from lbadmin.model import NodeConfig
from lbadmin.node.reach import could_lose_reach
from lbadmin.node.rules_network import network_faults


def node_faults(node: NodeConfig) -> Iterator[Fault]:
    """Yield what contradicts itself."""
    for rule in RULES:
        yield from rule(node)


def could_cut_off(old: NodeConfig, new: NodeConfig) -> bool:
    """Tell whether a change of the node could end the connection of the administrator who makes it."""
    return could_lose_reach(old, new) or old.firewall != new.firewall


RULES: tuple[Callable[[NodeConfig], Iterator[Fault]], ...] = (network_faults,)
