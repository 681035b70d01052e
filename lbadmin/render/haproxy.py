"""haproxy.cfg: one `listen` per virtual service. Section numbers are those of HAProxy's 3.0 manual."""

from ipaddress import IPv6Address

from lbadmin.fields import port_span
from lbadmin.model import ClusterConfig, Layer7Settings, RealServer, VirtualService

ADMIN_SOCKET = "/run/haproxy/admin.sock"
MASTER_SOCKET = "/run/haproxy-master.sock"
"""Debian's haproxy.service gives the master this socket (-S)."""

STATS_SOCKET = "/run/haproxy/stats.sock"
STATS_FRONTEND = "_stats"
"""The one frontend that is no virtual service: no label begins with an underscore."""

PEERS_PORT = 10000
DRAIN_WEIGHT = 0


def render_haproxy(cluster: ClusterConfig) -> str:
    """Return haproxy.cfg; services that are not enabled are left out."""
    services = [service for service in cluster.virtual_services if service.enabled]
    sections = [_global(cluster.layer7), _defaults(cluster.layer7), _peers(), _stats(), *map(_listen, services)]
    return "\n".join(sections)


def effective_weight(server: RealServer) -> int:
    """Weight as HAProxy gets it: a draining server keeps its clients and gets no new ones (5.2 "weight")."""
    return DRAIN_WEIGHT if server.state == "drain" else server.weight


def _section(head: str, *lines: str) -> str:
    return "".join([head, "\n", *(f"    {line}\n" for line in lines)])


def _global(settings: Layer7Settings) -> str:
    return _section(
        "global",
        "user haproxy",
        "group haproxy",
        "chroot /var/lib/haproxy",
        "localpeer lbva",
        f"stats socket {ADMIN_SOCKET} mode 600 level admin",
        f"maxconn {settings.maxconn}",
        f"hard-stop-after {settings.stop_old_workers_after_ms}",
        # Connections are logged at "info"; what happens to real servers is always worth its line.
        f"log /dev/log local0 {'info' if settings.logging else 'notice'}",
    )


def _defaults(settings: Layer7Settings) -> str:
    lines = [
        "log global",
        f"{'' if settings.redispatch else 'no '}option redispatch",
        f"timeout connect {settings.connection_timeout_ms}",
        f"timeout client {settings.client_timeout_ms}",
        f"timeout server {settings.real_server_timeout_ms}",
    ]
    if settings.log_only_errors:
        lines.append("option dontlog-normal")
    return _section("defaults", *lines)


def _peers() -> str:
    """Render the local peer, which hands the stick tables to the new worker at a reload (3.5)."""
    return _section("peers lbva", f"bind 127.0.0.1:{PEERS_PORT}", "server lbva")


def _stats() -> str:
    """Render HAProxy's own statistics page, which changes nothing, for root alone: lbadmind passes it on."""
    return _section(
        f"frontend {STATS_FRONTEND}",
        "mode http",
        f"bind unix@{STATS_SOCKET} mode 600",
        "no log",
        "timeout client 5000",
        "timeout http-request 5000",
        "stats enable",
        "stats uri /",
        "stats show-legends",
    )


def _listen(service: VirtualService) -> str:
    http = service.protocol == "http"
    lines = [
        f"mode {service.protocol}",
        *(f"bind {_host(service.ip)}:{item} transparent" for item in service.ports),
        # The address is keepalived's to bring; "transparent" binds it before it is there (5.1).
        f"option {'httplog' if http else 'tcplog'}",
        f"balance {service.scheduler}",
    ]
    if http:
        # Layer 7 SNAT hides the client's address from the real servers.
        lines.append("option forwardfor")
    if service.scheduler == "source":
        # The default, map-based hash takes no change of weight at run time (4.2 "hash-type").
        lines.append("hash-type consistent")
    if service.persistence.mode == "source_ip":
        lines += _persistence(service)
    lines += [_server(service, server) for server in service.real_servers]
    return _section(f"listen {service.label}", *lines)


def _persistence(service: VirtualService) -> list[str]:
    family = "ipv6" if isinstance(service.ip, IPv6Address) else "ip"
    limits = f"size {service.persistence.table_size} expire {service.persistence.timeout_ms}"
    return [
        f"stick-table type {family} {limits} store conn_cur peers lbva",
        "stick on src",
        # A tracked entry does not expire: the client's next connection goes where its open ones are. Counting
        # them (conn_cur) makes its time begin anew when the last one ends; else it would be gone at once.
        "tcp-request connection track-sc0 src",
    ]


def _server(service: VirtualService, server: RealServer) -> str:
    address = _host(server.ip) if server.port is None else f"{_host(server.ip)}:{server.port}"
    words = ["server", server.label, address, f"weight {effective_weight(server)}"]
    check = service.health_check
    if check.type == "connect":
        words += [
            "check",
            f"port {check_port(service, server)}",
            f"inter {check.interval_ms}",
            f"rise {check.rise}",
            f"fall {check.fall}",
        ]
    # With OCS's time-outs of 30 minutes a client of a dead front end would otherwise hang for as long.
    words.append("on-marked-down shutdown-sessions")
    if server.state == "halt":
        words.append("disabled")
    return " ".join(words)


def check_port(service: VirtualService, server: RealServer) -> int:
    """Return the port that the check connects to: first check port, else the server's, else the service's."""
    for port in service.health_check.check_ports:
        return port
    return server.port or port_span(service.ports[0])[0]


def _host(address: object) -> str:
    return f"[{address}]" if isinstance(address, IPv6Address) else str(address)
