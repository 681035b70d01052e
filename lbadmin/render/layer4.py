"""What layer 4 services become: IPVS' virtual servers, kept by a keepalived, and settings of the kernel.

Each service is one virtual server, so that its ports share one persistence: by address and port when it has
one port of one protocol, else by a firewall mark that nftables gives its packets (`render.layer4_rules`).
lbva-layer4.service runs the keepalived, beside the one of VRRP: neither waits for the other or falls with it.
It asks the checking HAProxy (`render.layer4_checks`) whether a real server is well.
"""

import hashlib
from collections.abc import Iterator
from typing import NamedTuple

from lbadmin.addresses import Address
from lbadmin.fields import port_span
from lbadmin.model import MAX_FIREWALL_MARK, ClusterConfig, Forwarding, Layer4RealServer, Layer4Service

LAYER4_DIR = "/etc/lbva"
LAYER4_CONF = f"{LAYER4_DIR}/layer4.conf"
"""What lbva-layer4.service, a keepalived, keeps IPVS by; empty without services."""
LAYER4_SYSCTL = f"{LAYER4_DIR}/layer4.sysctl"
"""The kernel's settings, which lbva-layer4.service sets once the modules that have them are loaded."""

CHECKS_PORT = 10003
"""Where the checking HAProxy says on loopback whether a real server is well (`check_path`)."""

TCP, UDP = "tcp", "udp"

TCP_TIMEOUT_S = 7200
TCP_FIN_TIMEOUT_S = 120
UDP_TIMEOUT_S = 300
"""How long IPVS keeps a silent connection. OCS's are silent for half an hour at least; two hours is when
Linux's own keep-alive (tcp(7), tcp_keepalive_time) would first look after one."""

ASK_EVERY_S = 1.0
ASK_AGAIN_S = 0.5
ASKED_AGAIN = 3
"""How often keepalived asks the checking HAProxy, and how soon and how many times again before it believes a
refusal: if that one has died it is there again by then."""

METHODS: dict[Forwarding, str] = {"snat": "NAT", "nat": "NAT", "dr": "DR", "tun": "TUN"}

FALLBACK_WEIGHT = 1
"""keepalived's own for a sorry_server."""

_SYSCTL = {
    # A real server that was removed ends its connections, and one that gets no new ones loses its clients'
    # persistence: else clients would go on being sent to it.
    "net.ipv4.vs.expire_nodest_conn": "1",
    "net.ipv4.vs.expire_quiescent_template": "1",
    # What the peer needs of a connection is sent with its first packet, and again when its time has been
    # renewed by ten seconds; else only each fiftieth packet would be (ipvs-sysctl.rst, sync_threshold).
    "net.ipv4.vs.sync_threshold": "0 0",
    "net.ipv4.vs.sync_refresh_period": "10",
    # The thread that adds the counters up begins by keeping the CPU busy, for rates that nobody reads; but
    # without it (run_estimation) the counters stay 0 (net/netfilter/ipvs/ip_vs_est.c).
    "net.ipv4.vs.est_nice": "19",
}

_TRACKING = {
    # A connection that the peer has carried meanwhile has gone on: its numbers are no longer the known ones.
    "net.netfilter.nf_conntrack_tcp_be_liberal": "1",
    # The peer hears of the beginning and the end alone, and IPVS says when that is.
    "net.netfilter.nf_conntrack_udp_timeout": str(UDP_TIMEOUT_S),
    "net.netfilter.nf_conntrack_udp_timeout_stream": "3600",
}
"""Settings that are there as soon as something is tracked."""


class ServiceKey(NamedTuple):
    """How IPVS knows a service: by its mark, or else by protocol, address and port."""

    mark: int | None
    protocol: str | None = None
    address: Address | None = None
    port: int | None = None


def render_layer4(cluster: ClusterConfig) -> dict[str, str]:
    """Return the files of lbva-layer4.service by path."""
    services = list(layer4_services(cluster))
    conf = "".join(f"{line}\n" for service in services for line in _virtual_server(service))
    head = f"""global_defs {{
    lvs_timeouts tcp {TCP_TIMEOUT_S} tcpfin {TCP_FIN_TIMEOUT_S} udp {UDP_TIMEOUT_S}
}}
"""
    return {
        LAYER4_CONF: f"{head}{conf}" if conf else "",
        LAYER4_SYSCTL: "".join(f"{line}\n" for line in _sysctl(services)) if conf else "",
    }


def layer4_services(cluster: ClusterConfig) -> Iterator[Layer4Service]:
    """Yield the services that IPVS has: those that are enabled and have somewhere to send a client to."""
    for service in cluster.layer4_services:
        if service.enabled and (serving(service) or service.fallback_server.ip is not None):
            yield service


def serving(service: Layer4Service) -> list[Layer4RealServer]:
    """Return the real servers that are not halted: those that IPVS may have, and that are checked."""
    return [server for server in service.real_servers if server.state != "halt"]


def key_of(service: Layer4Service) -> ServiceKey:
    """Return how IPVS knows the service."""
    if service.protocol == "mark":
        return ServiceKey(service.firewall_mark)
    ports = service.ports or ()
    first, last = port_span(ports[0])
    if len(ports) == 1 and first == last and service.protocol != "both":
        return ServiceKey(None, service.protocol, service.ip, first)
    return ServiceKey(own_mark(service))


def own_mark(service: Layer4Service) -> int:
    """Return the mark of a service without one of its administrator's.

    No two services have address, protocol and first port in common, and what is renamed or gets a port more
    keeps its mark, and with it its connections. That two of 256 services have the same one is as likely as
    one in 65,000, and refused (`rules_layer4`).
    """
    first_port = port_span((service.ports or ())[0])[0]
    protocol = UDP if service.protocol == UDP else TCP
    digest = hashlib.sha256(f"{service.ip} {protocol} {first_port}".encode()).digest()
    return MAX_FIREWALL_MARK + 1 + int.from_bytes(digest[:4], "big") % (2**31 - MAX_FIREWALL_MARK - 1)


def mark_of(service: Layer4Service) -> int:
    """Return the mark that the service's packets have, which SNAT needs also where IPVS goes by the port."""
    mark = key_of(service).mark
    return own_mark(service) if mark is None else mark


def last_resorts(cluster: ClusterConfig) -> dict[ServiceKey, tuple[Address, int]]:
    """Return address and port of each fallback server that checks bring in, keepalived's sorry_server."""
    found = {}
    for service in layer4_services(cluster):
        fallback = service.fallback_server
        if fallback.ip is not None and _may_get_clients(service):
            key = key_of(service)
            found[key] = fallback.ip, layer4_port(fallback.port, key)
    return found


def _may_get_clients(service: Layer4Service) -> bool:
    """Tell whether it is for checks to say if a real server gets new clients."""
    return any(layer4_weight(server) for server in serving(service))


def check_path(service: Layer4Service, server: Layer4RealServer) -> str:
    """Return where the checking HAProxy is asked for a real server.

    No label is in it: to keepalived a server that is asked for elsewhere is another, and not yet well.
    """
    return f"/{mark_of(service)}/{server.ip}-{server.port or 0}"


def layer4_weight(server: Layer4RealServer) -> int:
    """Weight as IPVS gets it: a draining server keeps its open connections and gets no new ones."""
    return 0 if server.state == "drain" else server.weight


def _virtual_server(service: Layer4Service) -> Iterator[str]:
    """Yield the lines of keepalived's block (keepalived.conf(5), "LVS CONFIGURATION")."""
    key = key_of(service)
    servers = serving(service)
    yield f"virtual_server {_place(service, key)} {{"
    yield f"    lvs_sched {service.scheduler}"
    if service.scheduler in {"sh", "mh"}:
        # Else clients of a server that gets no new ones would be refused.
        yield f"    {service.scheduler}-fallback"
    yield f"    lvs_method {METHODS[service.forwarding]}"
    if key.protocol is not None:
        yield f"    protocol {key.protocol.upper()}"
    if service.persistence.enabled:
        yield f"    persistence_timeout {-(-service.persistence.timeout_ms // 1000)}"
        if service.persistence.granularity is not None:
            yield f"    persistence_granularity {_granularity(service)}"
    yield f"    delay_loop {ASK_EVERY_S:g}"
    yield f"    retry {ASKED_AGAIN}"
    yield f"    delay_before_retry {ASK_AGAIN_S:g}"
    fallback = service.fallback_server
    if fallback.ip is not None:
        place = f"{fallback.ip} {layer4_port(fallback.port, key)}"
        if _may_get_clients(service):
            yield f"    sorry_server {place}"
            yield f"    sorry_server_lvs_method {METHODS[service.forwarding]}"
        else:
            # Nobody gets new clients by the administrator's will, so no check can bring the last resort in.
            yield from (f"    real_server {place} {{", f"        weight {FALLBACK_WEIGHT}", "    }")
    for server in servers:
        yield from _real_server(service, server, key)
    yield "}"


def _place(service: Layer4Service, key: ServiceKey) -> str:
    if key.mark is None:
        return f"{key.address} {key.port}"
    return f"fwmark {key.mark}" if service.ip.version == 4 else f"fwmark {key.mark} inet6"  # noqa: PLR2004 - IPv4


def layer4_port(port: int | None, key: ServiceKey) -> int:
    """Return the port on a server; 0 is the one that the client came to."""
    return port if port is not None else key.port or 0


def _granularity(service: Layer4Service) -> str:
    bits = service.persistence.granularity or 0
    if service.ip.version == 6:  # noqa: PLR2004 - IPv6
        return str(bits)
    mask = (0xFFFFFFFF << (32 - bits)) & 0xFFFFFFFF
    return ".".join(str(mask >> shift & 0xFF) for shift in (24, 16, 8, 0))


def _real_server(service: Layer4Service, server: Layer4RealServer, key: ServiceKey) -> Iterator[str]:
    yield f"    real_server {server.ip} {layer4_port(server.port, key)} {{"
    yield f"        weight {layer4_weight(server)}"
    if service.on_failure == "quiesce":
        yield "        inhibit_on_failure"
    if service.health_check.type != "none":
        yield from (
            "        HTTP_GET {",
            "            connect_ip 127.0.0.1",
            f"            connect_port {CHECKS_PORT}",
            "            connect_timeout 2",
            "            url {",
            f"                path {check_path(service, server)}",
            "                status_code 200",
            "            }",
            "        }",
        )
    yield "    }"


def _sysctl(services: list[Layer4Service]) -> Iterator[str]:
    """Yield the settings: what routes between networks is switched on for those modes that need it alone."""
    modes = {service.forwarding for service in services}
    routes = int(bool(modes & {"snat", "nat"}))
    settings = {
        **_SYSCTL,
        # Else what IPVS has translated is not tracked, and so not translated once more (ipvs-sysctl.rst).
        "net.ipv4.vs.conntrack": str(int("snat" in modes)),
        "net.ipv4.ip_forward": str(routes),
        "net.ipv6.conf.all.forwarding": str(routes),
    }
    yield from (f"{name} = {value}" for name, value in settings.items())
    yield from (f"-{name} = {value}" for name, value in _TRACKING.items())
