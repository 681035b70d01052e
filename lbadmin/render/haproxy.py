"""haproxy.cfg: one `listen` per virtual service. Section numbers are those of HAProxy's 3.0 manual."""

from lbadmin.graphs.settings import GRAPHS_GROUP, GRAPHS_SOCKET
from lbadmin.model import Certificate, ClusterConfig, Layer7Settings
from lbadmin.pair.model import PairConfig
from lbadmin.render.checks import script_file
from lbadmin.render.service import CERT_STORE, PEERS, listen_section
from lbadmin.statistics import COUNTERS_SOCKET, STATS_FRONTEND

CERTIFICATES = "/etc/haproxy/certs"
KEYS = "/var/lib/lbadmin/keys"
"""The key store; no rendered file ever holds a key."""

ADMIN_SOCKET = "/run/haproxy/admin.sock"
MASTER_SOCKET = "/run/haproxy-master.sock"
"""Debian's haproxy.service gives the master this socket (-S)."""

STATS_SOCKET = "/run/haproxy/stats.sock"
EXPORTER_PATH = "/metrics"
"""Where HAProxy's statistics are on that socket as Prometheus reads them."""

SNMP_GROUP = "Debian-snmp"

PEERS_PORT = 10000
REMOTE_PEERS_PORT = 10002
"""Where stick tables go to the own next worker, and to the other node: through lbva-peer's TLS."""
PEER_NAMES = ("lbva", "lbva-2")
"""The primary's and the secondary's name among HAProxy's peers; a single node has the first."""

# Mozilla's "intermediate" list of 2024 (guidelines 5.7) without its DHE suites, which let a client make the
# one CPU work for nothing (CVE-2002-20001).
CIPHERS = ":".join(
    f"ECDHE-{key}-{cipher}"
    for cipher in ("AES128-GCM-SHA256", "AES256-GCM-SHA384", "CHACHA20-POLY1305")
    for key in ("ECDSA", "RSA")
)


def render_haproxy(cluster: ClusterConfig, pair: PairConfig | None = None) -> str:
    """Return haproxy.cfg; services that are not enabled are left out."""
    own, other = PEER_NAMES if pair is None or pair.primary else reversed(PEER_NAMES)
    services = [service for service in cluster.virtual_services if service.enabled]
    certificates = used_certificates(cluster)
    scripted = any(service.health_check.type == "external" for service in services)
    sections = [
        _global(cluster.layer7, own, tls=bool(certificates), scripted=scripted),
        _defaults(cluster.layer7),
        _peers(own, other if pair else None),
        _stats(),
    ]
    if certificates:
        loads = (
            f'load crt "{each.label}.pem" key "{each.key}.pem" alias "{each.label}"' for each in certificates
        )
        sections.append(_section(f"crt-store {CERT_STORE}", crt_base(CERTIFICATES), key_base(KEYS), *loads))
    sections += map(listen_section, services)
    return "\n".join(sections)


def render_beside(cluster: ClusterConfig) -> dict[str, str]:
    """Return the files that haproxy.cfg names, by path: chains of certificates, and scripts."""
    return {
        **{f"{CERTIFICATES}/{each.label}.pem": each.chain for each in used_certificates(cluster)},
        **{script_file(script.label): script.text for script in cluster.check_scripts},
    }


def used_certificates(cluster: ClusterConfig) -> list[Certificate]:
    """Return those of enabled services: one that nobody uses can't keep HAProxy from starting."""
    used = {service.tls_certificate for service in cluster.virtual_services if service.enabled}
    return [certificate for certificate in cluster.certificates if certificate.label in used]


def crt_base(folder: str) -> str:
    """Return the line that says where the certificates lie."""
    return f"crt-base {folder}"


def key_base(folder: str) -> str:
    """Return the line that says where the keys lie."""
    return f"key-base {folder}"


def _section(head: str, *lines: str) -> str:
    return "".join([head, "\n", *(f"    {line}\n" for line in lines)])


def _global(settings: Layer7Settings, peer: str, *, tls: bool, scripted: bool) -> str:
    lines = [
        "user haproxy",
        "group haproxy",
        f"localpeer {peer}",
        f"stats socket {ADMIN_SOCKET} mode 600 level admin",
        # For snmpd's helper, which runs as this user: it reads and changes nothing.
        f"stats socket {COUNTERS_SOCKET} mode 660 group {SNMP_GROUP} level user",
        # What may be read there changes nothing and names no client (management guide, 9.3 "show stat").
        f"stats socket {GRAPHS_SOCKET} mode 660 group {GRAPHS_GROUP} level user",
        f"maxconn {settings.maxconn}",
        f"hard-stop-after {settings.stop_old_workers_after_ms}",
        # Connections are logged at "info"; what happens to real servers is always worth its line.
        f"log /dev/log local0 {'info' if settings.logging else 'notice'}",
    ]
    if scripted:
        # Starting a script needs both (3.1), and a chroot would leave it without an interpreter. Either is a
        # fence less around the worker, so it is taken down only where a service asks for it.
        lines += ["external-check", "insecure-fork-wanted"]
    else:
        lines.append("chroot /var/lib/haproxy")
    if tls:
        lines += [f"ssl-default-bind-ciphers {CIPHERS}", "ssl-default-bind-options no-tls-tickets"]
    return _section("global", *lines)


def _defaults(settings: Layer7Settings) -> str:
    lines = [
        "log global",
        f"{'' if settings.redispatch else 'no '}option redispatch",
        f"timeout connect {settings.connection_timeout_ms}",
        f"timeout client {settings.client_timeout_ms}",
        f"timeout server {settings.real_server_timeout_ms}",
        # Bulk data goes from socket to socket within the kernel, three times as much of it.
        "option splice-auto",
        # Two packets less a connection: acknowledged together with the data, where the client speaks first.
        "option tcp-smart-accept",
        "option tcp-smart-connect",
    ]
    if settings.log_only_errors or not settings.logging:
        # A line that the level keeps from being sent would be put together all the same, for each connection.
        lines.append("option dontlog-normal")
    return _section("defaults", *lines)


def _peers(own: str, other: str | None) -> str:
    """Render the local peer, which hands the stick tables over at a reload, and the other node (3.5).

    The local one's place and the primary's name stay when a pair is made, so that clients keep their server.
    """
    lines = [f"bind 127.0.0.1:{PEERS_PORT}", f"server {own}"]
    if other is not None:
        lines.append(f"server {other} 127.0.0.1:{REMOTE_PEERS_PORT}")
    return _section(f"peers {PEERS}", *lines)


def _stats() -> str:
    """Render HAProxy's own statistics page, which changes nothing, and its exporter for Prometheus.

    For root alone: lbadmind passes both on.
    """
    return _section(
        f"frontend {STATS_FRONTEND}",
        "mode http",
        f"bind unix@{STATS_SOCKET} mode 600",
        "no log",
        "timeout client 5000",
        "timeout http-request 5000",
        f"http-request use-service prometheus-exporter if {{ path {EXPORTER_PATH} }}",
        "stats enable",
        "stats uri /",
        "stats show-legends",
    )
