"""What layer 4 services must be beside what all services are (`rules_services`), and what is not advised.

Each rule is one of IPVS' own, or keeps out what it would accept and never do.
"""

from collections.abc import Iterator

from lbadmin.addresses import Address
from lbadmin.catalogue_layer4 import METHODS
from lbadmin.errors import Fault
from lbadmin.model import ClusterConfig, Layer4Service, NodeConfig
from lbadmin.render.keepalived import home_of
from lbadmin.render.layer4 import key_of, own_mark
from lbadmin.rules_services import Target, not_free, port_numbers, targets

MIN_PERSISTENCE_MS = 1_000
"""The kernel counts it in seconds. No duration is as long as the 31 days that it takes at most
(keepalived.conf(5), "persistence_timeout")."""

SIP_PORTS = frozenset({5060, 5061})
"""By these a service is taken for one of OCS 2007 R2: its front ends and edges have at least one of them."""

_BITS = {4: 32, 6: 128}
_NAMES = dict(METHODS)


def warnings_of(service: Layer4Service) -> list[str]:
    """Return a sentence for each thing that is allowed and yet not advised."""
    if service.forwarding not in {"nat", "dr"} or SIP_PORTS.isdisjoint(port_numbers(service)):
        return []
    sentence = (
        f"{service.label} has SIP ports and the forwarding method {_NAMES[service.forwarding]}: for OCS 2007 "
        "R2 Microsoft does not support destination NAT and does not recommend direct server return; "
        "choose SNAT"
    )
    return [sentence]


def duplicate_marks(cluster: ClusterConfig) -> Iterator[Fault]:
    """Yield a fault for each firewall mark that another service has."""
    marks: dict[int, str] = {}
    for number, service in enumerate(cluster.layer4_services):
        mark = service.firewall_mark
        other = None if mark is None else marks.setdefault(mark, service.label)
        if other not in {None, service.label}:
            message = f"firewall_mark {mark} of {service.label} is the one of {other}; choose another mark"
            yield Fault(f"layer4_services.{number}.firewall_mark", mark, message)


def layer4_faults(cluster: ClusterConfig, node: NodeConfig) -> Iterator[Fault]:
    """Yield what contradicts itself within layer 4 services, and what they can't do on this node."""
    for number, service in enumerate(cluster.layer4_services):
        for fault in (
            *_ports(service),
            *_mark(service),
            *_server_ports(service),
            *_families(service),
            *_reach(service, node),
            *_persistence(service),
            *_sources(service, cluster, node),
            *_check(service),
        ):
            yield fault._replace(field=f"layer4_services.{number}.{fault.field}")
    yield from _same_marks(cluster)


def _ports(service: Layer4Service) -> Iterator[Fault]:
    if service.protocol == "mark" and service.ports is not None:
        ports = ",".join(map(str, service.ports))
        message = (
            f"ports {ports} of {service.label} say nothing with the protocol mark; leave it blank, "
            "or choose tcp, udp or both"
        )
        yield Fault("ports", ports, message)
    if service.protocol != "mark" and service.ports is None:
        message = (
            f"ports of {service.label} is missing; name those that clients connect to, "
            "or choose the protocol mark"
        )
        yield Fault("ports", None, message)


def _mark(service: Layer4Service) -> Iterator[Fault]:
    mark = service.firewall_mark
    if service.protocol == "mark" and mark is None:
        message = (
            f"firewall_mark of {service.label} is missing; give the number that the firewall script marks "
            "its packets with"
        )
        yield Fault("firewall_mark", None, message)
    if service.protocol != "mark" and mark is not None:
        message = (
            f"firewall_mark {mark} of {service.label} needs the protocol mark; choose it, or leave it blank"
        )
        yield Fault("firewall_mark", mark, message)


def _same_marks(cluster: ClusterConfig) -> Iterator[Fault]:
    marks: dict[int, str] = {}
    for number, service in enumerate(cluster.layer4_services):
        if service.ports is None:
            continue
        other = marks.setdefault(own_mark(service), service.label)
        if other != service.label:
            message = (
                f"ports of {service.label} would be marked for IPVS as those of {other} are; "
                "choose another address or another first port"
            )
            yield Fault(f"layer4_services.{number}.ports", None, message)


def _server_ports(service: Layer4Service) -> Iterator[Fault]:
    only = None if service.ports is None else key_of(service).port
    for target in targets(service):
        reason = None
        if target.port is not None and only is None:
            reason = "would be the one for all that clients come to; leave it blank"
        elif target.port not in {None, only} and service.forwarding in {"dr", "tun"}:
            reason = (
                f"is not {only}, and {_NAMES[service.forwarding]} can't change ports; leave it blank, "
                "or choose SNAT or NAT"
            )
        if reason is not None:
            message = f"port {target.port} of {target.who} {reason}"
            yield Fault(f"{target.field}.port", target.port, message)


def _families(service: Layer4Service) -> Iterator[Fault]:
    version = service.ip.version
    wanted = f"is not of IPv{version}, as {service.ip} is; name one that is"
    for target in targets(service):
        if target.ip.version != version:
            yield _of_address(target, wanted)
    for number, ip in enumerate(service.snat_addresses):
        if ip.version != version:
            yield _of_source(service, number, ip, wanted)
    bits = service.persistence.granularity
    if bits is not None and bits > _BITS[version]:
        message = (
            f"granularity {bits} of {service.label} is more than the {_BITS[version]} bits of an address; "
            "choose less, or leave it blank"
        )
        yield Fault("persistence.granularity", bits, message)


def _reach(service: Layer4Service, node: NodeConfig) -> Iterator[Fault]:
    reasons = {
        "nat": "is in no subnet of this node, so its answers would not come back through the appliance; "
        "choose SNAT, or give the appliance an address there",
        "dr": "is in no subnet of this node, and Direct Routing needs one network segment; "
        "choose SNAT or Tunnel",
    }
    reason = reasons.get(service.forwarding)
    if reason is not None:
        for target in targets(service):
            if home_of(target.ip, node) is None:
                yield _of_address(target, reason)


def _persistence(service: Layer4Service) -> Iterator[Fault]:
    timeout_ms = service.persistence.timeout_ms
    if timeout_ms < MIN_PERSISTENCE_MS:
        message = (
            f"timeout_ms {timeout_ms} of {service.label} is not at least {MIN_PERSISTENCE_MS}, one second"
        )
        yield Fault("persistence.timeout_ms", timeout_ms, message)


def _sources(service: Layer4Service, cluster: ClusterConfig, node: NodeConfig) -> Iterator[Fault]:
    """Yield what is wrong with SNAT addresses; services may share one, as connections differ in more."""
    if service.snat_addresses and service.forwarding != "snat":
        message = f"snat_addresses of {service.label} are for SNAT; choose it, or leave them blank"
        yield Fault("snat_addresses", None, message)
    for number, ip in enumerate(service.snat_addresses):
        reason = not_free(ip, cluster, node)
        if reason is None and ip in service.snat_addresses[:number]:
            reason = "is there twice; name each address once"
        if reason is not None:
            yield _of_source(service, number, ip, reason)


def _check(service: Layer4Service) -> Iterator[Fault]:
    check = service.health_check
    asks = check.type in {"connect", "sip", "http"}
    if asks and not check.check_ports and service.protocol in {"udp", "mark"}:
        message = (
            f"check_ports of {service.label} is missing; checks are TCP, so name a TCP port of the real "
            "servers, or choose another type"
        )
        yield Fault("health_check.check_ports", None, message)


def _of_address(target: Target, reason: str) -> Fault:
    return Fault(f"{target.field}.ip", str(target.ip), f"address {target.ip} of {target.who} {reason}")


def _of_source(service: Layer4Service, number: int, ip: Address, reason: str) -> Fault:
    return Fault(f"snat_addresses.{number}", str(ip), f"SNAT address {ip} of {service.label} {reason}")
