"""What virtual services must be to each other and to the node, whichever layer they are of."""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import NamedTuple

from lbadmin.addresses import Address, not_unicast
from lbadmin.errors import Fault
from lbadmin.fields import port_span
from lbadmin.model import AnyRealServer, AnyService, ClusterConfig, Layer4Service, NodeConfig

OWN_PORTS = {("tcp", 22): "SSH", ("tcp", 9443): "the WebUI", ("udp", 161): "SNMP"}
"""Ports of the appliance on all its addresses, which HAProxy can't have, and IPVS not beside a lockdown."""
MAX_LISTENERS = 4096
"""Listening ports of layer 7 services together: each is a socket, well within HAProxy's file descriptors."""
MAX_LAYER4_ITEMS = 4096
"""Ports and ranges of layer 4 services together: each is an element or two of the rules of nftables."""
MAX_ALL_REAL_SERVERS = 4096
"""Real servers of all services together: with a check every 4 s, about 1,000 connections a second."""
MAX_ALL_TABLES = 2_000_000
"""Persistence entries of all services together: at about 200 bytes each, a fifth of the 2 GB machine."""
HOSTS_ONLY = 2
"""A network of no more addresses has none but hosts' (RFC 3021)."""


class Target(NamedTuple):
    """Where a service sends clients: a real server or the fallback server, and its place in the service."""

    field: str
    who: str
    ip: Address
    port: int | None


def placed_services(cluster: ClusterConfig) -> Iterator[tuple[str, AnyService]]:
    """Yield the services of both layers, each with its place in the document."""
    for field in ("virtual_services", "layer4_services"):
        for number, service in enumerate(getattr(cluster, field)):
            yield f"{field}.{number}", service


def servers_of(service: AnyService) -> tuple[AnyRealServer, ...]:
    """Return the service's real servers, as a type checker knows those of either layer."""
    return service.real_servers


def targets(service: AnyService) -> Iterator[Target]:
    """Yield where the service sends clients."""
    for number, server in enumerate(servers_of(service)):
        who = f"{server.label} in {service.label}"
        yield Target(f"real_servers.{number}", who, server.ip, server.port)
    fallback = service.fallback_server
    if fallback.ip is not None:
        who = f"the fallback server of {service.label}"
        yield Target("fallback_server", who, fallback.ip, fallback.port)


def port_numbers(service: AnyService) -> Iterator[int]:
    """Yield each port of the service."""
    for item in service.ports or ():
        first, last = port_span(item)
        yield from range(first, last + 1)


def own_addresses(node: NodeConfig) -> dict[Address, str]:
    """Return what each address of the node is, as a predicate."""
    return {
        address.ip: f"is this node's own address on {interface.name}"
        for interface in node.interfaces
        for address in interface.addresses
    }


def duplicate_services(cluster: ClusterConfig) -> Iterator[Fault]:
    """Yield a fault for each label, real server and port that is there before."""
    labels: set[str] = set()
    for where, service in placed_services(cluster):
        if service.label in labels:
            yield Fault(
                f"{where}.label",
                service.label,
                f"label {service.label} is used by another virtual service; choose another label",
            )
        labels.add(service.label)
        yield from _duplicate_servers(where, service)
    yield from _shared_ports(cluster)


def service_faults(cluster: ClusterConfig, node: NodeConfig) -> Iterator[Fault]:
    """Yield what is too much, and addresses and ports that can't be used."""
    yield from _totals(cluster)
    yield from _addresses(cluster, node)
    yield from _floating(cluster, node)
    yield from _own_ports(cluster)
    for where, service in placed_services(cluster):
        fallback = service.fallback_server
        if fallback.ip is None and fallback.port is not None:
            yield Fault(
                f"{where}.fallback_server.ip",
                None,
                f"ip of the fallback server of {service.label} is missing; give it an address, "
                "or no port either",
            )


def _duplicate_servers(where: str, service: AnyService) -> Iterator[Fault]:
    labels: set[str] = set()
    places: dict[tuple[Address, int | None], str] = {}
    default = _default_port(service)
    for number, server in enumerate(servers_of(service)):
        field = f"{where}.real_servers.{number}"
        if server.label in labels:
            yield Fault(
                f"{field}.label",
                server.label,
                f"label {server.label} is used by another real server of {service.label}; "
                "choose another label",
            )
        labels.add(server.label)
        port = default if server.port is None else server.port
        other = places.setdefault((server.ip, port), server.label)
        if other != server.label:
            place = str(server.ip) if server.port is None else f"{server.ip} port {server.port}"
            yield Fault(
                f"{field}.ip",
                str(server.ip),
                f"address {place} of {server.label} in {service.label} is the one of {other}; "
                "name each real server once",
            )

    fallback = service.fallback_server
    port = default if fallback.port is None else fallback.port
    if isinstance(service, Layer4Service) and fallback.ip is not None and (fallback.ip, port) in places:
        yield Fault(
            f"{where}.fallback_server.ip",
            str(fallback.ip),
            f"address {fallback.ip} of the fallback server of {service.label} is the one of "
            f"{places[fallback.ip, port]}; choose a server that clients are not sent to anyway",
        )


def _default_port(service: AnyService) -> int | None:
    """Return the port that servers have whose own is blank, where IPVS would know both as one."""
    if not isinstance(service, Layer4Service):
        return None
    numbers = [*islice(port_numbers(service), 2)]
    return numbers[0] if len(numbers) == 1 else None


def _shared_ports(cluster: ClusterConfig) -> Iterator[Fault]:
    taken: dict[tuple[Address, str, int], tuple[str, AnyService]] = {}
    for where, service in placed_services(cluster):
        for protocol, port in _protocols_and_ports(service):
            there, other = taken.setdefault((service.ip, protocol, port), (where, service))
            if other is not service:
                yield from _shared_port(port, there, other, where, service)
                break


def _shared_port(
    port: int, there: str, other: AnyService, where: str, service: AnyService
) -> Iterator[Fault]:
    if type(other) is type(service):
        message = (
            f"port {port} on {service.ip} of {service.label} is taken by {other.label}; "
            "choose another address or port"
        )
        yield Fault(f"{where}.ports", port, message)
        return
    # Either may be the one that is new.
    message = (
        f"port {port} on {service.ip} is both the layer 7 service {other.label}'s and the layer 4 service "
        f"{service.label}'s; choose another address or port for one of them"
    )
    yield from (Fault(f"{place}.ports", port, message) for place in (there, where))


def _protocols_and_ports(service: AnyService) -> Iterator[tuple[str, int]]:
    protocols = ["tcp"]
    if isinstance(service, Layer4Service):
        protocols = ["tcp", "udp"] if service.protocol == "both" else [service.protocol]
    yield from ((protocol, port) for port in port_numbers(service) for protocol in protocols)


def _totals(cluster: ClusterConfig) -> Iterator[Fault]:
    services = cluster.virtual_services
    tables = (
        s.persistence.table_size for s in services if s.persistence.mode in {"source_ip", "tls_session_id"}
    )
    for what, total, limit in (
        ("ports", sum(1 for service in services for _ in port_numbers(service)), MAX_LISTENERS),
        ("ports and ranges of layer 4", sum(map(_items, cluster.layer4_services)), MAX_LAYER4_ITEMS),
        ("real servers", sum(len(each.real_servers) for each in cluster.services), MAX_ALL_REAL_SERVERS),
        ("persistence entries", sum(tables), MAX_ALL_TABLES),
    ):
        if total > limit:
            yield Fault(
                "virtual_services",
                total,
                f"{total} {what} of all virtual services together are more than {limit}; remove some",
            )


def _items(service: Layer4Service) -> int:
    return len(service.ports or ())


def _addresses(cluster: ClusterConfig, node: NodeConfig) -> Iterator[Fault]:
    own = own_addresses(node)
    # Services that stand behind each other would pass one connection round for ever.
    virtual = {service.ip: f"is the virtual service {service.label} itself" for service in cluster.services}
    for where, service in placed_services(cluster):
        reason = not_unicast(service.ip)
        if reason is None and service.ip in own:
            reason = f"{own[service.ip]}; choose a free one"
        if reason is not None:
            yield Fault(f"{where}.ip", str(service.ip), f"address {service.ip} of {service.label} {reason}")
        # The kernel has its own addresses' packets before IPVS could send them there.
        wrong = {**own, **virtual} if isinstance(service, Layer4Service) else virtual
        for target in targets(service):
            reason = _not_a_server(target.ip, wrong)
            if reason is not None:
                yield Fault(
                    f"{where}.{target.field}.ip",
                    str(target.ip),
                    f"address {target.ip} of {target.who} {reason}",
                )


def _not_a_server(ip: Address, wrong: Mapping[Address, str]) -> str | None:
    reason = not_unicast(ip)
    if reason is None and ip in wrong:
        reason = f"{wrong[ip]}; name the server behind it"
    return reason


def _floating(cluster: ClusterConfig, node: NodeConfig) -> Iterator[Fault]:
    seen: set[Address] = set()
    for number, ip in enumerate(cluster.ha.floating_addresses):
        reason = not_free(ip, cluster, node)
        if reason is None and ip in seen:
            reason = "is there twice; name each address once"
        seen.add(ip)
        if reason is not None:
            yield Fault(f"ha.floating_addresses.{number}", str(ip), f"floating address {ip} {reason}")


def not_free(ip: Address, cluster: ClusterConfig, node: NodeConfig) -> str | None:
    """Return what keeps the appliance from bringing up an address, as a predicate with the remedy."""
    reason = not_unicast(ip) or _not_a_host(ip, node)
    if reason is not None:
        return reason
    taken = {
        server.ip: f"is the real server {server.label}"
        for service in cluster.services
        for server in service.real_servers
    }
    for service in cluster.services:
        if service.fallback_server.ip is not None:
            taken[service.fallback_server.ip] = f"is the fallback server of {service.label}"
    taken.update(own_addresses(node))
    return f"{taken[ip]}; choose a free one" if ip in taken else None


def _not_a_host(ip: Address, node: NodeConfig) -> str | None:
    """Return what is wrong with the first or last address of a network of the node (RFC 1122, 3.2.1.3)."""
    for interface in node.interfaces:
        for network in (address.network for address in interface.addresses):
            if network.num_addresses > HOSTS_ONLY and ip in (network[0], network[-1]):
                return f"is the address of the network {network} itself; name one host"
    return None


def _own_ports(cluster: ClusterConfig) -> Iterator[Fault]:
    for where, service in placed_services(cluster):
        for protocol, port in _protocols_and_ports(service):
            user = OWN_PORTS.get((protocol, port))
            if user is not None:
                message = (
                    f"port {port} of {service.label} is used by {user} of this appliance; choose another port"
                )
                yield Fault(f"{where}.ports", port, message)
