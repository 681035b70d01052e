"""What the appliance is doing: this node, what there is to tell, and the services of both layers."""

import contextlib

from pydantic import BaseModel

from lbadmin.errors import UnavailableError
from lbadmin.layer4 import layer4_messages
from lbadmin.licensing.licensing import LicenceStatus
from lbadmin.messages import Message, clock_messages, licence_messages, messages_of
from lbadmin.pair.heartbeat import Role
from lbadmin.pair.verdict import SyncWord
from lbadmin.parts import Parts
from lbadmin.statistics import Row
from lbadmin.status_layer4 import Layer4ServiceStatus, layer4_status
from lbadmin.status_layer7 import VirtualServiceStatus, layer7_status
from lbadmin.storage import storage_messages


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
    layer4_services: list[Layer4ServiceStatus]


def node_messages_of(parts: Parts) -> NodeMessages:
    """Return what every page shows: cheap, because no statistics are asked for."""
    node = _node(parts)
    others = [
        *parts.pair.messages(),
        *licence_messages(node.licence),
        *clock_messages(parts.clock.silent(parts.changes.current.node.time)),
        *storage_messages(parts.system),
        *layer4_messages(parts.system, parts.changes.current.rendering),
    ]
    factory_password = parts.access.factory_password
    messages = messages_of(parts.changes, parts.haproxy, others, factory_password=factory_password)
    return NodeMessages(node=node, messages=messages)


def status_of(parts: Parts) -> Status:
    """Return the status; a HAProxy that does not answer is told in `messages`."""
    told = node_messages_of(parts)
    cluster = parts.changes.current.cluster
    rows: list[Row] = []
    with contextlib.suppress(UnavailableError):
        rows = parts.haproxy.statistics()
    return Status(
        node=told.node,
        messages=told.messages,
        virtual_services=layer7_status(cluster.virtual_services, rows),
        layer4_services=layer4_status(parts.system, cluster.layer4_services),
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
