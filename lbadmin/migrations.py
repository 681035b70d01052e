"""Documents of older versions, brought up to the current format before they are read.

A new format adds one step here; each step knows only its own format and the next.
"""

from collections.abc import Mapping
from typing import Any

from lbadmin.errors import Fault, RefusedError
from lbadmin.model import CLUSTER_FORMAT, ClusterConfig
from lbadmin.rules import parse_cluster
from lbadmin.sentences import show


def read_cluster(document: object) -> ClusterConfig:
    """Return a stored ClusterConfig of any known format; raises RefusedError."""
    return parse_cluster(migrate_cluster(document) if isinstance(document, dict) else document)


def migrate_cluster(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the raw ClusterConfig in the current format, whatever older one it has.

    Nothing is validated but the format; raises RefusedError when a newer version wrote the document.
    """
    found = document.get("format", 1)
    if type(found) is not int or not 1 <= found <= CLUSTER_FORMAT:
        raise RefusedError(
            [
                Fault(
                    "format",
                    show(found),
                    f"format {show(found)} of the configuration is not between 1 and {CLUSTER_FORMAT}; "
                    "update this appliance to the version that wrote it",
                )
            ]
        )
    migrated = dict(document)
    if found == 1:
        migrated = _from_1(migrated)
    return migrated


def _from_1(document: dict[str, Any]) -> dict[str, Any]:
    """Format 1 had one `check_port` a service (or null), 2 has a list of `check_ports`."""
    services = document.get("virtual_services")
    if isinstance(services, list):
        document["virtual_services"] = [_with_check_ports(service) for service in services]
    return {**document, "format": 2}


def _with_check_ports(service: object) -> object:
    check = service.get("health_check") if isinstance(service, dict) else None
    if not isinstance(service, dict) or not isinstance(check, dict) or "check_port" not in check:
        return service
    others = {name: value for name, value in check.items() if name != "check_port"}
    port = check["check_port"]
    return {**service, "health_check": {**others, "check_ports": [] if port is None else [port]}}
