"""What the appliance is doing: the services of the document, joined with what HAProxy says about them."""

import contextlib
from typing import Literal

from pydantic import BaseModel

from lbadmin.errors import UnavailableError
from lbadmin.licensing.licensing import LicenceStatus
from lbadmin.messages import Message, clock_messages, licence_messages, messages_of
from lbadmin.model import RealServer, State, VirtualService
from lbadmin.pair.heartbeat import Role
from lbadmin.pair.verdict import SyncWord
from lbadmin.parts import Parts
from lbadmin.statistics import Health, health_of, number
from lbadmin.storage import storage_messages

ServiceHealth = Literal["up", "down", "fallback", "disabled", "unknown"]

Rows = dict[tuple[str, str], dict[str, str]]


class Traffic(BaseModel):
    """Client sessions now and since HAProxy's last reload, and the bytes they carried."""

    sessions_current: int = 0
    sessions_total: int = 0
    bytes_in: int = 0
    bytes_out: int = 0


class RealServerStatus(Traffic):
    """A real server: what it should be (state, weight) and what it is (health)."""

    label: str
    ip: str
    port: int | None
    state: State
    weight: int
    health: Health
    last_change_s: int | None = None
    last_check: str | None = None


class VirtualServiceStatus(Traffic):
    """A virtual service and its real servers."""

    label: str
    ip: str
    ports: tuple[int | str, ...]
    protocol: str
    enabled: bool
    health: ServiceHealth
    real_servers: list[RealServerStatus]


class NodeStatus(BaseModel):
    """This node."""

    hostname: str
    version: str
    uptime_s: int
    role: Role
    sync: SyncWord
    cluster_revision: int
    node_revision: int
    factory_password: bool
    licence: LicenceStatus


class NodeMessages(BaseModel):
    """This node and what there is to tell about it."""

    node: NodeStatus
    messages: list[Message]


class Status(NodeMessages):
    """The whole picture."""

    virtual_services: list[VirtualServiceStatus]


def node_messages_of(parts: Parts) -> NodeMessages:
    """Return what every page shows: cheap, because no statistics are asked for."""
    node = _node(parts)
    others = [
        *parts.pair.messages(),
        *licence_messages(node.licence),
        *clock_messages(parts.clock.silent(parts.changes.current.node.time)),
        *storage_messages(parts.system),
    ]
    factory_password = parts.access.factory_password
    messages = messages_of(parts.changes, parts.haproxy, others, factory_password=factory_password)
    return NodeMessages(node=node, messages=messages)


def status_of(parts: Parts) -> Status:
    """Return the status; a HAProxy that does not answer is told in `messages`."""
    told = node_messages_of(parts)
    cluster = parts.changes.current.cluster
    rows: Rows = {}
    with contextlib.suppress(UnavailableError):
        rows = {(row["pxname"], row["svname"]): row for row in parts.haproxy.statistics()}
    return Status(
        node=told.node,
        messages=told.messages,
        virtual_services=[_service(service, rows) for service in cluster.virtual_services],
    )


def _node(parts: Parts) -> NodeStatus:
    current = parts.changes.current
    return NodeStatus(
        hostname=current.node.hostname,
        version=parts.system.version(),
        uptime_s=parts.system.uptime_s(),
        role=parts.pair.heartbeat.role(),
        sync=parts.pair.sync.state().word,
        cluster_revision=current.cluster_revision,
        node_revision=current.node_revision,
        factory_password=parts.access.factory_password,
        licence=parts.licensing.status(),
    )


def _service(service: VirtualService, rows: Rows) -> VirtualServiceStatus:
    front = rows.get((service.label, "FRONTEND"), {})
    back = rows.get((service.label, "BACKEND"), {})
    return VirtualServiceStatus(
        label=service.label,
        ip=str(service.ip),
        ports=service.ports,
        protocol=service.protocol,
        enabled=service.enabled,
        health=_service_health(service, back),
        real_servers=[
            _server(server, rows.get((service.label, server.label), {})) for server in service.real_servers
        ],
        **_traffic(front),
    )


def _service_health(service: VirtualService, back: dict[str, str]) -> ServiceHealth:
    if not service.enabled:
        return "disabled"
    if not back:
        return "unknown"
    if not back["status"].startswith("UP"):
        return "down"
    if service.manual_configuration is not None:
        return "up"
    # "act" counts the real servers that get new clients; the fallback server is not one of them.
    if service.fallback_server.ip is not None and back["act"] == "0":
        return "fallback"
    # To HAProxy a backend without servers is up.
    return "up" if service.real_servers else "down"


def _server(server: RealServer, row: dict[str, str]) -> RealServerStatus:
    return RealServerStatus(
        label=server.label,
        ip=str(server.ip),
        port=server.port,
        state=server.state,
        weight=server.weight,
        health=_server_health(server, row),
        last_change_s=number(row, "lastchg") if row else None,
        last_check=row.get("last_chk") or None,
        **_traffic(row),
    )


def _server_health(server: RealServer, row: dict[str, str]) -> Health:
    health = health_of(row)
    # HAProxy calls a server of weight 0 up as long as it passes its checks.
    return "drain" if server.state == "drain" and health in {"up", "unchecked"} else health


def _traffic(row: dict[str, str]) -> dict[str, int]:
    return {
        "sessions_current": number(row, "scur"),
        "sessions_total": number(row, "stot"),
        "bytes_in": number(row, "bin"),
        "bytes_out": number(row, "bout"),
    }
