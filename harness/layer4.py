"""Layer 4 in the lab: a virtual service of each forwarding method, its real servers, and its clients.

Clients of NAT are not in the real servers' subnet, since these would answer such clients directly: they are
users behind the first host for load, their router, which the appliance gets as a route.
"""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address

import httpx

from harness import real_servers, topology
from harness.appliance import Appliance, Json, RestError
from harness.clients import OcsClient
from harness.deadline import Deadline
from harness.lab import Lab

SNAT, NAT, DIRECT, TUNNEL = "snat", "nat", "dr", "tun"
PORTS = "5060,5061,5069-5074"
"""SIP over TCP and TLS on several ports, which are one service; datagrams are answered on the first."""

FLOATING = topology.SERVICE.interface(70).ip
"""The appliance's floating address on the service network: the gateway of real servers of NAT."""

SERVICES = "/layer4/virtual-services"
OPERATING_SYSTEM = "Linux"
_SOURCES = 40


@dataclass(frozen=True)
class Method:
    """A forwarding method: its service's label and address, and the host and addresses of its clients."""

    forwarding: str
    title: str
    vip: IPv4Address
    host: str = topology.CLIENT.name

    @property
    def label(self) -> str:
        """The service's."""
        return f"Calls-{self.forwarding.upper()}"

    @property
    def sources(self) -> list[str]:
        """The addresses that its clients come from."""
        if self.host == topology.CLIENT.name:
            return [str(interface.ip) for interface in topology.CLIENT.links[0].addresses[:_SOURCES]]
        return [str(topology.crowd_of(1)[number]) for number in range(1, _SOURCES + 1)]

    def clients(self, lab: Lab, count: int, first: int = 0) -> list[OcsClient]:
        """So many of its clients, from number `first` on."""
        addresses = self.sources[first : first + count]
        return [OcsClient(lab, address, vip=self.vip, host=self.host) for address in addresses]


METHODS = {
    method.forwarding: method
    for method in (
        Method(SNAT, "layer 4 SNAT", topology.SERVICE.interface(71).ip),
        Method(NAT, "layer 4 NAT", topology.SERVICE.interface(72).ip, topology.load_host(1).name),
        Method(DIRECT, "layer 4 DR", topology.SERVICE.interface(73).ip),
        Method(TUNNEL, "layer 4 tunnel", topology.SERVICE.interface(74).ip),
    )
}


def service_of(method: Method, lab: Lab, **fields: Json) -> Json:
    """The service of a method as the REST API takes it, with every front end as a real server."""
    servers = [
        {"label": front_end.name, "ip": str(front_end.address), "weight": 100} for front_end in lab.front_ends
    ]
    return {
        "label": method.label,
        "ip": str(method.vip),
        "ports": PORTS,
        "protocol": "both",
        "forwarding": method.forwarding,
        "health_check": {"type": "sip", "interval_ms": 2000},
        "real_servers": servers,
        **fields,
    }


def join_crowd(appliance: Appliance) -> None:
    """Tell the appliance the way to the users of the first host for load."""
    route = {"destination": str(topology.crowd_of(1)), "gateway": str(topology.LOAD_GATEWAY)}
    appliance.call("PUT", "/node?confirmed=true", {**appliance.get("/node"), "routes": [route]})


def add_services(appliance: Appliance, lab: Lab, methods: Sequence[str] = tuple(METHODS)) -> None:
    """Add the services of the methods, and for NAT the floating address."""
    if NAT in methods:
        appliance.call("PATCH", "/ha", {"floating_addresses": [str(FLOATING)]})
    for forwarding in methods:
        appliance.call("POST", SERVICES, service_of(METHODS[forwarding], lab))


def servers_of(appliance: Appliance, label: str) -> dict[str, Json]:
    """The live state of a service's real servers, by their labels."""
    return {server["label"]: server for server in _status_of(appliance, label)["real_servers"]}


def service_health(appliance: Appliance, label: str) -> str:
    """The health of a service itself: `up`, `down`, `fallback` …"""
    return str(_status_of(appliance, label)["health"])


def _status_of(appliance: Appliance, label: str) -> Json:
    services = appliance.get("/status")["layer4_services"]
    return next(service for service in services if service["label"] == label)


def wait_for_health(appliance: Appliance, label: str, health: str, deadline: Deadline, *names: str) -> None:
    """Wait until real servers of a service, all unless some are named, are `up`, `down` or whatever it is."""

    def all_are() -> bool:
        servers = servers_of(appliance, label)
        return all(servers[name]["health"] == health for name in names or servers)

    what = f"{', '.join(names) or 'all'} of {label} to be {health} on {appliance.machine.name}"
    deadline.wait_until(all_are, what, ignoring=(httpx.HTTPError, RestError), interval_s=0.5)


def setup_texts(appliance: Appliance, methods: Sequence[str] = tuple(METHODS)) -> list[str]:
    """What the appliance tells the administrators of real servers that run Linux, each method's text."""
    answers = [appliance.get(f"{SERVICES}/{METHODS[forwarding].label}/setup") for forwarding in methods]
    return [
        text["commands"]
        for answer in answers
        for text in answer["texts"]
        if text["system"] == OPERATING_SYSTEM
    ]


@contextlib.contextmanager
def real_servers_of(
    appliance: Appliance, lab: Lab, methods: Sequence[str] = tuple(METHODS)
) -> Iterator[None]:
    """Within the block all front ends are set up as the appliance says, for all these methods at once."""
    with real_servers.set_up(lab, setup_texts(appliance, methods), tunnel=TUNNEL in methods):
        yield


def forget_neighbours(lab: Lab) -> None:
    """Let all hosts ask anew who has which address: a pair that is restored has moved them without a word."""
    for host in lab.inside.hosts():
        lab.run(host, ["ip", "neighbour", "flush", "all"])
