"""What the parts of one virtual service must be to each other: persistence, checks, TLS, the last resort.

Each rule is one of HAProxy's own, or keeps out what it would accept and never do.
"""

from collections.abc import Iterator, Sequence

from lbadmin.errors import Fault
from lbadmin.model import Certificate, CheckScript, ClusterConfig, VirtualService


def duplicate_helpers(cluster: ClusterConfig) -> Iterator[Fault]:
    """Yield a fault for each certificate or check script whose label is there before."""
    yield from _duplicates("certificates", "certificate", cluster.certificates)
    yield from _duplicates("check_scripts", "check script", cluster.check_scripts)


def balancing_faults(cluster: ClusterConfig) -> Iterator[Fault]:
    """Yield what contradicts itself within the virtual services, and what they name that is not there."""
    certificates = {certificate.label for certificate in cluster.certificates}
    scripts = {script.label for script in cluster.check_scripts}
    for number, service in enumerate(cluster.virtual_services):
        where = f"virtual_services.{number}"
        yield from _persistence(where, service)
        yield from _check(where, service, scripts)
        yield from _fallback(where, service)
        label = service.tls_certificate
        if label is not None and label not in certificates:
            yield Fault(
                f"{where}.tls_certificate",
                label,
                f"tls_certificate {label} of {service.label} is not there; add the certificate first, "
                "or choose one of those that are",
            )


def _duplicates(field: str, kind: str, items: Sequence[Certificate | CheckScript]) -> Iterator[Fault]:
    labels: set[str] = set()
    for number, item in enumerate(items):
        if item.label in labels:
            yield Fault(
                f"{field}.{number}.label",
                item.label,
                f"label {item.label} is used by another {kind}; choose another label",
            )
        labels.add(item.label)


def _persistence(where: str, service: VirtualService) -> Iterator[Fault]:
    mode = service.persistence.mode
    reason = None
    if mode == "http_cookie" and service.protocol != "http":
        reason = "needs the protocol http; choose it, or another persistence"
    elif mode == "tls_session_id" and service.protocol == "http":
        reason = "needs the protocol tcp; choose it, or http_cookie"
    elif mode == "tls_session_id" and service.tls_certificate is not None:
        reason = (
            "needs TLS that the real servers terminate; remove the certificate, or choose another persistence"
        )
    if reason is not None:
        yield Fault(f"{where}.persistence.mode", mode, f"persistence {mode} of {service.label} {reason}")


def _check(where: str, service: VirtualService, scripts: set[str]) -> Iterator[Fault]:
    check = service.health_check
    field = f"{where}.health_check"
    if check.type == "external" and check.script is None:
        yield Fault(
            f"{field}.script",
            None,
            f"script of {service.label} is missing; an external health check needs a check script",
        )
    if check.script is not None and check.script not in scripts:
        yield Fault(
            f"{field}.script",
            check.script,
            f"script {check.script} of {service.label} is not there; add the check script first, "
            "or choose one of those that are",
        )
    if check.type == "external" and check.check_ports:
        ports = ",".join(map(str, check.check_ports))
        # HAProxy's arguments are the address and the port of the server line (4.2 "external-check command").
        yield Fault(
            f"{field}.check_ports",
            ports,
            f"check_ports {ports} of {service.label} is not told to a script, which knows its ports itself; "
            "leave it blank",
        )
    if check.type == "http" and check.method == "HEAD" and check.expected_text is not None:
        yield Fault(
            f"{field}.expected_text",
            check.expected_text,
            f"expected_text of {service.label} is not in the answer to a HEAD request, which has no text; "
            "choose the method GET",
        )
    if (
        check.type == "http"
        and check.expected_status is not None
        and "6" in _first_digits(check.expected_status)
    ):
        yield Fault(
            f"{field}.expected_status",
            check.expected_status,
            f"expected_status {check.expected_status} of {service.label} is not a status of HTTP; "
            "choose codes from 100 to 599",
        )


def _first_digits(codes: str) -> set[str]:
    return {code[0] for item in codes.split(",") for code in item.split("-")}


def _fallback(where: str, service: VirtualService) -> Iterator[Fault]:
    fallback = service.fallback_server
    if fallback.ip is None and fallback.port is not None:
        yield Fault(
            f"{where}.fallback_server.ip",
            None,
            f"ip of the fallback server of {service.label} is missing; give it an address, or no port either",
        )
