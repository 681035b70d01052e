"""Edits of a ClusterConfig by label: pure functions, the old document in, the new one out.

All raise NotFoundError or DuplicateError in a sentence, and RefusedError when a list grows beyond its bound
or what is removed is in use.
"""

from collections.abc import Sequence
from typing import Any, Generic, TypeVar, cast

from lbadmin.document import Document, parse_as
from lbadmin.errors import DuplicateError, Fault, NotFoundError, RefusedError
from lbadmin.model import (
    AnyRealServer,
    AnyService,
    Certificate,
    CheckScript,
    ClusterConfig,
    Layer4RealServer,
    Layer4Service,
    RealServer,
    State,
    VirtualService,
)
from lbadmin.sentences import show

D = TypeVar("D", bound=Document)
S = TypeVar("S", bound=AnyService)
R = TypeVar("R", bound=AnyRealServer)
L = TypeVar("L", bound=Certificate | CheckScript | AnyRealServer | AnyService)


def changed(document: D, **fields: Any) -> D:  # noqa: ANN401 - whatever the fields hold
    """Return the document with these fields; only they are validated, and the document's own bounds."""
    old = {name: getattr(document, name) for name in type(document).model_fields}
    return parse_as(type(document), {**old, **fields})


class Services(Generic[S, R]):
    """The virtual services of one layer within a ClusterConfig, each with its real servers."""

    def __init__(self, number: int, field: str, kind: str, service: type[S], server: type[R]) -> None:
        self.number, self.field, self.kind = number, field, kind
        self.service, self.server = service, server

    def of(self, cluster: ClusterConfig) -> tuple[S, ...]:
        """Return all services of the layer."""
        return cast("tuple[S, ...]", getattr(cluster, self.field))

    def find(self, cluster: ClusterConfig, label: str) -> S:
        """Return the virtual service of that label."""
        return _labelled(self.of(cluster), label, self.kind)

    def add(self, cluster: ClusterConfig, service: S) -> ClusterConfig:
        """Return the document with one more virtual service, of a label that no layer has."""
        for other in LAYERS:
            used_by = f"another {self.kind}" if other is self else f"a layer {other.number} virtual service"
            _refuse_label(other.of(cluster), service.label, used_by)
        return self._with(cluster, [*self.of(cluster), service])

    def replace(self, cluster: ClusterConfig, label: str, service: S) -> ClusterConfig:
        """Return the document with the virtual service in the place of the one of that label."""
        old = self.find(cluster, label)
        return self._with(cluster, [service if other is old else other for other in self.of(cluster)])

    def remove(self, cluster: ClusterConfig, label: str) -> ClusterConfig:
        """Return the document without the virtual service of that label."""
        old = self.find(cluster, label)
        return self._with(cluster, [other for other in self.of(cluster) if other is not old])

    def with_state(self, cluster: ClusterConfig, label: str, state: State) -> ClusterConfig:
        """Return the document with all real servers of that virtual service in the state."""
        servers = [changed(server, state=state) for server in self.servers(cluster, label)]
        return self._with_servers(cluster, label, servers)

    def servers(self, cluster: ClusterConfig, label: str) -> tuple[R, ...]:
        """Return the real servers of the virtual service of that label."""
        return cast("tuple[R, ...]", self.find(cluster, label).real_servers)

    def find_server(self, cluster: ClusterConfig, label: str, name: str) -> R:
        """Return the real server of that name in the virtual service of that label."""
        for server in self.servers(cluster, label):
            if server.label == name:
                return server
        raise NotFoundError(
            f"{label} has no real server {show(name)}; its list of real servers has the labels"
        )

    def add_server(self, cluster: ClusterConfig, label: str, server: R) -> ClusterConfig:
        """Return the document with one more real server in the virtual service of that label."""
        servers = self.servers(cluster, label)
        return self._with_servers(cluster, label, _added(servers, server, f"real server of {label}"))

    def replace_server(self, cluster: ClusterConfig, label: str, name: str, server: R) -> ClusterConfig:
        """Return the document with the real server in the place of the one of that name."""
        old = self.find_server(cluster, label, name)
        servers = [server if other is old else other for other in self.servers(cluster, label)]
        return self._with_servers(cluster, label, servers)

    def remove_server(self, cluster: ClusterConfig, label: str, name: str) -> ClusterConfig:
        """Return the document without the real server of that name."""
        old = self.find_server(cluster, label, name)
        servers = [other for other in self.servers(cluster, label) if other is not old]
        return self._with_servers(cluster, label, servers)

    def _with(self, cluster: ClusterConfig, services: Sequence[S]) -> ClusterConfig:
        return changed(cluster, **{self.field: tuple(services)})

    def _with_servers(self, cluster: ClusterConfig, label: str, servers: Sequence[R]) -> ClusterConfig:
        service = self.find(cluster, label)
        return self.replace(cluster, label, changed(service, real_servers=tuple(servers)))


LAYER7 = Services(7, "virtual_services", "virtual service", VirtualService, RealServer)
LAYER4 = Services(4, "layer4_services", "layer 4 virtual service", Layer4Service, Layer4RealServer)
LAYERS: tuple[Services[Any, Any], ...] = (LAYER7, LAYER4)


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
    return [service.label for service in cluster.services if service.health_check.script == label]


def _labelled(items: Sequence[L], label: str, kind: str) -> L:
    for item in items:
        if item.label == label:
            return item
    raise NotFoundError(f"there is no {kind} {show(label)}; the list of {kind}s has the labels")


def _added(items: Sequence[L], item: L, kind: str) -> tuple[L, ...]:
    _refuse_label(items, item.label, f"another {kind}")
    return (*items, item)


def _refuse_label(items: Sequence[L], label: str, used_by: str) -> None:
    if any(label == other.label for other in items):
        message = f"label {label} is used by {used_by}; choose another label"
        raise DuplicateError([Fault("label", label, message)])


def _refuse_use(users: Sequence[str], what: str) -> None:
    if users:
        message = f"{what} is used by {', '.join(users)}; choose another one there first"
        raise RefusedError([Fault("label", None, message)])
