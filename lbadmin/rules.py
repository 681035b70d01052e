"""What values of the two documents must be to each other. What one value must be is in `model`."""

from collections.abc import Iterator, Mapping
from typing import TypeVar

from pydantic import ValidationError

from lbadmin.addresses import Address, not_unicast
from lbadmin.document import Document
from lbadmin.errors import DuplicateError, Fault, RefusedError
from lbadmin.fields import port_span
from lbadmin.model import ClusterConfig, NodeConfig, RealServer, VirtualService
from lbadmin.node.rules import node_faults
from lbadmin.rules_balancing import balancing_faults, duplicate_helpers
from lbadmin.sentences import faults_of

OWN_PORTS = {22: "SSH", 9443: "the WebUI"}
MAX_LISTENERS = 4096
"""Listening ports of all services together: each is a socket, well within HAProxy's file descriptors."""
MAX_ALL_REAL_SERVERS = 4096
"""Real servers of all services together: with a check every 4 s, about 1,000 connections a second."""
MAX_ALL_TABLES = 2_000_000
"""Persistence entries of all services together: at about 200 bytes each, a fifth of the 2 GB machine."""
HOSTS_ONLY = 2
"""A network of no more addresses has none but hosts' (RFC 3021)."""

T = TypeVar("T", bound=Document)


def parse_cluster(document: object) -> ClusterConfig:
    """Return the raw document as a ClusterConfig; raises RefusedError with a sentence per fault."""
    return parse_as(ClusterConfig, document)


def parse_node(document: object) -> NodeConfig:
    """Return the raw document as a NodeConfig; raises RefusedError with a sentence per fault."""
    return parse_as(NodeConfig, document)


def parse_as(model: type[T], document: object) -> T:
    """Return the raw document as the model; raises RefusedError with a sentence per fault."""
    try:
        return model.model_validate(document)
    except ValidationError as error:
        raise RefusedError(faults_of(error.errors(), document)) from None


def check_rules(cluster: ClusterConfig, node: NodeConfig) -> None:
    """Raise DuplicateError or RefusedError when the documents contradict themselves or each other."""
    duplicates = [*_duplicate_labels(cluster), *duplicate_helpers(cluster), *_shared_ports(cluster)]
    if duplicates:
        raise DuplicateError(duplicates)
    faults = [
        *_totals(cluster),
        *_addresses(cluster, node),
        *_floating(cluster, node),
        *_own_ports(cluster),
        *balancing_faults(cluster),
        *node_faults(node),
    ]
    if faults:
        raise RefusedError(faults)


def _duplicate_labels(cluster: ClusterConfig) -> Iterator[Fault]:
    labels: set[str] = set()
    for number, service in enumerate(cluster.virtual_services):
        where = f"virtual_services.{number}"
        if service.label in labels:
            yield Fault(
                f"{where}.label",
                service.label,
                f"label {service.label} is used by another virtual service; choose another label",
            )
        labels.add(service.label)
        yield from _duplicate_servers(where, service)


def _duplicate_servers(where: str, service: VirtualService) -> Iterator[Fault]:
    labels: set[str] = set()
    places: dict[tuple[Address, int | None], str] = {}
    for number, server in enumerate(service.real_servers):
        field = f"{where}.real_servers.{number}"
        if server.label in labels:
            yield Fault(
                f"{field}.label",
                server.label,
                f"label {server.label} is used by another real server of {service.label}; "
                "choose another label",
            )
        labels.add(server.label)
        other = places.setdefault((server.ip, server.port), server.label)
        if other != server.label:
            yield Fault(
                f"{field}.ip",
                str(server.ip),
                f"address {_place(server)} of {server.label} in {service.label} is the one of {other}; "
                "name each real server once",
            )


def _place(server: RealServer) -> str:
    return str(server.ip) if server.port is None else f"{server.ip} port {server.port}"


def _shared_ports(cluster: ClusterConfig) -> Iterator[Fault]:
    taken: dict[tuple[Address, int], str] = {}
    for number, service in enumerate(cluster.virtual_services):
        for port in _port_numbers(service):
            other = taken.setdefault((service.ip, port), service.label)
            if other != service.label:
                yield Fault(
                    f"virtual_services.{number}.ports",
                    port,
                    f"port {port} on {service.ip} of {service.label} is taken by {other}; "
                    "choose another address or port",
                )
                break


def _port_numbers(service: VirtualService) -> Iterator[int]:
    for item in service.ports:
        first, last = port_span(item)
        yield from range(first, last + 1)


def _totals(cluster: ClusterConfig) -> Iterator[Fault]:
    services = cluster.virtual_services
    tables = (
        s.persistence.table_size for s in services if s.persistence.mode in {"source_ip", "tls_session_id"}
    )
    for what, total, limit in (
        ("ports", sum(1 for service in services for _ in _port_numbers(service)), MAX_LISTENERS),
        ("real servers", sum(len(service.real_servers) for service in services), MAX_ALL_REAL_SERVERS),
        ("persistence entries", sum(tables), MAX_ALL_TABLES),
    ):
        if total > limit:
            yield Fault(
                "virtual_services",
                total,
                f"{total} {what} of all virtual services together are more than {limit}; remove some",
            )


def _addresses(cluster: ClusterConfig, node: NodeConfig) -> Iterator[Fault]:
    own = {address.ip: interface.name for interface in node.interfaces for address in interface.addresses}
    virtual = {service.ip: service.label for service in cluster.virtual_services}
    for number, service in enumerate(cluster.virtual_services):
        where = f"virtual_services.{number}"
        reason = not_unicast(service.ip)
        if reason is None and service.ip in own:
            reason = f"is this node's own address on {own[service.ip]}; choose a free one"
        if reason is not None:
            yield Fault(f"{where}.ip", str(service.ip), f"address {service.ip} of {service.label} {reason}")
        for index, server in enumerate(service.real_servers):
            reason = _not_a_server(server.ip, virtual)
            if reason is not None:
                yield Fault(
                    f"{where}.real_servers.{index}.ip",
                    str(server.ip),
                    f"address {server.ip} of {server.label} in {service.label} {reason}",
                )
        fallback = service.fallback_server.ip
        reason = None if fallback is None else _not_a_server(fallback, virtual)
        if reason is not None:
            yield Fault(
                f"{where}.fallback_server.ip",
                str(fallback),
                f"address {fallback} of the fallback server of {service.label} {reason}",
            )


def _floating(cluster: ClusterConfig, node: NodeConfig) -> Iterator[Fault]:
    own = {address.ip: interface.name for interface in node.interfaces for address in interface.addresses}
    servers = {server.ip: server.label for each in cluster.virtual_services for server in each.real_servers}
    seen: set[Address] = set()
    for number, ip in enumerate(cluster.ha.floating_addresses):
        reason = not_unicast(ip) or _not_a_host(ip, node)
        if reason is None and ip in own:
            reason = f"is this node's own address on {own[ip]}; choose a free one"
        elif reason is None and ip in servers:
            reason = f"is the real server {servers[ip]}; choose a free one"
        elif reason is None and ip in seen:
            reason = "is there twice; name each address once"
        seen.add(ip)
        if reason is not None:
            yield Fault(f"ha.floating_addresses.{number}", str(ip), f"floating address {ip} {reason}")


def _not_a_server(ip: Address, virtual: Mapping[Address, str]) -> str | None:
    reason = not_unicast(ip)
    if reason is None and ip in virtual:
        # Services that stand behind each other would pass one connection round for ever.
        reason = f"is the virtual service {virtual[ip]} itself; name the server behind it"
    return reason


def _not_a_host(ip: Address, node: NodeConfig) -> str | None:
    """Return what is wrong with the first or last address of a network of the node (RFC 1122, 3.2.1.3)."""
    for interface in node.interfaces:
        for network in (address.network for address in interface.addresses):
            if network.num_addresses > HOSTS_ONLY and ip in (network[0], network[-1]):
                return f"is the address of the network {network} itself; name one host"
    return None


def _own_ports(cluster: ClusterConfig) -> Iterator[Fault]:
    for number, service in enumerate(cluster.virtual_services):
        for port in _port_numbers(service):
            if port in OWN_PORTS:
                yield Fault(
                    f"virtual_services.{number}.ports",
                    port,
                    f"port {port} of {service.label} is used by {OWN_PORTS[port]} of this appliance; "
                    "choose another port",
                )
