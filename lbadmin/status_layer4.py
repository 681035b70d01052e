"""Layer 4 services of the document, joined with the kernel's IPVS and with what the checking HAProxy says."""

import contextlib
from collections.abc import Mapping, Sequence

from lbadmin.errors import UnavailableError
from lbadmin.ipvs_netlink import LiveServer, LiveService, read_live
from lbadmin.model import Forwarding, Layer4RealServer, Layer4Service
from lbadmin.render.layer4 import FALLBACK_WEIGHT, ServiceKey, key_of, layer4_port, layer4_weight, serving
from lbadmin.render.layer4_checks import CHECKS_SOCKET
from lbadmin.statistics import Health, Row, ask, number, parse_statistics
from lbadmin.status_layer7 import RealServerStatus, Rows, ServiceHealth, Traffic, rows_by_name
from lbadmin.system import System

CHECKS_TIMEOUT_S = 5.0


class Layer4Traffic(Traffic):
    """Established connections now, those since the kernel counts them, and what they carried.

    `packets_out` and `bytes_out` are what passes the appliance: nothing where real servers answer clients
    directly (forwarding "dr" and "tun").
    """

    packets_in: int = 0
    packets_out: int = 0


class Layer4RealServerStatus(Layer4Traffic, RealServerStatus):
    """A real server: what it should be (state, weight) and what it is (health)."""

    sessions_inactive: int = 0


class Layer4ServiceStatus(Layer4Traffic):
    """A layer 4 service and its real servers."""

    label: str
    ip: str
    ports: tuple[int | str, ...]
    protocol: str
    firewall_mark: int | None
    forwarding: Forwarding
    enabled: bool
    health: ServiceHealth
    real_servers: list[Layer4RealServerStatus]


def layer4_status(system: System, services: Sequence[Layer4Service]) -> list[Layer4ServiceStatus]:
    """Return the services as they are now; nobody is asked when there are none."""
    if not services:
        return []
    rows: list[Row] = []
    with contextlib.suppress(UnavailableError):
        rows = parse_statistics(ask(str(system.path(CHECKS_SOCKET)), "show stat", CHECKS_TIMEOUT_S))
    live: list[LiveService] | None = None
    with contextlib.suppress(UnavailableError):
        live = read_live()
    return joined(services, live, rows)


def carried_out(services: Sequence[Layer4Service], live: Sequence[LiveService]) -> bool:
    """Tell whether IPVS is as these enabled services want it.

    A real server may be missing from it, or have no weight: its checks have failed, or are still to come.
    """
    found = {each.key: each for each in live}
    return all(_carried_out(service, found.get(key_of(service))) for service in services)


def _carried_out(service: Layer4Service, live: LiveService | None) -> bool:
    if live is None:
        return False
    key, last_resort = key_of(service), service.fallback_server
    weights = {
        (server.ip, layer4_port(server.port, key)): {0, layer4_weight(server)} for server in serving(service)
    }
    if last_resort.ip is not None:
        weights[last_resort.ip, layer4_port(last_resort.port, key)] = {FALLBACK_WEIGHT}
    return live.scheduler == service.scheduler and all(
        each.weight in weights.get((each.address, each.port), ()) for each in live.servers
    )


def joined(
    services: Sequence[Layer4Service], live: Sequence[LiveService] | None, rows: Sequence[Row]
) -> list[Layer4ServiceStatus]:
    """Return the services by what IPVS has, None: it can't be read, and by the checking HAProxy's rows."""
    found = None if live is None else {each.key: each for each in live}
    named = rows_by_name(rows)
    return [_service(service, found, named) for service in services]


def _service(
    service: Layer4Service, found: Mapping[ServiceKey, LiveService] | None, rows: Rows
) -> Layer4ServiceStatus:
    key = key_of(service)
    live = found.get(key) if found is not None else None
    present = {(each.address, each.port): each for each in live.servers} if live is not None else {}
    # Of a service that is switched off nothing is expected.
    known = found is not None and service.enabled
    servers = [
        _server(
            server,
            present.get((server.ip, layer4_port(server.port, key))),
            rows.get((service.label, server.label), {}),
            known=known,
            checked=service.health_check.type != "none",
        )
        for server in service.real_servers
    ]
    fallback = service.fallback_server
    in_fallback = (fallback.ip, layer4_port(fallback.port, key)) in present
    return Layer4ServiceStatus(
        label=service.label,
        ip=str(service.ip),
        ports=service.ports or (),
        protocol=service.protocol,
        firewall_mark=service.firewall_mark,
        forwarding=service.forwarding,
        enabled=service.enabled,
        health=_service_health(service, servers, known=known, in_fallback=in_fallback),
        real_servers=servers,
        sessions_current=sum(each.active for each in present.values()),
        **_traffic(live),
    )


def _service_health(
    service: Layer4Service, servers: Sequence[RealServerStatus], *, known: bool, in_fallback: bool
) -> ServiceHealth:
    if not service.enabled:
        return "disabled"
    if not known:
        return "unknown"
    if any(server.health in {"up", "unchecked"} for server in servers):
        return "up"
    return "fallback" if in_fallback else "down"


def _server(
    server: Layer4RealServer, live: LiveServer | None, row: Row, *, known: bool, checked: bool
) -> Layer4RealServerStatus:
    return Layer4RealServerStatus(
        label=server.label,
        ip=str(server.ip),
        port=server.port,
        state=server.state,
        weight=server.weight,
        health=_server_health(server, live, checked=checked) if known else "unknown",
        last_change_s=number(row, "lastchg") if row else None,
        last_check=row.get("last_chk") or None,
        sessions_current=live.active if live is not None else 0,
        sessions_inactive=live.inactive if live is not None else 0,
        **_traffic(live),
    )


def _server_health(server: Layer4RealServer, live: LiveServer | None, *, checked: bool) -> Health:
    if server.state == "halt":
        return "halt"
    if live is None:
        return "down"
    if layer4_weight(server) == 0:
        return "drain"
    if live.weight == 0:
        return "down"
    return "up" if checked else "unchecked"


def _traffic(live: LiveService | LiveServer | None) -> dict[str, int]:
    if live is None:
        return {}
    return {
        "sessions_total": live.connections,
        "packets_in": live.packets_in,
        "packets_out": live.packets_out,
        "bytes_in": live.bytes_in,
        "bytes_out": live.bytes_out,
    }
