"""What layer 4 services become: keepalived's virtual servers, nftables' marks, and HAProxy as their checker.

Each service is one virtual service of IPVS, so that its ports share one persistence: by address and port when
it has one port of one protocol, else by a firewall mark that nftables gives its packets.
"""

import hashlib
from typing import NamedTuple

from lbadmin.addresses import Address
from lbadmin.fields import port_span
from lbadmin.model import MAX_FIREWALL_MARK, Layer4Service

LAYER4_CONF = "/etc/lbva/layer4.conf"
"""What lbva-layer4.service, a keepalived, keeps IPVS by; empty without services."""
CHECKS_CFG = "/etc/haproxy/checks.cfg"
CHECKS_SOCKET = "/run/lbva-checks/admin.sock"
"""Of lbva-checks.service, a HAProxy that checks the real servers: a backend each service, by their labels."""

TCP, UDP = "tcp", "udp"


class ServiceKey(NamedTuple):
    """How IPVS knows a service: by its mark, or else by protocol, address and port."""

    mark: int | None
    protocol: str | None = None
    address: Address | None = None
    port: int | None = None


def key_of(service: Layer4Service) -> ServiceKey:
    """Return how IPVS knows the service."""
    if service.protocol == "mark":
        return ServiceKey(service.firewall_mark)
    spans = [port_span(item) for item in service.ports or ()]
    first, last = spans[0]
    if len(spans) == 1 and first == last and service.protocol != "both":
        return ServiceKey(None, service.protocol, service.ip, first)
    return ServiceKey(_own_mark(service, first))


def _own_mark(service: Layer4Service, first_port: int) -> int:
    """Return the mark of a service without one of its administrator's.

    No two services have address, protocol and first port in common, and what is renamed or gets a port more
    keeps its mark, and with it its connections. That two of 256 services have the same one is as likely as
    one in 65,000, and refused (`rules_layer4`).
    """
    protocol = UDP if service.protocol == UDP else TCP
    digest = hashlib.sha256(f"{service.ip} {protocol} {first_port}".encode()).digest()
    return MAX_FIREWALL_MARK + 1 + int.from_bytes(digest[:4]) % (2**31 - MAX_FIREWALL_MARK - 1)
