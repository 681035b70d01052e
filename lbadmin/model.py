"""The two documents that are the whole configuration: ClusterConfig, replicated, and NodeConfig, this node's.

The models hold what one value must be; what values must be to each other is in `rules`.
"""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from lbadmin.document import Document, Flag
from lbadmin.fields import (
    Address,
    CheckPorts,
    CookieName,
    DurationMs,
    Hostname,
    HttpPath,
    KeyId,
    Label,
    PemText,
    Port,
    Ports,
    ScriptText,
    SectionText,
    StatusCodes,
    WireText,
)
from lbadmin.node.alerts import Alerts
from lbadmin.node.conntrack import DEFAULT_TABLE_SIZE, TableSize
from lbadmin.node.firewall import Firewall
from lbadmin.node.graphing import Graphing
from lbadmin.node.mail import Mail
from lbadmin.node.network import Interface, Route
from lbadmin.node.proxy import Proxy
from lbadmin.node.snmp import Snmp
from lbadmin.node.ssh import Ssh
from lbadmin.node.syslog import Syslog
from lbadmin.node.time import TimeSettings

CLUSTER_FORMAT: Literal[2] = 2
"""Format of a ClusterConfig as it is stored and backed up; `migrations` brings older ones up to it."""

MAX_VIRTUAL_SERVICES = 1000
MAX_REAL_SERVERS = 256
"""Bounds that no deployment comes near (a pool of OCS 2007 R2 has at most 8 front ends), yet that keep one
document below a few megabytes and HAProxy's memory within the 2 GB machine."""

MAX_LAYER4_SERVICES = 256
MAX_FIREWALL_MARK = 0xFFFF
"""Firewall marks that a service can have by its administrator's choice; those of the appliance's own begin
above (`render.layer4`)."""
MAX_SNAT_ADDRESSES = 16

MAX_CERTIFICATES = 256
MAX_SCRIPTS = 64
MAX_TABLE_SIZE = 1_000_000
MAX_FLOATING_ADDRESSES = 64

Sensitivity = Literal["fast", "normal", "tolerant"]
State = Literal["online", "drain", "halt"]
Forwarding = Literal["snat", "nat", "dr", "tun"]
# A connection takes two file descriptors, and systemd allows a service 524,288 of them.
Maxconn = Annotated[int, Field(ge=1, le=250_000, strict=True)]


class Layer7Settings(Document):
    """Layer 7 - Advanced Configuration of the deployment guide, section 8 step 1, with its factory values."""

    logging: Flag = False
    log_only_errors: Flag = False
    redispatch: Flag = True
    connection_timeout_ms: DurationMs = 4_000
    client_timeout_ms: DurationMs = 43_000
    real_server_timeout_ms: DurationMs = 45_000
    maxconn: Maxconn = 40_000
    # Reloads keep old workers for the connections they hold, and SIP connections last a working day. Twelve
    # hours let a change made in office hours cut nobody before the night, and bound what changes pile up.
    stop_old_workers_after_ms: DurationMs = 12 * 3_600_000


class Persistence(Document):
    """Which real server a client returns to, and for how long after its last connection ended.

    `cookie_name` is for mode `http_cookie`, time-out and table size are for the two modes with a table.
    """

    mode: Literal["source_ip", "http_cookie", "tls_session_id", "none"] = "source_ip"
    timeout_ms: DurationMs = 30 * 60_000
    table_size: Annotated[int, Field(ge=1, le=MAX_TABLE_SIZE, strict=True)] = 10_240
    cookie_name: CookieName = "LBVA"


class FallbackServer(Document):
    """Where clients are sent when no real server is left; none without an address."""

    ip: Address | None = None
    port: Port | None = None


class HealthCheck(Document):
    """How HAProxy finds out that a real server is dead, every `interval_ms`.

    All `check_ports` must pass in one check: the first is asked in the protocol of the type, the others must
    accept a connection. Without any it is the real server's port, or the first port of the service.
    `expected_status` is 200-399 for HTTP and 200 for SIP when it is left out.
    """

    type: Literal["connect", "sip", "http", "external", "none"] = "connect"
    check_ports: CheckPorts = ()
    tls: Flag = False
    method: Literal["GET", "HEAD", "OPTIONS"] = "GET"
    path: HttpPath = "/"
    host: Hostname | None = None
    expected_status: StatusCodes | None = None
    expected_text: WireText | None = None
    script: Label | None = None
    interval_ms: DurationMs = 4_000
    rise: Annotated[int, Field(ge=1, le=100, strict=True)] = 2
    fall: Annotated[int, Field(ge=1, le=100, strict=True)] = 2


class Timeouts(Document):
    """Time-outs of one virtual service; those left out are the layer 7 settings'."""

    connection_ms: DurationMs | None = None
    client_ms: DurationMs | None = None
    real_server_ms: DurationMs | None = None


class RealServer(Document):
    """A server behind a virtual service; a blank port is the port the client came to."""

    label: Label
    ip: Address
    port: Port | None = None
    weight: Annotated[int, Field(ge=0, le=256, strict=True)] = 100  # HAProxy 3.0 manual, 5.2 "weight"
    re_encrypt: Flag = False
    maxconn: Maxconn | None = None
    state: State = "online"


class VirtualService(Document):
    """An address and ports that clients connect to, balanced over real servers in layer 7 SNAT mode.

    With `manual_configuration` the service's section in haproxy.cfg is that text and nothing else of it is
    rendered; address and ports still say what the appliance brings up and what other services can't have.
    """

    label: Label
    ip: Address
    ports: Ports
    protocol: Literal["tcp", "http"] = "tcp"
    manual_configuration: SectionText | None = None
    scheduler: Literal["leastconn", "roundrobin", "source"] = "leastconn"
    persistence: Persistence = Persistence()
    health_check: HealthCheck = HealthCheck()
    fallback_server: FallbackServer = FallbackServer()
    timeouts: Timeouts = Timeouts()
    maxconn: Maxconn | None = None
    forwarded_for: Flag = True
    accept_proxy_protocol: Flag = False
    send_proxy_protocol: Literal["none", "v1", "v2"] = "none"
    tls_certificate: Label | None = None
    tls_minimum: Literal["1.2", "1.3"] = "1.2"
    enabled: Flag = True
    real_servers: Annotated[tuple[RealServer, ...], Field(max_length=MAX_REAL_SERVERS)] = ()


class Layer4RealServer(Document):
    """A server behind a layer 4 service; a blank port is the port the client came to."""

    label: Label
    ip: Address
    port: Port | None = None
    weight: Annotated[int, Field(ge=0, le=256, strict=True)] = 100
    state: State = "online"


class Layer4Persistence(Document):
    """Whether a client returns to its real server, for how long, and who is a client.

    It is remembered while it has connections, and for the time-out from the beginning of the newest one;
    after a connection that was longer, for about a minute (net/netfilter/ipvs/ip_vs_conn.c,
    ip_vs_conn_expire).

    `granularity` is the length of the prefix, in bits, whose addresses count as one client; all of an
    address when it is left out. The kernel counts the time-out in whole seconds.
    """

    enabled: Flag = True
    timeout_ms: DurationMs = 300_000
    granularity: Annotated[int, Field(ge=1, le=128, strict=True)] | None = None


class Layer4Service(Document):
    """An address and ports whose packets the kernel's IPVS hands to real servers, each connection to one.

    With the protocol "mark" the packets are those that the firewall script gave `firewall_mark`; it has no
    ports then. With `forwarding` "snat" real servers see `snat_addresses`, or the service's own address. A
    real server that fails its checks is removed and its connections end, or it gets no new ones ("quiesce").
    """

    label: Label
    ip: Address
    ports: Ports | None = None
    protocol: Literal["tcp", "udp", "both", "mark"] = "tcp"
    firewall_mark: Annotated[int, Field(ge=1, le=MAX_FIREWALL_MARK, strict=True)] | None = None
    forwarding: Forwarding = "snat"
    scheduler: Literal["wlc", "wrr", "lc", "rr", "dh", "sh", "mh"] = "wlc"
    persistence: Layer4Persistence = Layer4Persistence()
    health_check: HealthCheck = HealthCheck()
    on_failure: Literal["remove", "quiesce"] = "remove"
    fallback_server: FallbackServer = FallbackServer()
    snat_addresses: Annotated[tuple[Address, ...], Field(max_length=MAX_SNAT_ADDRESSES)] = ()
    enabled: Flag = True
    real_servers: Annotated[tuple[Layer4RealServer, ...], Field(max_length=MAX_REAL_SERVERS)] = ()


AnyRealServer: TypeAlias = RealServer | Layer4RealServer
AnyService: TypeAlias = VirtualService | Layer4Service


class Certificate(Document):
    """A certificate that virtual services terminate TLS with.

    `chain` is the server's certificate and the intermediate ones. The private key is in no document: `key`
    names it in the key store, so neither documents, history nor support files ever hold a secret.
    """

    label: Label
    chain: PemText
    key: KeyId


class CheckScript(Document):
    """A script that health checks of type `external` run (HAProxy's 4.2, "external-check command")."""

    label: Label
    text: ScriptText


class HaSettings(Document):
    """High availability: how soon the slave takes over, and what it takes over beside services' addresses.

    `sensitivity` chooses the interval of VRRP's advertisements; a master that is silent for three of them is
    replaced. `fail_back` lets the primary take over again when it returns.
    """

    sensitivity: Sensitivity = "normal"
    fail_back: Flag = False
    check_gateway: Flag = False
    floating_addresses: Annotated[tuple[Address, ...], Field(max_length=MAX_FLOATING_ADDRESSES)] = ()


class ClusterConfig(Document):
    """What both nodes of a pair share."""

    format: Literal[2] = CLUSTER_FORMAT
    ha: HaSettings = HaSettings()
    layer7: Layer7Settings = Layer7Settings()
    virtual_services: Annotated[tuple[VirtualService, ...], Field(max_length=MAX_VIRTUAL_SERVICES)] = ()
    layer4_services: Annotated[tuple[Layer4Service, ...], Field(max_length=MAX_LAYER4_SERVICES)] = ()
    certificates: Annotated[tuple[Certificate, ...], Field(max_length=MAX_CERTIFICATES)] = ()
    check_scripts: Annotated[tuple[CheckScript, ...], Field(max_length=MAX_SCRIPTS)] = ()

    @property
    def services(self) -> tuple[AnyService, ...]:
        """The services of both layers."""
        return (*self.virtual_services, *self.layer4_services)


class NodeConfig(Document):
    """What belongs to this node alone and is never replicated (the guide's appendix 1)."""

    hostname: Hostname = "lbva"
    dns: Annotated[tuple[Address, ...], Field(max_length=8)] = ()
    interfaces: Annotated[tuple[Interface, ...], Field(max_length=32)] = (
        Interface.model_validate({"name": "eth0", "addresses": ["192.168.2.21/24"]}),
    )
    gateway: Address | None = None
    gateway6: Address | None = None
    routes: Annotated[tuple[Route, ...], Field(max_length=256)] = ()
    time: TimeSettings = TimeSettings()
    proxy: Proxy = Proxy()
    firewall: Firewall = Firewall()
    firewall_table_size: TableSize = DEFAULT_TABLE_SIZE
    ssh: Ssh = Ssh()
    mail: Mail = Mail()
    syslog: Syslog = Syslog()
    snmp: Snmp = Snmp()
    graphing: Graphing = Graphing()
    alerts: Alerts = Alerts()
