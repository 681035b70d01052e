"""Layer 4's part of the graphs: lbadmind, which the kernel tells it, writes it for lbva-graphs."""

import json
from collections.abc import Iterable

from lbadmin.graphs.layout import STEP_S, object_id
from lbadmin.graphs.sampling import Samples, Values
from lbadmin.graphs.settings import LAYER4_FILE
from lbadmin.parts import Parts
from lbadmin.status_layer4 import Layer4RealServerStatus, Layer4ServiceStatus, layer4_status
from lbadmin.status_layer7 import Traffic
from lbadmin.store import write_durably

HAND_OVER_S = STEP_S / 2
"""Often enough that no sample is of the same moment as the one before."""


def hand_over(parts: Parts) -> float:
    """Write what layer 4 carries now, if it is to be measured; return the seconds until the next time."""
    path = parts.system.path(LAYER4_FILE)
    current = parts.changes.current
    services = current.cluster.layer4_services if current.node.graphing.enabled else ()
    if services:
        samples = samples_of(layer4_status(parts.system, services))
        write_durably(path, json.dumps(samples).encode(), mode=0o644)
    else:
        path.unlink(missing_ok=True)
    return HAND_OVER_S


def samples_of(services: Iterable[Layer4ServiceStatus]) -> Samples:
    """Return the values of services and real servers by the ids of their graphs; not of what is unknown."""
    found: list[tuple[str | None, Layer4ServiceStatus | Layer4RealServerStatus]] = []
    for service in services:
        found.append((object_id("service", service.label), service))
        found += [(object_id("server", service.label, each.label), each) for each in service.real_servers]
    return {key: _values(each) for key, each in found if key is not None and each.health != "unknown"}


def _values(traffic: Traffic) -> Values:
    return traffic.sessions_current, traffic.sessions_total, traffic.bytes_in, traffic.bytes_out
