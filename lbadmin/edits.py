"""Edits of a ClusterConfig by label: pure functions, the old document in, the new one out.

All raise NotFoundError or DuplicateError in a sentence, and RefusedError when a list grows beyond its bound.
"""

from collections.abc import Sequence

from lbadmin.errors import DuplicateError, Fault, NotFoundError
from lbadmin.model import ClusterConfig, RealServer, VirtualService
from lbadmin.rules import parse_as, parse_cluster
from lbadmin.sentences import show


def service_of(cluster: ClusterConfig, label: str) -> VirtualService:
    """Return the virtual service of that label."""
    for service in cluster.virtual_services:
        if service.label == label:
            return service
    raise NotFoundError(
        f"there is no virtual service {show(label)}; the list of virtual services has the labels"
    )


def server_of(service: VirtualService, label: str) -> RealServer:
    """Return the real server of that label."""
    for server in service.real_servers:
        if server.label == label:
            return server
    raise NotFoundError(
        f"{service.label} has no real server {show(label)}; its list of real servers has the labels"
    )


def with_services(cluster: ClusterConfig, services: Sequence[VirtualService]) -> ClusterConfig:
    """Return the document with these virtual services instead of its own."""
    return parse_cluster({"layer7": cluster.layer7, "virtual_services": tuple(services)})


def add_service(cluster: ClusterConfig, service: VirtualService) -> ClusterConfig:
    """Return the document with one more virtual service."""
    if any(service.label == other.label for other in cluster.virtual_services):
        message = f"label {service.label} is used by another virtual service; choose another label"
        raise DuplicateError([Fault("label", service.label, message)])
    return with_services(cluster, [*cluster.virtual_services, service])


def replace_service(cluster: ClusterConfig, label: str, service: VirtualService) -> ClusterConfig:
    """Return the document with the virtual service in the place of the one of that label."""
    old = service_of(cluster, label)
    return with_services(cluster, [service if other is old else other for other in cluster.virtual_services])


def remove_service(cluster: ClusterConfig, label: str) -> ClusterConfig:
    """Return the document without the virtual service of that label."""
    old = service_of(cluster, label)
    return with_services(cluster, [other for other in cluster.virtual_services if other is not old])


def with_servers(cluster: ClusterConfig, label: str, servers: Sequence[RealServer]) -> ClusterConfig:
    """Return the document with these real servers in the virtual service of that label."""
    service = service_of(cluster, label)
    fields = {name: getattr(service, name) for name in VirtualService.model_fields}
    changed = parse_as(VirtualService, {**fields, "real_servers": tuple(servers)})
    return replace_service(cluster, label, changed)


def add_server(cluster: ClusterConfig, label: str, server: RealServer) -> ClusterConfig:
    """Return the document with one more real server in the virtual service of that label."""
    service = service_of(cluster, label)
    if any(server.label == other.label for other in service.real_servers):
        message = f"label {server.label} is used by another real server of {label}; choose another label"
        raise DuplicateError([Fault("label", server.label, message)])
    return with_servers(cluster, label, [*service.real_servers, server])


def replace_server(cluster: ClusterConfig, label: str, name: str, server: RealServer) -> ClusterConfig:
    """Return the document with the real server in the place of the one of that name."""
    service = service_of(cluster, label)
    old = server_of(service, name)
    return with_servers(cluster, label, [server if other is old else other for other in service.real_servers])


def remove_server(cluster: ClusterConfig, label: str, name: str) -> ClusterConfig:
    """Return the document without the real server of that name."""
    service = service_of(cluster, label)
    old = server_of(service, name)
    return with_servers(cluster, label, [other for other in service.real_servers if other is not old])
