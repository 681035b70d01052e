"""The HAProxy that checks the real servers of layer 4, as keepalived asks it; IPVS is proved on machines."""

import http.client
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest

from lbadmin.render.layer4 import CHECKS_PORT, check_path
from lbadmin.rules import parse_cluster
from tests.image.conftest import Appliance
from tests.image.responders import Listen
from tests.image.servers import wait_until

QUICK = {"interval_ms": 150, "rise": 1, "fall": 1}
SERVERS = [{"label": f"FE-{number}", "ip": f"192.168.10.3{number}"} for number in (1, 2)]
SIP_OK = b"SIP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n"


LOOK = "#!/bin/sh\necho $3 $4 > /run/told/new.$$; mv /run/told/new.$$ /run/told/server\n"


class Checked:
    """An appliance with one layer 4 service, and what its checker says of the real servers."""

    def __init__(self, appliance: Appliance) -> None:
        self._changes = appliance.changes()

    def serve(self, **fields: Any) -> None:  # noqa: ANN401 - whatever the fields hold
        """Make the service one with these fields."""
        service = {"label": "OCS", "ip": "192.168.10.30", "ports": "5060,5061", "real_servers": SERVERS}
        document = {
            "layer7": {"maxconn": 1000},
            "layer4_services": [{**service, **fields}],
            "check_scripts": [{"label": "look", "text": LOOK}],
        }
        self._changes.change_cluster(lambda _: parse_cluster(document), "root", "layer 4")

    def path_of(self, label: str) -> str:
        """Where keepalived asks for the real server."""
        service = self._changes.current.cluster.layer4_services[0]
        return check_path(service, next(each for each in service.real_servers if each.label == label))

    def wait_for(self, label: str, *, up: bool) -> None:
        """Wait until the real server is well, or is not."""
        path = self.path_of(label)
        wait_until(lambda: told_of(path) is up, what=f"{label} {'up' if up else 'down'}")


def told_of(path: str) -> bool | None:
    """Ask as keepalived does: whether the real server is well, None while nobody answers."""
    asked = http.client.HTTPConnection("127.0.0.1", CHECKS_PORT, timeout=5)
    try:
        asked.request("GET", path)
        status = asked.getresponse().status
    except (ConnectionError, TimeoutError):
        return None
    finally:
        asked.close()
    assert status in {HTTPStatus.OK, HTTPStatus.SERVICE_UNAVAILABLE}
    return status == HTTPStatus.OK


@pytest.fixture
def checked(appliance: Appliance) -> Checked:
    return Checked(appliance)


def test_a_real_server_is_well_as_long_as_all_ports_answer(checked: Checked, listen: Listen) -> None:
    listen("192.168.10.31", 5061)
    second = listen("192.168.10.31", 443)
    checked.serve(health_check={"check_ports": "5061,443", **QUICK})
    checked.wait_for("FE-1", up=True)
    checked.wait_for("FE-2", up=False)
    second.stop()
    checked.wait_for("FE-1", up=False)


def test_sip_options_are_asked_as_on_layer_7(checked: Checked, listen: Listen) -> None:
    sip = listen("192.168.10.31", 5060, SIP_OK)
    checked.serve(health_check={"type": "sip", **QUICK})
    wait_until(lambda: sip.requests, what="a check")
    checked.wait_for("FE-1", up=True)
    assert sip.requests[0].startswith(b"OPTIONS sip:192.168.10.30 SIP/2.0\r\n")
    sip.answer = SIP_OK.replace(b"200 OK", b"503 Service Unavailable")
    checked.wait_for("FE-1", up=False)


def test_a_script_is_told_the_address_and_port_of_now(appliance: Appliance, checked: Checked) -> None:
    told = appliance.root / "run/told"
    told.mkdir(mode=0o777)
    for port in (5061, 5062):
        servers = [{**SERVERS[0], "port": port}]
        check = {"type": "external", "script": "look", "interval_ms": 150}
        checked.serve(ports="5060", health_check=check, real_servers=servers)
        wait_for_line(told / "server", f"192.168.10.31 {port}\n")


def wait_for_line(file: Path, line: str) -> None:
    wait_until(lambda: file.exists() and file.read_text() == line, what=line)


def test_a_change_brings_no_dead_server_back(checked: Checked, listen: Listen) -> None:
    listen("192.168.10.31", 5060)
    checked.serve(health_check=QUICK)
    checked.wait_for("FE-1", up=True)
    checked.wait_for("FE-2", up=False)
    third = {"label": "FE-3", "ip": "192.168.10.33"}
    # Would the dead one be forgotten, it would be well for fifty checks.
    slow = {"interval_ms": 6000, "rise": 1, "fall": 50}
    checked.serve(health_check=slow, real_servers=[*SERVERS, third])
    # Well until it fails.
    checked.wait_for("FE-3", up=True)
    assert told_of(checked.path_of("FE-1")) is True
    assert told_of(checked.path_of("FE-2")) is False


def test_what_is_renamed_is_asked_for_at_the_same_place(checked: Checked, listen: Listen) -> None:
    listen("192.168.10.31", 5060)
    checked.serve(health_check=QUICK)
    checked.wait_for("FE-1", up=True)
    before = checked.path_of("FE-1")
    servers = [{**SERVERS[0], "label": "Renamed"}]
    checked.serve(health_check=QUICK, label="Pool", real_servers=servers)
    assert checked.path_of("Renamed") == before
    checked.wait_for("Renamed", up=True)
