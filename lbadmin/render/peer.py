"""peer.cfg: the HAProxy of lbva-peer.service, through which the two nodes of a pair talk over mutual TLS.

Each side takes nobody but the other: a certificate that is pinned vouches for itself. It runs without
privileges, so that neither lbadmind nor the balancing HAProxy handles TLS of strangers.
"""

from ipaddress import IPv4Address, IPv6Address

from lbadmin.pair.model import PairConfig
from lbadmin.render.haproxy import PEERS_PORT, REMOTE_PEERS_PORT

PEER_CFG = "/etc/haproxy/peer.cfg"
PEER_CERTIFICATE = "/etc/haproxy/peer.pem"
PEER_FILES = (PEER_CFG, PEER_CERTIFICATE)
NODE_CERTIFICATE = "/run/credentials/lbva-peer.service/node.pem"
"""The node's certificate and key, handed over by systemd (LoadCredential=)."""

PEER_PORT = 9444
"""Where a node hears the other's management plane; stick tables go to the port after it."""
TABLES_PORT = PEER_PORT + 1
LBADMIND_SOCKET = "/run/lbadmin/lbadmind.sock"
OUT_SOCKET = "/run/lbadmin-peer/out.sock"
"""Where lbadmind finds the other node's management plane; for root alone."""


KEEPALIVE = ("idle 5s", "intvl 3s", "cnt 4")
"""When nothing is heard a connection is probed, and ends when no probe is answered (tcp(7))."""
STALE_MS = 15_000
"""How long what was sent may stay without the peer's acknowledgement (tcp(7), TCP_USER_TIMEOUT)."""


def render_peer(pair: PairConfig | None) -> dict[str, str]:
    """Return peer.cfg and the pinned certificate by path; a single node has neither."""
    if pair is None or pair.state == "left":
        return {}
    return {PEER_CFG: _config(pair), PEER_CERTIFICATE: pair.peer_certificate}


def _config(pair: PairConfig) -> str:
    tls = f"ssl crt {NODE_CERTIFICATE} ca-file {PEER_CERTIFICATE} verify required tcp-ut {STALE_MS}"
    sections = (
        # One thread and few connections: two nodes, a request every second or so, and the stick tables.
        (
            "global",
            "maxconn 64",
            "nbthread 1",
            "log stdout format short daemon",
            "ssl-default-bind-options ssl-min-ver TLSv1.3",
        ),
        (
            "defaults",
            "mode tcp",
            "log global",
            # Strangers are logged, and what breaks; a hello every second is not.
            "option tcplog",
            "option dontlog-normal",
            "timeout connect 5s",
            # Who asks tries again, and wants to know.
            "retries 0",
            "timeout client 200s",
            "timeout server 200s",
            # A peer that lost its power sends nothing more: who waits for its answer hears of it in seconds.
            *(f"option {side}tcpka" for side in ("cli", "srv")),
            *(f"{side}tcpka-{option}" for side in ("cli", "srv") for option in KEEPALIVE),
        ),
        (
            "frontend management_in",
            f"bind {_place(pair.local_ip, PEER_PORT)} {tls}",
            "default_backend lbadmind",
        ),
        ("backend lbadmind", f"server lbadmind unix@{LBADMIND_SOCKET}"),
        ("frontend management_out", f"bind unix@{OUT_SOCKET} mode 600", "default_backend management"),
        ("backend management", f"server peer {_place(pair.peer_ip, PEER_PORT)} {tls}"),
        ("frontend tables_in", f"bind {_place(pair.local_ip, TABLES_PORT)} {tls}", "default_backend tables"),
        ("backend tables", f"server haproxy 127.0.0.1:{PEERS_PORT}"),
        ("frontend tables_out", f"bind 127.0.0.1:{REMOTE_PEERS_PORT}", "default_backend peer_tables"),
        ("backend peer_tables", f"server peer {_place(pair.peer_ip, TABLES_PORT)} {tls}"),
    )
    return "\n".join("".join([head, "\n", *(f"    {line}\n" for line in lines)]) for head, *lines in sections)


def _place(ip: IPv4Address | IPv6Address, port: int) -> str:
    return f"{f'[{ip}]' if ip.version == 6 else ip}:{port}"  # noqa: PLR2004 - IPv6
