"""What the parts of one layer 7 virtual service must be to each other: persistence and TLS.

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
    for number, service in enumerate(cluster.virtual_services):
        where = f"virtual_services.{number}"
        yield from _persistence(where, service)
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
