"""Layer 7 services of the document, joined with what HAProxy says about them."""

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel

from lbadmin.model import RealServer, State, VirtualService
from lbadmin.statistics import Health, Row, health_of, number

ServiceHealth = Literal["up", "down", "fallback", "disabled", "unknown"]

Rows = dict[tuple[str, str], Row]


class Traffic(BaseModel):
    """Client sessions now and since they are counted (HAProxy's last reload), and the bytes they carried."""

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


def layer7_status(services: Sequence[VirtualService], rows: Sequence[Row]) -> list[VirtualServiceStatus]:
    """Return the services by HAProxy's statistics; all is unknown without any."""
    named = rows_by_name(rows)
    return [_service(service, named) for service in services]


def rows_by_name(rows: Sequence[Row]) -> Rows:
    """Return the rows of `show stat` by the names of service and server."""
    return {(row["pxname"], row["svname"]): row for row in rows}


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


def _service_health(service: VirtualService, back: Row) -> ServiceHealth:
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


def _server(server: RealServer, row: Row) -> RealServerStatus:
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


def _server_health(server: RealServer, row: Row) -> Health:
    health = health_of(row)
    # HAProxy calls a server of weight 0 up as long as it passes its checks.
    return "drain" if server.state == "drain" and health in {"up", "unchecked"} else health


def _traffic(row: Row) -> dict[str, int]:
    return {
        "sessions_current": number(row, "scur"),
        "sessions_total": number(row, "stot"),
        "bytes_in": number(row, "bin"),
        "bytes_out": number(row, "bout"),
    }
