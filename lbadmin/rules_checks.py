"""What health checks must be, of whichever layer."""

from collections.abc import Iterator

from lbadmin.errors import Fault
from lbadmin.model import AnyService, ClusterConfig
from lbadmin.rules_services import placed_services


def check_faults(cluster: ClusterConfig) -> Iterator[Fault]:
    """Yield what contradicts itself within health checks, and scripts that they name and are not there."""
    scripts = {script.label for script in cluster.check_scripts}
    for where, service in placed_services(cluster):
        yield from _check(where, service, scripts)


def _check(where: str, service: AnyService, scripts: set[str]) -> Iterator[Fault]:
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
