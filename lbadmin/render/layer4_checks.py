"""checks.cfg: the HAProxy of lbva-checks.service, which checks the real servers of layer 4 services.

The checks are layer 7's own (`render.checks`), so that all choices mean the same on both layers. It carries
no client. A backend stands for each service, and says on loopback which of its servers are well.
"""

from collections.abc import Iterable, Iterator

from lbadmin.model import ClusterConfig, Layer4Service, RealServer, VirtualService
from lbadmin.render.checks import check_lines, check_port, check_words, uses_tls
from lbadmin.render.layer4 import CHECKS_PORT, check_path, layer4_services, mark_of, serving
from lbadmin.render.words import host_of

CHECKS_CFG = "/etc/haproxy/checks.cfg"
ANY_PORT = 1
"""What stands for the port of a service by firewall mark, which has none: check scripts get it."""
CHECKS_SOCKET = "/run/lbva-checks/admin.sock"
CHECKS_STATE = "/run/lbadmin/checks-state"
"""What the last process knew of the real servers, for the next one (HAProxy's manual, 3.1
"server-state-file"): else each change would make dead ones well until they have failed anew. Root writes
it, so it is where check scripts can't put a link in its place."""


def render_layer4_checks(cluster: ClusterConfig) -> dict[str, str]:
    """Return checks.cfg by its path; it is empty when there is nothing to check."""
    services = list(_checked_services(cluster))
    if not services:
        return {CHECKS_CFG: ""}
    scripted = any(service.health_check.type == "external" for service in services)
    sections = [_head(scripted=scripted), _answers(services), *map(_backend, services)]
    return {CHECKS_CFG: "\n".join(sections)}


def checked_places(cluster: ClusterConfig) -> dict[tuple[str, str], tuple[str, int]]:
    """Return address and port of each real server that is checked, by the labels of service and server."""
    return {
        (service.label, server.label): (str(server.ip), check_port(service, server))
        for service in map(_as_checked, _checked_services(cluster))
        for server in service.real_servers
    }


def _checked_services(cluster: ClusterConfig) -> Iterator[Layer4Service]:
    for service in layer4_services(cluster):
        if service.health_check.type != "none" and serving(service):
            yield service


def _as_checked(service: Layer4Service) -> VirtualService:
    """Return the layer 7 service whose checks are this one's."""
    return VirtualService(
        label=service.label,
        ip=service.ip,
        ports=service.ports or service.health_check.check_ports or (ANY_PORT,),
        health_check=service.health_check,
        real_servers=tuple(
            RealServer(label=server.label, ip=server.ip, port=server.port) for server in serving(service)
        ),
    )


def _head(*, scripted: bool) -> str:
    # Scripts are run as its own user, without a way to other rights (the unit's NoNewPrivileges=).
    scripts = ("external-check", "insecure-fork-wanted") if scripted else ()
    return "\n".join(
        (
            _section(
                "global",
                # One thread and few connections: keepalived's questions alone.
                "nbthread 1",
                "maxconn 256",
                "hard-stop-after 10s",
                f"stats socket {CHECKS_SOCKET} mode 600 level admin expose-fd listeners",
                f"server-state-file {CHECKS_STATE}",
                "log /dev/log local0 notice",
                "log-tag lbva-checks",
                *scripts,
            ),
            _section(
                "defaults",
                "mode http",
                "log global",
                "option dontlog-normal",
                "timeout connect 4000",
                "timeout client 5000",
                "timeout server 5000",
                "load-server-state-from-file global",
            ),
        )
    )


def _answers(services: Iterable[Layer4Service]) -> str:
    backends = (f"use_backend {each.label} if {{ path_beg /{mark_of(each)}/ }}" for each in services)
    return _section("frontend _answers", f"bind 127.0.0.1:{CHECKS_PORT}", *backends)


def _backend(service: Layer4Service) -> str:
    checked = _as_checked(service)
    return _section(
        f"backend {service.label}",
        *(
            f"http-request return status 200 if {{ path {check_path(service, server)} }} "
            f"{{ srv_is_up({service.label}/{server.label}) }}"
            for server in serving(service)
        ),
        "http-request return status 503",
        *check_lines(checked),
        *_servers(checked),
    )


def _servers(service: VirtualService) -> Iterator[str]:
    for server in service.real_servers:
        # A script is told the port of the line.
        place = f"{host_of(server.ip)}:{check_port(service, server)}"
        words = ["server", server.label, place, *check_words(service, server)]
        if uses_tls(service, server):
            words.append("verify none")
        yield " ".join(words)


def _section(head: str, *lines: str) -> str:
    return "".join([head, "\n", *(f"    {line}\n" for line in lines)])
