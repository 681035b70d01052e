"""What the pages show each role: nothing that would be refused, whatever page it is on."""

import re
from collections import deque

import pytest

from lbadmin.client import Client
from tests.image.conftest import Appliance
from tests.image.visiting import Arrive, Visitor, admin, arrive, form_fields, lbadmin

__all__ = ["admin", "arrive", "lbadmin"]

SECRET = "correct horse battery"
PASSWORDS = "/lbadmin/maintenance/passwords"
OVERVIEW = "/lbadmin/overview/state"
SERVICE = {
    "label": "OCS-Front-End",
    "ip": "192.168.10.30",
    "ports": "5060,5061",
    "real_servers": [{"label": "FE-1", "ip": "192.168.10.31"}],
}

LAYER4_SERVICE = {
    "label": "Edge",
    "ip": "192.168.2.40",
    "ports": "443",
    "forwarding": "dr",
    "real_servers": [{"label": "EDGE-1", "ip": "192.168.2.41"}],
}


def visitor(arrive: Arrive, lbadmin: Client, role: str) -> Visitor:
    """A user of that role, named as the role, who has logged in."""
    lbadmin.call("POST", "/users", {"name": role, "role": role, "password": SECRET})
    came = arrive()
    form = {"user": role, "password": SECRET, "next": "/lbadmin/"}
    assert came.http.post("/lbadmin/login", data=form).status_code == 303
    return came


def pages(came: Visitor) -> dict[str, str]:
    """Return all pages that links lead to, by their paths."""
    found: dict[str, str] = {}
    waiting = deque(["/lbadmin/"])
    while waiting:
        path = waiting.popleft()
        if path in found:
            continue
        answer = came.http.get(path)
        assert answer.status_code == 200, f"{path} answers {answer.status_code}"
        if not answer.headers["content-type"].startswith("text/html"):
            continue
        found[path] = answer.text
        links = re.findall(r'<a [^>]*href="(/lbadmin/[^"#]*)', answer.text)
        waiting.extend(link for link in links if link != "/lbadmin/logs" and "?" not in link)
    return found


@pytest.mark.parametrize(("role", "may"), [("operator", {OVERVIEW}), ("read-only", set())])
def test_no_page_offers_what_the_role_may_not_do(
    arrive: Arrive, lbadmin: Client, appliance: Appliance, role: str, may: set[str]
) -> None:
    lbadmin.call("POST", "/layer7/virtual-services", SERVICE)
    lbadmin.call("POST", "/layer4/virtual-services", LAYER4_SERVICE)
    lbadmin.call("POST", "/layer7/check-scripts", {"label": "always", "text": "#!/bin/sh\nexit 0\n"})
    lbadmin.call("POST", "/layer7/certificates/self-signed", {"label": "web", "common_name": "a.example.com"})
    lbadmin.call("POST", "/api-keys", {"name": "scripts"})
    before = lbadmin.call("GET", "/config")
    came = visitor(arrive, lbadmin, role)
    found = pages(came)
    assert len(found) > 20
    ends = ("/delete", "/add", "/revoke", "/restore", "/request", "/remove", "/reboot", "/shutdown")
    assert [path for path in found if path.endswith(ends)] == []
    offered = set()
    for path, html in found.items():
        assert f"{role} ({role})" in html, path
        for form in re.findall(r'<form\b(?=[^>]*method="post").*?</form>', html, re.DOTALL):
            target = re.search(r' action="([^"]*)"', form)
            if "<button" in form:
                offered.add(target[1] if target else path)
    assert offered == {"/lbadmin/logout", PASSWORDS} | may
    assert lbadmin.call("GET", "/config") == before


def test_what_is_sent_nevertheless_is_refused_on_a_page(arrive: Arrive, lbadmin: Client) -> None:
    lbadmin.call("POST", "/layer7/virtual-services", SERVICE)
    came = visitor(arrive, lbadmin, "operator")
    refused = came.fill("/lbadmin/layer7/services/of/OCS-Front-End", scheduler="roundrobin")
    assert refused.status_code == 403
    assert "User operator is an operator, who may read, drain, halt and set online" in refused.text
    drained = came.http.post(
        OVERVIEW,
        data={
            "csrf": form_fields(came.get("/lbadmin/"))["csrf"],
            "action": "drain/layer7/OCS-Front-End/FE-1",
        },
    )
    assert drained.status_code == 303
    (service,) = lbadmin.call("GET", "/config")["virtual_services"]
    assert service["real_servers"][0]["state"] == "drain"


def test_the_live_part_has_no_buttons_for_a_reader(arrive: Arrive, lbadmin: Client) -> None:
    lbadmin.call("POST", "/layer7/virtual-services", SERVICE)
    for role, buttons in (("operator", 6), ("read-only", 0)):
        came = visitor(arrive, lbadmin, role)
        part = came.http.get("/lbadmin/overview/live", headers={"HX-Request": "true"}).text
        assert "FE-1" in part
        assert part.count("<button") == buttons


def test_users_are_added_changed_and_removed(admin: Visitor, arrive: Arrive) -> None:
    jane = {"name": "jane", "role": "operator", "password": SECRET}
    assert "In a pair each node has" in admin.get(PASSWORDS).replace("\n ", "")
    bad = admin.fill(f"{PASSWORDS}/add", **{**jane, "name": "Jane X"})
    assert (bad.status_code, "Name Jane X is not a user&#39;s name" in bad.text) == (422, True)
    assert SECRET not in bad.text
    assert admin.fill(f"{PASSWORDS}/add", **jane).headers["location"] == PASSWORDS
    came = arrive()
    login = {"user": "jane", "password": SECRET, "next": "/lbadmin/"}
    came.http.post("/lbadmin/login", data=login)
    assert "jane (operator)" in came.get("/lbadmin/")
    own = came.fill(PASSWORDS, current=SECRET, new="battery staple", repeat="battery staple")
    assert own.status_code == 303
    assert "jane (operator)" in came.get("/lbadmin/")
    assert admin.fill(f"{PASSWORDS}/of/jane", role="read-only").status_code == 303
    assert came.http.get("/lbadmin/").headers["location"].startswith("/lbadmin/login")
    differ = admin.fill(f"{PASSWORDS}/of/jane/password", new=SECRET, repeat=f"{SECRET}!")
    assert "differ" in differ.text
    assert admin.fill(f"{PASSWORDS}/of/jane/password", new=SECRET, repeat=SECRET).status_code == 303
    came.http.post("/lbadmin/login", data=login)
    assert "jane (read-only)" in came.get("/lbadmin/")
    assert admin.fill(f"{PASSWORDS}/of/jane/remove").status_code == 303
    assert came.http.get("/lbadmin/").headers["location"].startswith("/lbadmin/login")
    assert "jane" not in admin.get(PASSWORDS).replace("User jane was removed", "")


def test_the_consoles_password_is_set_and_taken_away(admin: Visitor, lbadmin: Client) -> None:
    assert "nobody can log in with one until it is set here" in admin.get(PASSWORDS)
    known = admin.fill(f"{PASSWORDS}/console", new="loadbalancer", repeat="loadbalancer")
    assert "New Password password is the factory password" in known.text or "factory password" in known.text
    assert admin.fill(f"{PASSWORDS}/console", new=SECRET, repeat=SECRET).status_code == 303
    assert lbadmin.call("GET", "/console")["password"] is True
    assert "has a password." in admin.get(PASSWORDS)
    assert admin.fill(f"{PASSWORDS}/console/remove").status_code == 303
    assert lbadmin.call("GET", "/console")["password"] is False
