"""The load balancers that are measured, and the configuration of each for the same demand. Pure.

What the demand needs is in each configuration, and all else is what the balancer comes with: `what` says
which is which, for the report.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from harness.errors import LabError

SIP_PORT, SIPS_PORT, BULK_PORT = 5060, 5061, 5201
"""The guide's ports that are loaded, and iperf3's own."""

HAPROXY_CFG = "/etc/haproxy/haproxy.cfg"
NGINX_CONF = "/etc/nginx/nginx.conf"
BENCH_CFG = "/etc/bench/haproxy.cfg"
"""Where the appliance's own haproxy.cfg is not."""

IDLE = "30m"
"""The guide, section 8, step 1: a silent client is held for so long."""

_NGINX_PER_CLIENT = 2
"""A stream session takes one of nginx's connections to the client and one to the server."""

_NGINX_SPARE = 1_000


@dataclass(frozen=True)
class Demand:
    """What every balancer is to do: serve `vip` from `servers`, and bulk data from the first of them.

    A client comes back to its server, `capacity` clients with a connection each are served and remembered.
    """

    vip: str
    servers: Mapping[str, str]
    capacity: int

    @property
    def bulk_server(self) -> tuple[str, str]:
        """Name and address of the server of bulk data."""
        return next(iter(self.servers.items()))

    def servers_of(self, port: int) -> Mapping[str, str]:
        """The servers of a port, addresses by name."""
        return dict([self.bulk_server]) if port == BULK_PORT else self.servers


@dataclass(frozen=True)
class Unit:
    """A program of a balancer as systemd starts it."""

    command: tuple[str, ...]
    properties: tuple[str, ...] = ()


@dataclass(frozen=True)
class Balancer:
    """A load balancer: its files by path and its programs; without any it is the appliance's own service."""

    name: str
    title: str
    what: str
    files: Mapping[str, str] = field(default_factory=dict)
    units: tuple[Unit, ...] = ()


Shipped = Callable[[str], str]
"""Gives the text of a file as Debian ships it, by its path."""


def lbva(demand: Demand) -> Balancer:
    """The appliance as the guide sets it up."""
    return Balancer(
        "lbva",
        "LBVA",
        "the appliance's own haproxy.service, set up by the guide through its REST API; maximum of "
        f"connections and size of the persistence table raised to {demand.capacity:,} each",
    )


def debian_haproxy(demand: Demand, shipped: Shipped) -> Balancer:
    """HAProxy as Debian sets it up, started as Debian's unit does."""
    command = ("/usr/sbin/haproxy", "-Ws", "-f", BENCH_CFG, "-p", "/run/bench-haproxy.pid")
    properties = (
        "Type=notify",
        "KillMode=mixed",
        "RuntimeDirectory=haproxy",
        "BindReadOnlyPaths=/dev/log:/var/lib/haproxy/dev/log",
    )
    return Balancer(
        "haproxy",
        "HAProxy, Debian's defaults",
        "the same program with the global and defaults sections that Debian ships (which write each "
        "connection to the log), and sections for the ports with leastconn, stick on src and a check of "
        "5061; time-outs of 30 minutes",
        {BENCH_CFG: haproxy_cfg(shipped(HAPROXY_CFG), demand)},
        (Unit(command, properties),),
    )


def nginx(demand: Demand, shipped: Shipped) -> Balancer:
    """Nginx's stream module with the head of Debian's nginx.conf."""
    return Balancer(
        "nginx",
        "nginx stream",
        "the lines of Debian's nginx.conf before its http block, with worker_connections raised from 768 "
        f"to {nginx_connections(demand):,} (two a client); hash $remote_addr consistent, so a client keeps "
        "its front end on each port, but not the same one on both; no health checks but its passive ones; "
        "time-out of 30 minutes",
        {
            NGINX_CONF: nginx_conf(shipped(NGINX_CONF), demand),
            # As its package's script makes it.
            "/etc/nginx/modules-enabled/50-mod-stream.conf": "load_module modules/ngx_stream_module.so;\n",
        },
        (Unit(("/usr/sbin/nginx", "-g", "daemon off; master_process on;"), ("KillMode=mixed",)),),
    )


def pen(demand: Demand) -> Balancer:
    """Pen, a program for each port, with its own affinity."""
    return Balancer(
        "pen",
        "pen",
        f"one program a port, as it works, each with its own affinity; tables of connections (-x) and "
        f"clients (-c) of {demand.capacity:,}, which it allocates as it starts and searches from the front; "
        "no health checks, no time-out",
        units=tuple(Unit(pen_command(port, demand)) for port in (SIP_PORT, SIPS_PORT, BULK_PORT)),
    )


def all_of(demand: Demand, shipped: Shipped) -> list[Balancer]:
    """All balancers in the report's order, the appliance first."""
    return [lbva(demand), debian_haproxy(demand, shipped), nginx(demand, shipped), pen(demand)]


NAMES = ("lbva", "haproxy", "nginx", "pen")


def haproxy_cfg(shipped: str, demand: Demand) -> str:
    """Debian's haproxy.cfg and what an administrator adds: sections for the SIP ports and for bulk data."""
    sip = _listen("sip", (SIP_PORT, SIPS_PORT), demand, check=f" check port {SIPS_PORT}")
    return "\n".join([shipped.rstrip("\n"), "", sip, _listen("bulk", (BULK_PORT,), demand)])


def _listen(name: str, ports: tuple[int, ...], demand: Demand, check: str = "") -> str:
    servers = demand.servers_of(ports[0])
    lines = [
        "mode tcp",
        "option tcplog",
        *(f"bind {demand.vip}:{port}" for port in ports),
        "balance leastconn",
        f"stick-table type ip size {demand.capacity} expire {IDLE}",
        "stick on src",
        f"timeout client {IDLE}",
        f"timeout server {IDLE}",
        *(f"server {server} {address}{check}" for server, address in servers.items()),
    ]
    return f"listen {name}\n" + "".join(f"\t{line}\n" for line in lines)


def nginx_connections(demand: Demand) -> int:
    """How many connections nginx's one worker needs."""
    return _NGINX_PER_CLIENT * demand.capacity + _NGINX_SPARE


def nginx_conf(shipped: str, demand: Demand) -> str:
    """The head of Debian's nginx.conf with room for the connections, and a `stream` block.

    Raises LabError when Debian's file no longer looks as it did.
    """
    head, http, _rest = shipped.partition("http {")
    before, connections, behind = head.partition("worker_connections 768;")
    if not http or not connections:
        raise LabError(
            "Debian's nginx.conf has no `http` block, or another number of connections", "adapt nginx_conf"
        )
    lines = [
        f"{before}worker_connections {nginx_connections(demand)};{behind.rstrip()}",
        "",
        "stream {",
        f"\tproxy_timeout {IDLE};",
    ]
    for port in (SIP_PORT, SIPS_PORT, BULK_PORT):
        servers = demand.servers_of(port).values()
        lines += [
            f"\tupstream port{port} {{",
            "\t\thash $remote_addr consistent;",
            *(f"\t\tserver {address}:{port};" for address in servers),
            "\t}",
            "\tserver {",
            f"\t\tlisten {demand.vip}:{port};",
            f"\t\tproxy_pass port{port};",
            "\t}",
        ]
    return "\n".join([*lines, "}", ""])


def pen_command(port: int, demand: Demand) -> tuple[str, ...]:
    """Pen for one port, in the foreground (pen(1))."""
    table = str(demand.capacity)
    servers = (f"{address}:{port}" for address in demand.servers_of(port).values())
    return ("/usr/bin/pen", "-f", "-x", table, "-c", table, f"{demand.vip}:{port}", *servers)
