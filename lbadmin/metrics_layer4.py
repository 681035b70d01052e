"""Metrics of layer 4: the kernel's totals, and services and real servers by the labels of the document."""

from collections.abc import Iterator, Sequence
from typing import get_args

from lbadmin import ipvs
from lbadmin.exposition import Family, Labels, Samples, one_of
from lbadmin.model import ClusterConfig
from lbadmin.statistics import Health
from lbadmin.status_layer4 import Layer4RealServerStatus, Layer4ServiceStatus, layer4_status
from lbadmin.status_layer7 import ServiceHealth
from lbadmin.system import System

Labelled = Sequence[tuple[Labels, Layer4ServiceStatus | Layer4RealServerStatus]]

_COUNTERS = {
    "connections": "sessions_total",
    "packets_in": "packets_in",
    "packets_out": "packets_out",
    "bytes_in": "bytes_in",
    "bytes_out": "bytes_out",
}
"""Fields of the status by the words of metrics."""
_GAUGES = {"active_connections": "sessions_current"}
_SERVER_GAUGES = {**_GAUGES, "inactive_connections": "sessions_inactive", "weight": "weight"}


def layer4_families(system: System, cluster: ClusterConfig) -> Iterator[Family]:
    """Yield the metrics; those of single services are left out while IPVS can't be read."""
    totals, _ = ipvs.read(system.root)
    for name, value in zip(ipvs.Totals._fields, totals, strict=True):
        help_text = f"Of all services of layer 4: {name.replace('_', ' ')}."
        yield Family(f"lbva_ipvs_{name}_total", "counter", help_text, [({}, float(value))])
    status = layer4_status(system, cluster.layer4_services)
    services = [({"service": each.label, "forwarding": each.forwarding}, each) for each in status]
    servers = [
        ({**labels, "server": each.label}, each) for labels, of in services for each in of.real_servers
    ]
    yield from _families("service", services, _GAUGES, get_args(ServiceHealth))
    yield from _families("server", servers, _SERVER_GAUGES, get_args(Health))


def _families(
    kind: str, labelled: Labelled, gauges: dict[str, str], states: Sequence[str]
) -> Iterator[Family]:
    what = f"Of a {'real server' if kind == 'server' else 'service'} of layer 4"
    known = [(labels, each) for labels, each in labelled if each.health != "unknown"]
    for name, field in _COUNTERS.items():
        help_text = f"{what}: {name.replace('_', ' ')}."
        yield Family(f"lbva_layer4_{kind}_{name}_total", "counter", help_text, _samples(known, field))
    for name, field in gauges.items():
        help_text = f"{what}: {name.replace('_', ' ')}."
        yield Family(f"lbva_layer4_{kind}_{name}", "gauge", help_text, _samples(known, field))
    health = [sample for labels, each in labelled for sample in one_of(labels, "state", each.health, states)]
    yield Family(f"lbva_layer4_{kind}_health", "gauge", f"{what}: 1 for how it is.", health)


def _samples(labelled: Labelled, field: str) -> Samples:
    return [(labels, float(getattr(each, field))) for labels, each in labelled]
