"""Where the ClusterConfig is changed: on the master, so that both nodes never change it at once."""

from ipaddress import IPv4Address, IPv6Address

from lbadmin.change import Changes
from lbadmin.errors import NotMasterError
from lbadmin.pair.heartbeat import Heartbeat, Role
from lbadmin.pair.model import PairConfig
from lbadmin.pair.sync import Sync


def check_mastery(changes: Changes, heartbeat: Heartbeat, sync: Sync) -> None:
    """Raise NotMasterError when the ClusterConfig is not to be changed on this node."""
    pair, role = changes.current.pair, heartbeat.role()
    peer = sync.peer()
    if pair is None or not is_elsewhere(
        pair, role, None if peer is None else peer.role, pending=heartbeat.restart_pending()
    ):
        return
    what = "the slave" if role == "slave" else "not the master"
    raise NotMasterError(f"this node is {what}; make changes on the master at {webui_of(pair.peer_ip)}")


def is_elsewhere(pair: PairConfig, role: Role, peer_role: Role | None, *, pending: bool) -> bool:
    """Tell whether the other node is the one to make changes on.

    A node that is not master may, as long as nobody is: what keeps both from serving can be a configuration.
    Before the first Restart Heartbeat (`pending`) there is no master, and the primary makes the changes.
    """
    if role in {"single", "master"}:
        return False
    return role == "slave" or peer_role == "master" or (pending and not pair.primary)


def webui_of(ip: IPv4Address | IPv6Address) -> str:
    """Return the URL of a node's WebUI."""
    return f"https://{f'[{ip}]' if isinstance(ip, IPv6Address) else ip}:9443/lbadmin/"
