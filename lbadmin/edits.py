"""Edits of a ClusterConfig by label: pure functions, the old document in, the new one out.

All raise NotFoundError or DuplicateError in a sentence, and RefusedError when a list grows beyond its bound
or what is removed is in use.
"""

from collections.abc import Sequence
from typing import Any, TypeVar

from lbadmin.document import Document
from lbadmin.errors import DuplicateError, Fault, NotFoundError, RefusedError
from lbadmin.model import Certificate, CheckScript, ClusterConfig, RealServer, State, VirtualService
from lbadmin.rules import parse_as
from lbadmin.sentences import show

D = TypeVar("D", bound=Document)
L = TypeVar("L", bound=Certificate | CheckScript | RealServer | VirtualService)


def changed(document: D, **fields: Any) -> D:  # noqa: ANN401 - whatever the fields hold
    """Return the document with these fields; only they are validated, and the document's own bounds."""
    old = {name: getattr(document, name) for name in type(document).model_fields}
    return parse_as(type(document), {**old, **fields})


def service_of(cluster: ClusterConfig, label: str) -> VirtualService:
    """Return the virtual service of that label."""
    return _labelled(cluster.virtual_services, label, "virtual service")


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
    return changed(cluster, virtual_services=tuple(services))


def add_service(cluster: ClusterConfig, service: VirtualService) -> ClusterConfig:
    """Return the document with one more virtual service."""
    return with_services(cluster, _added(cluster.virtual_services, service, "virtual service"))


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
    return replace_service(cluster, label, changed(service, real_servers=tuple(servers)))


def with_state(cluster: ClusterConfig, label: str, state: State) -> ClusterConfig:
    """Return the document with all real servers of that virtual service in the state."""
    servers = service_of(cluster, label).real_servers
    return with_servers(cluster, label, [server.model_copy(update={"state": state}) for server in servers])


def add_server(cluster: ClusterConfig, label: str, server: RealServer) -> ClusterConfig:
    """Return the document with one more real server in the virtual service of that label."""
    servers = service_of(cluster, label).real_servers
    return with_servers(cluster, label, _added(servers, server, f"real server of {label}"))


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


def certificate_of(cluster: ClusterConfig, label: str) -> Certificate:
    """Return the certificate of that label."""
    return _labelled(cluster.certificates, label, "certificate")


def add_certificate(cluster: ClusterConfig, certificate: Certificate) -> ClusterConfig:
    """Return the document with one more certificate."""
    return changed(cluster, certificates=_added(cluster.certificates, certificate, "certificate"))


def replace_certificate(cluster: ClusterConfig, label: str, certificate: Certificate) -> ClusterConfig:
    """Return the document with the certificate in the place of the one of that label."""
    old = certificate_of(cluster, label)
    return changed(
        cluster, certificates=tuple(certificate if each is old else each for each in cluster.certificates)
    )


def remove_certificate(cluster: ClusterConfig, label: str) -> ClusterConfig:
    """Return the document without the certificate of that label."""
    old = certificate_of(cluster, label)
    users = [service.label for service in cluster.virtual_services if service.tls_certificate == label]
    _refuse_use(users, f"certificate {label}")
    return changed(cluster, certificates=tuple(each for each in cluster.certificates if each is not old))


def script_of(cluster: ClusterConfig, label: str) -> CheckScript:
    """Return the check script of that label."""
    return _labelled(cluster.check_scripts, label, "check script")


def add_script(cluster: ClusterConfig, script: CheckScript) -> ClusterConfig:
    """Return the document with one more check script."""
    return changed(cluster, check_scripts=_added(cluster.check_scripts, script, "check script"))


def replace_script(cluster: ClusterConfig, label: str, script: CheckScript) -> ClusterConfig:
    """Return the document with the check script in the place of the one of that label."""
    old = script_of(cluster, label)
    if script.label != label:
        _refuse_use(_script_users(cluster, label), f"check script {label}")
    return changed(
        cluster, check_scripts=tuple(script if each is old else each for each in cluster.check_scripts)
    )


def remove_script(cluster: ClusterConfig, label: str) -> ClusterConfig:
    """Return the document without the check script of that label."""
    old = script_of(cluster, label)
    _refuse_use(_script_users(cluster, label), f"check script {label}")
    return changed(cluster, check_scripts=tuple(each for each in cluster.check_scripts if each is not old))


def _script_users(cluster: ClusterConfig, label: str) -> list[str]:
    return [service.label for service in cluster.virtual_services if service.health_check.script == label]


def _labelled(items: Sequence[L], label: str, kind: str) -> L:
    for item in items:
        if item.label == label:
            return item
    raise NotFoundError(f"there is no {kind} {show(label)}; the list of {kind}s has the labels")


def _added(items: Sequence[L], item: L, kind: str) -> tuple[L, ...]:
    if any(item.label == other.label for other in items):
        message = f"label {item.label} is used by another {kind}; choose another label"
        raise DuplicateError([Fault("label", item.label, message)])
    return (*items, item)


def _refuse_use(users: Sequence[str], what: str) -> None:
    if users:
        message = f"{what} is used by {', '.join(users)}; choose another one there first"
        raise RefusedError([Fault("label", None, message)])
