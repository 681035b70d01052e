"""The layers at which services are balanced, as far as their pages differ."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias
from urllib.parse import quote

from lbadmin.catalogue import SERVER_SECTIONS, SERVICE_BASIC, SERVICE_SECTIONS, Section, fields_of
from lbadmin.catalogue_layer4 import LAYER4_BASIC, LAYER4_SECTIONS, LAYER4_SERVER_SECTIONS
from lbadmin.durations import show_ms

Json: TypeAlias = Any


class Column(NamedTuple):
    """A column of the list of virtual services: its head, its text for a service, and a link below that.

    `page` is the page of the service that the link leads to, and is named by.
    """

    title: str
    text: Callable[[Json], str]
    page: str = ""


@dataclass(frozen=True)
class Layer:
    """A layer by its name in paths: where its services are, and which fields they have.

    `services_field` is the list of its services in the ClusterConfig and in /status; `served` says of one in
    /status which packets it serves. `service_goes` and `server_goes` say what becomes of connections when one
    is deleted.
    """

    name: str
    title: str
    services_field: str
    basic: Section
    sections: tuple[Section, ...]
    server_sections: tuple[Section, ...]
    columns: tuple[Column, ...]
    served: Callable[[Json], str]
    service_goes: str
    server_goes: str

    @property
    def services(self) -> str:
        """The page with the list of virtual services."""
        return f"/lbadmin/{self.name}/services"

    @property
    def servers(self) -> str:
        """The page with the real servers of each."""
        return f"/lbadmin/{self.name}/servers"

    @property
    def one_service(self) -> str:
        """The route of the page of one service: apart from the others, so that any label will do."""
        return f"{self.services}/of/{{label}}"

    @property
    def one_server(self) -> str:
        """The route of the page of one real server."""
        return f"{self.servers}/of/{{label}}/{{server}}"

    @property
    def api(self) -> str:
        """The virtual services in the REST API."""
        return f"/{self.name}/virtual-services"

    def service(self, label: str) -> str:
        """Return the page of a virtual service."""
        return self.one_service.format(label=quote(label, safe=""))

    def server(self, label: str, server: str) -> str:
        """Return the page of a real server."""
        return self.one_server.format(label=quote(label, safe=""), server=quote(server, safe=""))

    def api_of(self, label: str, server: str = "") -> str:
        """Return a virtual service, or a real server of it, in the REST API."""
        service = f"{self.api}/{quote(label, safe='')}"
        return f"{service}/real-servers/{quote(server, safe='')}" if server else service

    def of_status(self, status: Json) -> list[Json]:
        """Return the layer's services in /status."""
        return list(status[self.services_field])


def _chosen(path: str, *sections: Section) -> Callable[[str], str]:
    """Return what gives the form's words for a value of the field at the path."""
    words = dict(next(each for each in fields_of(*sections) if each.path == path).choices)
    return lambda value: words[value]


def _layer7_served(status: Json) -> str:
    return f"{status['protocol'].upper()} {_ports(status)}"


def _layer4_served(status: Json) -> str:
    protocol, method = status["protocol"], _forwarding_word(status["forwarding"])
    if protocol == "mark":
        return f"mark {status['firewall_mark']} by {method}"
    return f"{'TCP, UDP' if protocol == 'both' else protocol.upper()} {_ports(status)} by {method}"


def _ports(status: Json) -> str:
    return ", ".join(map(str, status["ports"]))


def _layer7_protocol(service: Json) -> str:
    parts = ["TCP" if service["protocol"] == "tcp" else "HTTP"]
    parts += ["manual"] if service["manual_configuration"] is not None else []
    parts += ["SSL"] if service["tls_certificate"] else []
    return ", ".join(parts)


def _layer4_protocol(service: Json) -> str:
    mark = service["firewall_mark"]
    words = _protocol_word(service["protocol"])
    return f"{words} {mark}" if service["protocol"] == "mark" else words


def _layer4_persistence(service: Json) -> str:
    persistence = service["persistence"]
    return show_ms(persistence["timeout_ms"]) if persistence["enabled"] else "None"


_persistence_word = _chosen("persistence.mode", *SERVICE_SECTIONS)
_protocol_word = _chosen("protocol", LAYER4_BASIC)
_forwarding_word = _chosen("forwarding", LAYER4_BASIC)

LAYER7 = Layer(
    name="layer7",
    title="Layer 7",
    services_field="virtual_services",
    basic=SERVICE_BASIC,
    sections=SERVICE_SECTIONS,
    server_sections=SERVER_SECTIONS,
    columns=(
        Column("Protocol", _layer7_protocol),
        Column("Persistence", lambda service: _persistence_word(service["persistence"]["mode"])),
    ),
    served=_layer7_served,
    service_goes="New connections are refused at once; open ones stay until they end.",
    server_goes="It gets no new connections; open ones stay until they end. Halt it first to end them "
    "at once.",
)

LAYER4 = Layer(
    name="layer4",
    title="Layer 4",
    services_field="layer4_services",
    basic=LAYER4_BASIC,
    sections=LAYER4_SECTIONS,
    server_sections=LAYER4_SERVER_SECTIONS,
    columns=(
        Column("Protocol", _layer4_protocol),
        Column("Forwarding", lambda service: _forwarding_word(service["forwarding"]), page="setup"),
        Column("Persistence", _layer4_persistence),
    ),
    served=_layer4_served,
    service_goes="All of its connections end at once.",
    server_goes="Its connections end at once. Drain it first, and wait until it has none, to end nobody's.",
)

LAYERS = {each.name: each for each in (LAYER4, LAYER7)}
"""All layers by their names, in the menu's order."""
