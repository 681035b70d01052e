"""The OCS assistant: the virtual services of a whole OCS 2007 R2 role from a few addresses, as one edit.

Pure functions: the ClusterConfig in, the one with the new services out. What is refused is told at the field
of the form, not of the document, since the form is what the administrator sees.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from lbadmin import edits
from lbadmin.document import Document
from lbadmin.edits import R, S
from lbadmin.errors import Fault, RefusedError
from lbadmin.fields import Address, Label
from lbadmin.model import (
    MAX_REAL_SERVERS,
    AnyService,
    ClusterConfig,
    HealthCheck,
    Layer4Persistence,
    Layer4RealServer,
    Layer4Service,
    NodeConfig,
    Persistence,
    RealServer,
    Timeouts,
    VirtualService,
)
from lbadmin.rules import check_rules

TIMEOUT_MS = 30 * 60_000
"""OCS's connections are idle for minutes: the guide, section 8 step 1."""

FRONT_END_PORTS = (5060, 5061, 135, 443, 444, 5065, 5069, 5071, 5072, 5073, 5074, 8404)
FRONT_END_CHECK_PORT = 5061
"""The guide, section 8 step 2, items 5 and 11."""

Method = Literal["layer7", "layer4_snat"]
"""At either layer front ends see an address of the appliance: all else Microsoft does not support for R2, or
advises against."""
Interface = Literal["access", "web_conferencing", "av", "internal"]


class PoolServer(Document):
    """A front end of the pool."""

    label: Label
    ip: Address


class FrontEndPool(Document):
    """What the assistant asks for a pool of OCS 2007 R2 front ends."""

    label: Label = "OCS-Front-End"
    ip: Annotated[Address, Field(description="The virtual IP address of the pool.")]
    method: Annotated[Method, Field(description="The layer at which the pool is balanced.")] = "layer7"
    real_servers: Annotated[tuple[PoolServer, ...], Field(max_length=MAX_REAL_SERVERS)]


class EdgeServer(Document):
    """An Edge Server and the addresses of its interfaces; needed are those with a virtual address."""

    label: Label
    access_ip: Address | None = None
    web_conferencing_ip: Address | None = None
    av_ip: Address | None = None
    internal_ip: Address | None = None


class EdgeArray(Document):
    """What the assistant asks for an array of OCS 2007 R2 Edge Servers; a blank address makes no service."""

    label: Annotated[Label, Field(max_length=40)] = "OCS-Edge"
    access_ip: Annotated[Address | None, Field(description="Virtual address of the Access Edge.")] = None
    web_conferencing_ip: Address | None = None
    av_ip: Address | None = None
    internal_ip: Annotated[Address | None, Field(description="Virtual address of the internal edge.")] = None
    real_servers: Annotated[tuple[EdgeServer, ...], Field(max_length=MAX_REAL_SERVERS)]


@dataclass(frozen=True)
class _EdgeService:
    """One load-balanced service of the Edge role."""

    interface: Interface
    suffix: str
    ports: tuple[int, ...]


EDGE_SERVICES = (
    _EdgeService("access", "Access", (443, 5061)),
    _EdgeService("web_conferencing", "Web-Conferencing", (443,)),
    _EdgeService("av", "AV", (443,)),
    _EdgeService("internal", "Internal", (5061, 5062, 443)),
)
"""Services: Microsoft's "Deploy Load Balancers" (TechNet dd441179): a virtual address for each external
service, all on 443; inside, only Access Edge and A/V Edge are balanced, never Web Conferencing Edge. Ports:
"Ports and Protocols" (dd425238): SIP on 5061, A/V authentication on 5062, media over TCP on 443. The first
port of each service is the one that is checked."""

TIMEOUTS_NOTE = (
    "The Client Timeout and the Real Server Timeout of all layer 7 services become 30 minutes: OCS clients "
    "are silent for longer than the factory's values allow."
)
SOURCES_NOTE = (
    "The Front Ends see the virtual address as their client. It allows about 64,000 connections to a port of "
    "a Front End; each SNAT address that the service is given allows as many."
)
EDGE_NOTES = (
    "Each of these services gets time-outs of 30 minutes of its own; other services keep theirs.",
    "UDP port 3478 of the A/V Edge is not among them: without a layer 4 service for it media goes over TCP.",
    "Port 8057 of the internal interface is not balanced: conferencing servers connect to each Edge Server.",
)
"""What the administrator has to know beside the services."""


@dataclass(frozen=True)
class Plan:
    """What the assistant would do: the new document, the services it adds, and what else is to know."""

    cluster: ClusterConfig
    services: tuple[AnyService, ...]
    notes: tuple[str, ...] = ()


def front_end_pool(cluster: ClusterConfig, node: NodeConfig, pool: FrontEndPool) -> Plan:
    """Return what the guide's section 8 does, step by step, as one edit; or the same at layer 4.

    Raises RefusedError or DuplicateError at the fields of the pool.
    """
    faults = list(_no_servers(pool.real_servers))
    if faults:
        raise RefusedError(faults)
    if pool.method == "layer4_snat":
        return _plan(edits.LAYER4, cluster, node, {"": _layer4_pool(pool)}, (SOURCES_NOTE,))
    timeouts = {"client_timeout_ms": TIMEOUT_MS, "real_server_timeout_ms": TIMEOUT_MS}
    layer7 = cluster.layer7.model_copy(update=timeouts)
    changed = cluster.model_copy(update={"layer7": layer7})
    return _plan(edits.LAYER7, changed, node, {"": _layer7_pool(pool)}, (TIMEOUTS_NOTE,))


def _layer7_pool(pool: FrontEndPool) -> VirtualService:
    return VirtualService(
        label=pool.label,
        ip=pool.ip,
        ports=FRONT_END_PORTS,
        protocol="tcp",
        persistence=Persistence(mode="source_ip"),
        health_check=HealthCheck(check_ports=(FRONT_END_CHECK_PORT,)),
        real_servers=tuple(RealServer(label=each.label, ip=each.ip) for each in pool.real_servers),
    )


def _layer4_pool(pool: FrontEndPool) -> Layer4Service:
    return Layer4Service(
        label=pool.label,
        ip=pool.ip,
        ports=FRONT_END_PORTS,
        protocol="tcp",
        forwarding="snat",
        persistence=Layer4Persistence(timeout_ms=TIMEOUT_MS),
        health_check=HealthCheck(check_ports=(FRONT_END_CHECK_PORT,)),
        real_servers=tuple(Layer4RealServer(label=each.label, ip=each.ip) for each in pool.real_servers),
    )


def edge_array(cluster: ClusterConfig, node: NodeConfig, array: EdgeArray) -> Plan:
    """Return the services of the array, each with time-outs of its own: other services keep theirs.

    Raises RefusedError or DuplicateError at the fields of the array.
    """
    wanted = [each for each in EDGE_SERVICES if getattr(array, f"{each.interface}_ip") is not None]
    faults = [*_no_servers(array.real_servers), *_edge_faults(array, wanted)]
    if faults:
        raise RefusedError(faults)
    services = {f"{each.interface}_": _edge_service(array, each) for each in wanted}
    return _plan(edits.LAYER7, cluster, node, services, EDGE_NOTES)


def _no_servers(servers: Sequence[Document]) -> Iterator[Fault]:
    if not servers:
        yield Fault("real_servers", None, "real_servers is empty; name one server at least")


def _edge_faults(array: EdgeArray, wanted: Sequence[_EdgeService]) -> Iterator[Fault]:
    if not wanted:
        yield Fault(
            "access_ip", None, "access_ip and all other virtual addresses are blank; give one at least"
        )
    for number, server in enumerate(array.real_servers):
        for each in wanted:
            name = f"{each.interface}_ip"
            if getattr(server, name) is None:
                message = f"{name} of {server.label} is missing; give it, or leave the virtual address blank"
                yield Fault(f"real_servers.{number}.{name}", None, message)


def _edge_service(array: EdgeArray, kind: _EdgeService) -> VirtualService:
    name = f"{kind.interface}_ip"
    servers = (RealServer(label=each.label, ip=getattr(each, name)) for each in array.real_servers)
    return VirtualService(
        label=f"{array.label}-{kind.suffix}",
        ip=getattr(array, name),
        ports=kind.ports,
        protocol="tcp",
        persistence=Persistence(mode="source_ip"),
        health_check=HealthCheck(check_ports=(kind.ports[0],)),
        timeouts=Timeouts(client_ms=TIMEOUT_MS, real_server_ms=TIMEOUT_MS),
        real_servers=tuple(servers),
    )


def _plan(
    layer: edits.Services[S, R],
    cluster: ClusterConfig,
    node: NodeConfig,
    services: Mapping[str, S],
    notes: tuple[str, ...],
) -> Plan:
    """Add the services, by the prefixes of their fields in the form, and check the rules."""
    first = len(layer.of(cluster))
    try:
        changed = cluster
        for service in services.values():
            changed = layer.add(changed, service)
        check_rules(changed, node)
    except RefusedError as error:
        # A DuplicateError stays one.
        prefixes = list(services)
        raise type(error)([_in_form(each, layer.field, first, prefixes) for each in error.faults]) from None
    return Plan(changed, tuple(services.values()), notes)


def _in_form(fault: Fault, services: str, first: int, prefixes: Sequence[str]) -> Fault:
    """Return the fault at the form's field: ports are the assistant's own, so the address has to differ."""
    match = re.fullmatch(rf"{services}\.([0-9]+)\.(.*)", fault.field)
    if match is None or not first <= int(match[1]) < first + len(prefixes):
        return fault
    prefix, field = prefixes[int(match[1]) - first], match[2]
    if field == "ports":
        field = "ip"
    field = re.sub(r"(^|\.)ip$", rf"\1{prefix}ip", field)
    return Fault(field, fault.value, fault.message)
