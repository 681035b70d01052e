"""The parts of the pair, put together for lbadmind."""

from dataclasses import dataclass

from lbadmin.change import Changes
from lbadmin.pair.channel import Channel
from lbadmin.pair.heartbeat import Heartbeat
from lbadmin.system import System


@dataclass(frozen=True)
class Pair:
    """What makes two nodes a pair, on this one."""

    channel: Channel
    heartbeat: Heartbeat


def build(system: System, changes: Changes) -> Pair:
    """Put the parts together."""
    return Pair(Channel(system), Heartbeat(system, changes))
