"""The pages as a browser without JavaScript uses them: forms, their errors, two administrators at once."""

import html
import re

import pytest

from lbadmin.client import Client
from tests.image.visiting import Arrive, Visitor, admin, arrive, form_fields, lbadmin

__all__ = ["admin", "arrive", "lbadmin"]

SERVICE = "/lbadmin/layer7/services/of/OCS-Front-End"
OCS_PORTS = "5060,5061,135,443,444,5065,5069,5071,5072,5073,5074,8404"


@pytest.fixture
def service(lbadmin: Client) -> str:
    lbadmin.call(
        "POST",
        "/layer7/virtual-services",
        {
            "label": "OCS-Front-End",
            "ip": "192.168.10.30",
            "ports": "5060,5061",
            "real_servers": [
                {"label": "FE-1", "ip": "192.168.10.31"},
                {"label": "FE-2", "ip": "192.168.10.32"},
            ],
        },
    )
    return "OCS-Front-End"


def test_the_guides_section_8_by_its_forms(admin: Visitor, lbadmin: Client) -> None:
    settings = admin.fill(
        "/lbadmin/layer7/advanced", client_timeout_ms="1800000", real_server_timeout_ms="30m"
    )
    assert settings.status_code == 303
    assert "The settings were saved" in admin.get(settings.headers["location"])
    added = admin.fill(
        "/lbadmin/layer7/services/add", label="OCS-Front-End", ip="192.168.10.30", ports=OCS_PORTS
    )
    assert added.headers["location"] == "/lbadmin/layer7/services"
    modified = admin.fill(SERVICE, persistence__mode="source_ip", health_check__check_ports="5061")
    assert modified.status_code == 303
    for number in (1, 2):
        page = "/lbadmin/layer7/servers/add/OCS-Front-End"
        assert admin.fill(page, label=f"FE-{number}", ip=f"192.168.10.3{number}").status_code == 303
    config = lbadmin.call("GET", "/config")
    assert config["layer7"]["client_timeout_ms"] == config["layer7"]["real_server_timeout_ms"] == 1_800_000
    (made,) = config["virtual_services"]
    assert made["ports"] == list(map(int, OCS_PORTS.split(",")))
    assert made["health_check"]["check_ports"] == [5061]
    assert [(each["label"], each["port"], each["weight"]) for each in made["real_servers"]] == [
        ("FE-1", None, 100),
        ("FE-2", None, 100),
    ]
    overview = admin.get("/lbadmin/")
    assert "OCS-Front-End" in overview
    assert "FE-2" in overview


def test_an_error_stands_at_its_field_and_what_was_typed_is_kept(admin: Visitor, lbadmin: Client) -> None:
    before = lbadmin.call("GET", "/config")
    refused = admin.fill(
        "/lbadmin/layer7/services/add", label="<b>OCS", ip="192.168.10.300", ports="5060,70000"
    )
    assert refused.status_code == 422
    assert 'value="&lt;b&gt;OCS"' in refused.text
    assert 'value="192.168.10.300"' in refused.text
    assert re.search(
        r'id="f-ip-error"[^>]*>Virtual Service IP Address 192.168.10.300[^<]* is not an IP address',
        refused.text,
    )
    assert re.search(r'id="f-ports-error"[^>]*>Port 70000[^<]* is not between 1 and 65535', refused.text)
    assert "<b>OCS" not in refused.text
    assert lbadmin.call("GET", "/config") == before


def test_an_error_between_objects_stands_at_its_field_too(admin: Visitor, service: str) -> None:
    taken = admin.fill("/lbadmin/layer7/services/add", label="other", ip="192.168.10.30", ports="443,5061")
    assert taken.status_code == 409
    assert re.search(r'id="f-ports-error"[^>]*>Port 5061 on 192.168.10.30[^<]*is taken', taken.text)
    server = admin.fill("/lbadmin/layer7/servers/of/OCS-Front-End/FE-2", ip="192.168.10.31")
    assert re.search(r'id="f-ip-error"[^>]*>Address 192.168.10.31[^<]*is the one of FE-1', server.text)


def test_the_second_administrator_is_told_what_the_first_has_changed(
    admin: Visitor, arrive: Arrive, service: str, lbadmin: Client
) -> None:
    opened = admin.get(SERVICE)
    other = arrive()
    other.login()
    assert other.fill(SERVICE, health_check__check_ports="443").status_code == 303

    told = admin.fill(SERVICE, shown=opened, health_check__check_ports="5061", scheduler="roundrobin")
    assert told.status_code == 409
    assert "Somebody else has changed this" in told.text
    row = re.search(r"<tr><th[^>]*>Check Port</th><td>(.*?)</td><td>(.*?)</td><td>(.*?)</td>", told.text)
    assert row is not None
    assert row.groups() == ("blank", "443", "5061")
    (current,) = lbadmin.call("GET", "/config")["virtual_services"]
    assert (current["health_check"]["check_ports"], current["scheduler"]) == ([443], "leastconn")

    assert admin.fill(SERVICE, shown=told.text).status_code == 303
    (current,) = lbadmin.call("GET", "/config")["virtual_services"]
    assert (current["health_check"]["check_ports"], current["scheduler"]) == ([5061], "roundrobin")


def test_a_change_elsewhere_disturbs_nobody(admin: Visitor, service: str, lbadmin: Client) -> None:
    opened = admin.get(SERVICE)
    lbadmin.call("PATCH", "/layer7/settings", {"client_timeout_ms": "30m"})
    assert admin.fill(SERVICE, shown=opened, scheduler="source").status_code == 303
    config = lbadmin.call("GET", "/config")
    assert config["layer7"]["client_timeout_ms"] == 1_800_000
    assert config["virtual_services"][0]["scheduler"] == "source"


def test_a_section_is_written_by_hand_from_the_one_there_was(
    admin: Visitor, service: str, lbadmin: Client
) -> None:
    begun = admin.fill(SERVICE, manual="true")
    assert begun.status_code == 200
    text = form_fields(begun.text)["manual_configuration"]
    assert "bind 192.168.10.30:5060" in text
    assert lbadmin.call("GET", "/config")["virtual_services"][0]["manual_configuration"] is None

    nonsense = admin.fill(SERVICE, shown=begun.text, manual_configuration=f"{text}\nnonsense here")
    assert nonsense.status_code == 422
    assert "HAProxy refuses this configuration" in html.unescape(nonsense.text)
    assert "nonsense here" in nonsense.text
    leaving = admin.fill(SERVICE, shown=begun.text, manual_configuration=f"{text}\nglobal\n    daemon")
    assert re.search(r'id="f-manual_configuration-error"[^>]*>[^<]*global', leaving.text)

    good = admin.fill(SERVICE, shown=begun.text, manual_configuration=f"{text}\n    timeout tunnel 1h")
    assert good.status_code == 303
    assert "timeout tunnel 1h" in form_fields(admin.get(SERVICE))["manual_configuration"]
    assert admin.fill(SERVICE, manual=None).status_code == 303
    assert lbadmin.call("GET", "/config")["virtual_services"][0]["manual_configuration"] is None


def test_the_overviews_buttons(admin: Visitor, service: str, lbadmin: Client) -> None:
    def states() -> list[str]:
        (only,) = lbadmin.call("GET", "/config")["virtual_services"]
        return [each["state"] for each in only["real_servers"]]

    csrf = form_fields(admin.get("/lbadmin/"))["csrf"]
    plain = {"csrf": csrf, "action": "drain/layer7/OCS-Front-End/FE-1"}
    assert admin.http.post("/lbadmin/overview/state", data=plain).status_code == 303
    assert states() == ["drain", "online"]
    by_htmx = admin.http.post(
        "/lbadmin/overview/state",
        data={"csrf": csrf, "action": "halt/layer7/OCS-Front-End"},
        headers={"HX-Request": "true"},
    )
    assert states() == ["halt", "halt"]
    assert "<html" not in by_htmx.text
    assert by_htmx.text.count('class="health halt"') == 2
    wrong = admin.http.post(
        "/lbadmin/overview/state", data={"csrf": csrf, "action": "fly/layer7/OCS-Front-End"}
    )
    assert wrong.status_code == 422


def test_deleting_asks_first(admin: Visitor, service: str, lbadmin: Client) -> None:
    asked = admin.get("/lbadmin/layer7/servers/of/OCS-Front-End/FE-1/delete")
    assert "Delete FE-1 of OCS-Front-End?" in asked
    assert len(lbadmin.call("GET", "/config")["virtual_services"][0]["real_servers"]) == 2
    assert admin.fill("/lbadmin/layer7/servers/of/OCS-Front-End/FE-1/delete").status_code == 303
    assert admin.fill(f"{SERVICE}/delete").status_code == 303
    assert lbadmin.call("GET", "/config")["virtual_services"] == []
    gone = admin.http.get(SERVICE)
    assert gone.status_code == 404
    assert "There is no virtual service OCS-Front-End" in gone.text


def test_no_form_of_another_site_is_taken(admin: Visitor, service: str, lbadmin: Client) -> None:
    page = f"{SERVICE}/delete"
    fields = form_fields(admin.get(page))
    assert admin.http.post(page, data=fields, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert admin.http.post(page, data={"csrf": "0" * 64}).status_code == 403
    assert admin.http.post(page, data={}).status_code == 403
    assert len(lbadmin.call("GET", "/config")["virtual_services"]) == 1


def test_a_login_leads_to_the_page_that_was_wanted_and_to_no_other_site(arrive: Arrive) -> None:
    visitor = arrive()
    wanted = visitor.http.get("/lbadmin/layer7/services")
    assert wanted.headers["location"] == "/lbadmin/login?next=/lbadmin/layer7/services"
    assert 'value="/lbadmin/layer7/services"' in visitor.get(wanted.headers["location"])
    assert visitor.login("/lbadmin/layer7/services").headers["location"] == "/lbadmin/layer7/services"
    for elsewhere in ("https://example.com/", "//example.com/lbadmin/", "/lbadmin/\\example.com", ""):
        assert visitor.login(elsewhere).headers["location"] == "/lbadmin/"


def test_a_live_part_of_a_session_that_is_over_leads_to_the_login(arrive: Arrive) -> None:
    visitor = arrive()
    visitor.http.cookies.set("__Host-lbadmin", "o" * 43)
    live = visitor.http.get("/lbadmin/overview/live", headers={"HX-Request": "true"})
    assert live.headers["hx-redirect"] == "/lbadmin/login"


def test_pages_allow_no_inline_scripts_styles_or_foreign_frames(admin: Visitor) -> None:
    answer = admin.http.get("/lbadmin/")
    policy = answer.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["strict-transport-security"].startswith("max-age=")
    assert answer.headers["cache-control"] == "no-store"
    assert not re.search(r"<script(?! src=)|<style| style=| on[a-z]+=", answer.text)
    for path in re.findall(r'(?:src|href)="(/lbadmin/static/[^"]*)"', answer.text):
        assert admin.http.get(path).status_code == 200, path


def test_a_notice_is_shown_once(admin: Visitor) -> None:
    admin.fill("/lbadmin/layer7/advanced", connection_timeout_ms="5s")
    assert "The settings were saved" in admin.get("/lbadmin/layer7/advanced")
    assert "The settings were saved" not in admin.get("/lbadmin/layer7/advanced")
