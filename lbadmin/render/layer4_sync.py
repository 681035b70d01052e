"""What the nodes of a pair tell each other of layer 4 connections, so that these live through a failover.

IPVS' sync daemon tells of its connections, conntrackd of those that SNAT has translated: each node tells and
listens all the time, so that nothing has to be done when the role goes from one to the other. Both speak
unencrypted UDP to the peer's address alone: their packets name addresses and ports, as those of the clients.
"""

from lbadmin.model import ClusterConfig, NodeConfig
from lbadmin.pair.model import PairConfig
from lbadmin.render.keepalived import interface_of
from lbadmin.render.layer4 import LAYER4_DIR, layer4_services

SYNC_ENV = f"{LAYER4_DIR}/layer4-sync.env"
"""The variables of lbva-layer4-sync.service; empty for a single node and without services."""
CONNTRACKD_CONF = "/etc/conntrackd/conntrackd.conf"

GROUPS = {4: "224.0.0.81", 6: "ff02::81"}
"""Where the sync daemon sends to (IPVS' default group); the kernel takes no unicast address there, so
nftables puts the peer's in its place (`render.layer4_rules`)."""
IPVS_PORT = 8848
CONNTRACK_PORT = 3780
"""Both are the programs' defaults."""

SOCKET_BUFFER = 2 << 20
HASH_SIZE, HASH_LIMIT = 32_768, 262_144
"""Room for a reconnect storm, and for as many connections as four source addresses allow."""


def render_layer4_sync(cluster: ClusterConfig, node: NodeConfig, pair: PairConfig | None) -> dict[str, str]:
    """Return the files of the two daemons by path; both are empty for a single node."""
    services = list(layer4_services(cluster)) if pair is not None else []
    if pair is None or not services:
        return {SYNC_ENV: "", CONNTRACKD_CONF: ""}
    interface = interface_of(pair.local_ip, node).name
    translates = any(service.forwarding == "snat" for service in services)
    return {
        SYNC_ENV: f"INTERFACE={interface}\nGROUP={GROUPS[pair.local_ip.version]}\nID={pair.router_id}\n",
        CONNTRACKD_CONF: _conntrackd(pair, interface) if translates else "",
    }


def _conntrackd(pair: PairConfig, interface: str) -> str:
    """Return conntrackd.conf(5).

    What the peer tells goes into the kernel at once (DisableExternalCache): a node that takes over knows it
    already. A node that returns asks for all (StartupResync).
    """
    family = f"IPv{pair.local_ip.version}"
    return f"""Sync {{
    Mode FTFW {{
        DisableExternalCache yes
        StartupResync yes
    }}
    UDP {{
        {family}_address {pair.local_ip}
        {family}_Destination_Address {pair.peer_ip}
        Port {CONNTRACK_PORT}
        Interface {interface}
        SndSocketBuffer {SOCKET_BUFFER}
        RcvSocketBuffer {SOCKET_BUFFER}
        Checksum on
    }}
}}
General {{
    Systemd yes
    HashSize {HASH_SIZE}
    HashLimit {HASH_LIMIT}
    LogFile no
    Syslog yes
    LockFile /run/conntrackd/lock
    UNIX {{
        Path /run/conntrackd/control
    }}
    NetlinkBufferSize {SOCKET_BUFFER}
    NetlinkBufferSizeMaxGrowth {8 * SOCKET_BUFFER}
    Filter From Kernelspace {{
        Protocol Accept {{
            TCP
            UDP
        }}
    }}
}}
"""
