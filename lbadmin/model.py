"""The two documents that are the whole configuration: ClusterConfig, replicated, and NodeConfig, this node's.

The models hold what one value must be; what values must be to each other is in `rules`.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from lbadmin.fields import (
    Address,
    DurationMs,
    Hostname,
    InterfaceAddress,
    InterfaceName,
    Label,
    Port,
    Ports,
)

MAX_VIRTUAL_SERVICES = 1000
MAX_REAL_SERVERS = 256
"""Bounds that no deployment comes near (a pool of OCS 2007 R2 has at most 8 front ends), yet that keep one
document below a few megabytes and HAProxy's memory within the 2 GB machine."""

MAX_TABLE_SIZE = 1_000_000

State = Literal["online", "drain", "halt"]


class Document(BaseModel):
    """What all parts of a document share: immutable, and unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Layer7Settings(Document):
    """Layer 7 - Advanced Configuration of the deployment guide, section 8 step 1, with its factory values."""

    logging: Annotated[bool, Field(strict=True)] = False
    log_only_errors: Annotated[bool, Field(strict=True)] = False
    redispatch: Annotated[bool, Field(strict=True)] = True
    connection_timeout_ms: DurationMs = 4_000
    client_timeout_ms: DurationMs = 43_000
    real_server_timeout_ms: DurationMs = 45_000
    # A connection takes two file descriptors, and systemd allows a service 524,288 of them.
    maxconn: Annotated[int, Field(ge=1, le=250_000, strict=True)] = 40_000
    # Reloads keep old workers for the connections they hold, and SIP connections last a working day. Twelve
    # hours let a change made in office hours cut nobody before the night, and bound what changes pile up.
    stop_old_workers_after_ms: DurationMs = 12 * 3_600_000


class Persistence(Document):
    """Which real server a client returns to, and for how long after its last connection ended."""

    mode: Literal["source_ip", "none"] = "source_ip"
    timeout_ms: DurationMs = 30 * 60_000
    table_size: Annotated[int, Field(ge=1, le=MAX_TABLE_SIZE, strict=True)] = 10_240


class HealthCheck(Document):
    """How HAProxy finds out that a real server is dead: by connecting to `check_port` every `interval_ms`.

    A blank check port is the real server's port, or the first port of the service.
    """

    type: Literal["connect", "none"] = "connect"
    check_port: Port | None = None
    interval_ms: DurationMs = 4_000
    rise: Annotated[int, Field(ge=1, le=100, strict=True)] = 2
    fall: Annotated[int, Field(ge=1, le=100, strict=True)] = 2


class RealServer(Document):
    """A server behind a virtual service; a blank port is the port the client came to."""

    label: Label
    ip: Address
    port: Port | None = None
    weight: Annotated[int, Field(ge=0, le=256, strict=True)] = 100  # HAProxy 3.0 manual, 5.2 "weight"
    state: State = "online"


class VirtualService(Document):
    """An address and ports that clients connect to, balanced over real servers in layer 7 SNAT mode."""

    label: Label
    ip: Address
    ports: Ports
    protocol: Literal["tcp", "http"] = "tcp"
    scheduler: Literal["leastconn", "roundrobin", "source"] = "leastconn"
    persistence: Persistence = Persistence()
    health_check: HealthCheck = HealthCheck()
    enabled: Annotated[bool, Field(strict=True)] = True
    real_servers: Annotated[tuple[RealServer, ...], Field(max_length=MAX_REAL_SERVERS)] = ()


class ClusterConfig(Document):
    """What both nodes of a pair share."""

    layer7: Layer7Settings = Layer7Settings()
    virtual_services: Annotated[tuple[VirtualService, ...], Field(max_length=MAX_VIRTUAL_SERVICES)] = ()


class Interface(Document):
    """A network interface and the addresses that are the node's own."""

    name: InterfaceName
    addresses: Annotated[tuple[InterfaceAddress, ...], Field(max_length=64)] = ()


class NodeConfig(Document):
    """What belongs to this node alone and is never replicated (the guide's appendix 1)."""

    hostname: Hostname = "lbva"
    dns: Annotated[tuple[Address, ...], Field(max_length=8)] = ()
    interfaces: Annotated[tuple[Interface, ...], Field(max_length=32)] = (
        Interface.model_validate({"name": "eth0", "addresses": ["192.168.2.21/24"]}),
    )
    gateway: Address | None = None
