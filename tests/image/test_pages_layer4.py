"""The pages of layer 4 as a browser without JavaScript uses them, and lbcli beside them."""

import html
import re

import pytest

from lbadmin.client import Client
from tests.image.visiting import Arrive, Visitor, admin, arrive, form_fields, lbadmin

__all__ = ["admin", "arrive", "lbadmin"]

SERVICES, SERVERS = "/lbadmin/layer4/services", "/lbadmin/layer4/servers"
SERVICE = f"{SERVICES}/of/OCS-Front-End"
OCS_PORTS = "5060,5061,135,443,444,5065,5069,5071,5072,5073,5074,8404"


@pytest.fixture
def service(lbadmin: Client) -> str:
    lbadmin.call(
        "POST",
        "/layer4/virtual-services",
        {
            "label": "OCS-Front-End",
            "ip": "192.168.2.30",
            "ports": "5060,5061",
            "real_servers": [
                {"label": "FE-1", "ip": "192.168.2.31"},
                {"label": "FE-2", "ip": "192.168.2.32"},
            ],
        },
    )
    return "OCS-Front-End"


def states(lbadmin: Client) -> list[str]:
    (only,) = lbadmin.call("GET", "/config")["layer4_services"]
    return [each["state"] for each in only["real_servers"]]


def test_the_guides_service_at_layer_4_by_its_forms(admin: Visitor, lbadmin: Client) -> None:
    added = admin.fill(f"{SERVICES}/add", label="OCS-Front-End", ip="192.168.2.30", ports=OCS_PORTS)
    assert added.headers["location"] == SERVICES
    modified = admin.fill(SERVICE, persistence__timeout_ms="30m", health_check__check_ports="5061")
    assert modified.headers["location"] == SERVICES
    for number in (1, 2):
        page = f"{SERVERS}/add/OCS-Front-End"
        assert admin.fill(page, label=f"FE-{number}", ip=f"192.168.2.3{number}").status_code == 303
    (made,) = lbadmin.call("GET", "/config")["layer4_services"]
    assert made["forwarding"] == "snat"
    assert made["ports"] == list(map(int, OCS_PORTS.split(",")))
    assert made["persistence"] == {"enabled": True, "timeout_ms": 1_800_000, "granularity": None}
    assert [each["ip"] for each in made["real_servers"]] == ["192.168.2.31", "192.168.2.32"]
    shown = admin.get(SERVICES)
    assert "OCS-Front-End" in shown
    assert re.search(r"<td>TCP</td>\s*<td>SNAT<br>.*?</td>\s*<td>30m</td>", shown)
    assert "alert-warning" not in shown
    assert "Nothing has to be set up" in admin.get(f"{SERVICE}/setup")


def test_what_is_refused_stands_at_its_field(admin: Visitor, service: str, lbadmin: Client) -> None:
    before = lbadmin.call("GET", "/config")
    refused = admin.fill(f"{SERVICES}/add", label="Web", ip="192.168.2.300", ports="70000")
    assert refused.status_code == 422
    assert re.search(r'id="f-ip-error"[^>]*>Virtual Service IP Address 192.168.2.300', refused.text)
    assert re.search(r'id="f-ports-error"[^>]*>Port 70000', refused.text)
    twice = admin.fill("/lbadmin/layer7/services/add", label=service, ip="192.168.2.40", ports="80")
    assert twice.status_code == 409
    assert re.search(
        r'id="f-label-error"[^>]*>Label OCS-Front-End is used by a layer 4 virtual service', twice.text
    )
    server = admin.fill(f"{SERVERS}/of/{service}/FE-2", ip="192.168.2.31")
    assert re.search(r'id="f-ip-error"[^>]*>', server.text)
    assert lbadmin.call("GET", "/config") == before


def test_the_second_administrator_is_told_what_the_first_has_changed(
    admin: Visitor, arrive: Arrive, service: str
) -> None:
    opened = admin.get(SERVICE)
    other = arrive()
    other.login()
    assert other.fill(SERVICE, scheduler="wrr").status_code == 303
    told = admin.fill(SERVICE, shown=opened, scheduler="rr")
    assert told.status_code == 409
    row = re.search(r"<tr><th[^>]*>Balance Mode</th><td>(.*?)</td><td>(.*?)</td><td>(.*?)</td>", told.text)
    assert row is not None
    assert row.groups() == ("Weighted Least Connections", "Weighted Round Robin", "Round Robin")


def test_direct_routing_leads_to_the_set_up_and_is_warned_of(
    admin: Visitor, service: str, lbadmin: Client
) -> None:
    added = admin.fill(f"{SERVICES}/add", label="Edge", ip="192.168.2.40", ports="5061", forwarding="dr")
    page = f"{SERVICES}/of/Edge/setup"
    assert added.headers["location"] == page
    shown = admin.get(page)
    assert "Virtual service Edge was added" in shown
    (linux,) = re.findall(r'<pre [^>]*aria-label="Linux">(.*?)</pre>', shown, re.DOTALL)
    assert "ip address replace 192.168.2.40/32 dev lo\n" in html.unescape(linux)
    for each in (shown, admin.get(SERVICES), admin.get(f"{SERVICES}/of/Edge")):
        assert re.search(r'alert-warning"[^>]*>Edge has SIP ports and[^<]*choose SNAT\.', each)
    assert "alert-warning" not in admin.get(SERVICE)
    found = lbadmin.call("GET", "/layer4/virtual-services/Edge/setup")
    assert found["method"] == "dr"
    assert {"system": "Linux", "commands": html.unescape(linux)} in found["texts"]


def test_nat_shows_the_floating_address_that_is_the_gateway(admin: Visitor, service: str) -> None:
    assert admin.fill(SERVICE, forwarding="nat").status_code == 303
    without = html.unescape(admin.get(f"{SERVICE}/setup"))
    assert "The appliance has no floating address in a subnet of the real servers yet" in without
    assert 'href="/lbadmin/ha"' in without
    assert "<pre" not in without
    assert admin.fill("/lbadmin/ha/settings", floating_addresses="192.168.2.20").status_code == 303
    assert "ip route replace default via 192.168.2.20\n" in admin.get(f"{SERVICE}/setup")


def test_the_overviews_buttons_and_the_report(admin: Visitor, service: str, lbadmin: Client) -> None:
    overview = admin.get("/lbadmin/")
    assert f'href="{SERVICE}"' in overview
    assert "TCP 5060, 5061 by SNAT" in overview
    csrf = form_fields(overview)["csrf"]
    for action in ("drain/layer4/OCS-Front-End/FE-1", "halt/layer4/OCS-Front-End/FE-2"):
        assert f'value="{action}"' in overview
        sent = admin.http.post("/lbadmin/overview/state", data={"csrf": csrf, "action": action})
        assert sent.status_code == 303
    assert states(lbadmin) == ["drain", "halt"]
    part = admin.http.post(
        "/lbadmin/overview/state",
        data={"csrf": csrf, "action": "online/layer4/OCS-Front-End"},
        headers={"HX-Request": "true"},
    )
    assert part.status_code == 200
    assert "FE-2" in part.text
    assert states(lbadmin) == ["online", "online"]
    report = admin.get("/lbadmin/reports/layer4")
    for text in ("OCS-Front-End", "FE-1", "192.168.2.32", "Inactive"):
        assert text in report


def test_a_service_of_udp_is_added_with_the_port_that_is_checked(admin: Visitor, lbadmin: Client) -> None:
    page = f"{SERVICES}/add"
    refused = admin.fill(page, label="STUN", ip="192.168.2.40", ports="3478", protocol="udp")
    assert refused.status_code == 422
    assert re.search(
        r'<details class="advanced" open>.*id="f-health_check-check_ports-error"', refused.text, re.DOTALL
    )
    assert admin.fill(page, shown=refused.text, health_check__check_ports="443").status_code == 303
    (made,) = lbadmin.call("GET", "/config")["layer4_services"]
    assert (made["protocol"], made["health_check"]["check_ports"]) == ("udp", [443])


def test_a_firewall_mark_is_shown_in_the_place_of_ports(admin: Visitor, lbadmin: Client) -> None:
    added = admin.fill(
        f"{SERVICES}/add",
        label="Marked",
        ip="192.168.2.40",
        protocol="mark",
        firewall_mark="7",
        health_check__type="none",
    )
    assert added.status_code == 303
    assert "<td>Firewall Mark 7</td>" in admin.get(SERVICES)
    assert "mark 7 by SNAT" in admin.get("/lbadmin/")


@pytest.mark.parametrize("action", ["", "drain", "drain/layer5/OCS-Front-End", "dance/layer4/OCS-Front-End"])
def test_what_no_button_sends_changes_nothing(
    admin: Visitor, service: str, lbadmin: Client, action: str
) -> None:
    csrf = form_fields(admin.get("/lbadmin/"))["csrf"]
    sent = admin.http.post("/lbadmin/overview/state", data={"csrf": csrf, "action": action})
    assert 400 <= sent.status_code < 500
    assert states(lbadmin) == ["online", "online"]


def test_servers_and_services_are_deleted_when_it_is_confirmed(
    admin: Visitor, service: str, lbadmin: Client
) -> None:
    page = f"{SERVERS}/of/OCS-Front-End/FE-1/delete"
    assert "Its connections end at once" in admin.get(page)
    assert admin.fill(page).headers["location"] == SERVERS
    asked = admin.get(f"{SERVICE}/delete")
    assert "The virtual service goes, and its real server with it. All of its connections" in asked
    assert admin.fill(f"{SERVICE}/delete").headers["location"] == SERVICES
    assert lbadmin.call("GET", "/config")["layer4_services"] == []
    assert admin.http.get(f"{SERVICE}/setup").status_code == 404


def test_a_script_is_used_by_services_of_either_layer(admin: Visitor, service: str, lbadmin: Client) -> None:
    lbadmin.call("POST", "/layer7/check-scripts", {"label": "pool", "text": "#!/bin/sh\nexit 0\n"})
    assert admin.fill(SERVICE, health_check__type="external", health_check__script="pool").status_code == 303
    assert f'<td><a href="{SERVICE}">OCS-Front-End</a></td>' in admin.get("/lbadmin/check-scripts")
