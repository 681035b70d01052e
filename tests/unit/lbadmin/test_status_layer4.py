"""How layer 4 services and real servers are, by the document, the kernel's IPVS and the checking HAProxy."""

from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from lbadmin import status_layer4
from lbadmin.errors import UnavailableError
from lbadmin.ipvs_netlink import LiveServer, LiveService
from lbadmin.model import Layer4Service
from lbadmin.render.layer4 import key_of
from lbadmin.statistics import Row, state_of
from lbadmin.status_layer4 import Layer4ServiceStatus, carried_out, joined, layer4_status
from lbadmin.system import System

FE1 = {"label": "FE-1", "ip": "192.168.10.31"}


def service(*servers: dict[str, Any], **fields: object) -> Layer4Service:
    return Layer4Service.model_validate(
        {"label": "OCS", "ip": "192.168.10.30", "ports": [5060], "real_servers": servers, **fields}
    )


def live_server(ip: str, port: int = 5060, weight: int = 100, *counts: int) -> LiveServer:
    values = (*counts, *[0] * (8 - len(counts)))
    return LiveServer(ip_address(ip), port, "masq", weight, *values)


def status(
    service: Layer4Service, *servers: LiveServer, there: bool = True, rows: tuple[Row, ...] = ()
) -> Layer4ServiceStatus:
    live = [LiveService(key_of(service), "wlc", 1, 2, 3, 4, 5, servers)] if there else []
    (only,) = joined([service], live, rows)
    return only


@pytest.mark.parametrize(
    ("fields", "live", "expected"),
    [
        ({}, [live_server("192.168.10.31")], "up"),
        ({}, [], "down"),
        # Quiesced, because its checks failed.
        ({}, [live_server("192.168.10.31", weight=0)], "down"),
        ({"state": "drain"}, [live_server("192.168.10.31", weight=0)], "drain"),
        ({"weight": 0}, [live_server("192.168.10.31", weight=0)], "drain"),
        # It was removed, and its connections with it.
        ({"state": "drain"}, [], "down"),
        ({"state": "halt"}, [], "halt"),
        # Another port of the same host is another real server.
        ({"port": 5061}, [live_server("192.168.10.31", port=5060)], "down"),
        ({"port": 5061}, [live_server("192.168.10.31", port=5061)], "up"),
    ],
)
def test_a_real_server_is_as_ipvs_has_it(
    fields: dict[str, Any], live: list[LiveServer], expected: str
) -> None:
    assert status(service({**FE1, **fields}), *live).real_servers[0].health == expected


@pytest.mark.parametrize(
    ("fields", "live", "expected"),
    [
        ({}, [live_server("192.168.10.31")], True),
        # Its checks are still to come, or have failed.
        ({}, [], True),
        ({}, [live_server("192.168.10.31", weight=0)], True),
        ({}, [live_server("192.168.10.40", weight=1)], True),
        # It was a real server before.
        ({}, [live_server("192.168.10.40", weight=100)], False),
        ({"state": "drain"}, [live_server("192.168.10.31", weight=0)], True),
        ({"state": "drain"}, [live_server("192.168.10.31")], False),
        ({"weight": 50}, [live_server("192.168.10.31")], False),
        ({"state": "halt"}, [live_server("192.168.10.31")], False),
        ({"state": "halt"}, [], True),
        ({"port": 5061}, [live_server("192.168.10.31")], False),
        ({}, [live_server("192.168.10.31"), live_server("192.168.10.32")], False),
    ],
)
def test_a_change_is_carried_out_when_ipvs_has_nothing_else(
    fields: dict[str, Any], live: list[LiveServer], expected: bool
) -> None:
    wanted = service({**FE1, **fields}, fallback_server={"ip": "192.168.10.40"})
    found = [LiveService(key_of(wanted), "wlc", 1, 2, 3, 4, 5, tuple(live))]
    assert carried_out([wanted], found) is expected
    assert not carried_out([wanted.model_copy(update={"scheduler": "rr"})], found)
    assert not carried_out([wanted], [])


def test_one_without_a_check_is_unchecked_and_serves() -> None:
    found = status(service(FE1, health_check={"type": "none"}), live_server("192.168.10.31"))
    assert (found.real_servers[0].health, found.health) == ("unchecked", "up")


def test_a_service_is_as_well_as_its_real_servers() -> None:
    both = service(FE1, {"label": "FE-2", "ip": "192.168.10.32"}, fallback_server={"ip": "192.168.10.40"})
    last_resort = live_server("192.168.10.40", weight=1)
    assert status(both, live_server("192.168.10.32")).health == "up"
    assert status(both, last_resort).health == "fallback"
    assert status(both).health == "down"
    assert status(both, there=False).health == "down"
    drained = service({**FE1, "state": "drain"}, fallback_server={"ip": "192.168.10.40"})
    assert status(drained, live_server("192.168.10.31", weight=0), last_resort).health == "fallback"


def test_a_service_of_a_mark_is_found_by_it_and_its_real_servers_by_the_clients_port() -> None:
    marked = service(FE1, protocol="mark", firewall_mark=7, ports=None)
    found = status(marked, live_server("192.168.10.31", port=0))
    assert (found.health, found.ports, found.firewall_mark) == ("up", (), 7)
    many = service(FE1, ports=[5060, 5061, "49152-49200"])
    assert status(many, live_server("192.168.10.31", port=0)).health == "up"
    assert joined([many], [LiveService(key_of(marked), "wlc", 0, 0, 0, 0, 0, ())], [])[0].health == "down"


def test_nothing_is_expected_of_a_service_that_is_switched_off() -> None:
    found = status(service(FE1, enabled=False), there=False)
    assert (found.health, found.real_servers[0].health) == ("disabled", "unknown")


def test_what_ipvs_does_not_tell_is_unknown() -> None:
    (found,) = joined([service(FE1)], None, [])
    assert (found.health, found.real_servers[0].health) == ("unknown", "unknown")


def test_connections_bytes_and_checks_are_told_by_layer_7s_names() -> None:
    row = {"pxname": "OCS", "svname": "FE-1", "lastchg": "12", "last_chk": "Connection refused"}
    servers = live_server("192.168.10.31", 5060, 100, 3, 2, 9, 20, 21, 22, 23, 24), live_server("10.0.0.9")
    found = status(service(FE1), *servers, rows=(row,))
    assert found.model_dump(exclude={"real_servers"}) == {
        "label": "OCS",
        "ip": "192.168.10.30",
        "ports": (5060,),
        "protocol": "tcp",
        "firewall_mark": None,
        "forwarding": "snat",
        "enabled": True,
        "health": "up",
        "sessions_current": 3,
        "sessions_total": 1,
        "packets_in": 2,
        "packets_out": 3,
        "bytes_in": 4,
        "bytes_out": 5,
    }
    assert found.real_servers[0].model_dump() == {
        "label": "FE-1",
        "ip": "192.168.10.31",
        "port": None,
        "state": "online",
        "weight": 100,
        "health": "up",
        "last_change_s": 12,
        "last_check": "Connection refused",
        "sessions_current": 3,
        "sessions_inactive": 2,
        "sessions_total": 20,
        "packets_in": 21,
        "packets_out": 22,
        "bytes_in": 23,
        "bytes_out": 24,
    }


def test_nobody_is_asked_without_services(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked = []

    def read() -> list[LiveService]:
        asked.append("IPVS")
        raise UnavailableError("no")

    monkeypatch.setattr(status_layer4, "read_live", read)
    assert (layer4_status(System(tmp_path), ()), asked) == ([], [])
    # Without the checking HAProxy and without IPVS the services are there all the same.
    assert [each.health for each in layer4_status(System(tmp_path), [service(FE1)])] == ["unknown"]
    assert asked == ["IPVS"]


def test_what_is_known_of_a_real_server_is_kept_while_it_is_at_its_place() -> None:
    head = "1\n# be_id be_name srv_name srv_addr srv_op_state srv_port srv_check_port\n"
    rows = (
        "2 OCS FE-1 192.168.10.31 0 5060 5061",
        "2 OCS FE-2 192.168.10.32 2 5060 5061",
        "3 gone FE-1 :: 2 1 1",
    )
    known = head + "".join(f"{row}\n" for row in rows)
    places = {("OCS", "FE-1"): ("192.168.10.31", 5070), ("OCS", "FE-2"): ("192.168.10.99", 5060)}
    assert state_of(known, places) == f"{head}2 OCS FE-1 192.168.10.31 0 5070 0\n"
    for strange in ("", "nonsense", "1\n#\nnonsense\n", "1\n# srv_name\nFE-1 2 3\n"):
        assert "FE-1 2" not in state_of(strange, places)
