"""Pages and what nobody should send them: odd labels, long values, cookies and paths of their own making."""

import re
import time

import pytest

from lbadmin.client import Client
from lbadmin.web.guard import HEADERS
from tests.image.visiting import Arrive, Visitor, admin, arrive, lbadmin

__all__ = ["admin", "arrive", "lbadmin"]


@pytest.fixture
def service(lbadmin: Client) -> str:
    servers = [{"label": "FE-1", "ip": "192.168.10.31"}]
    body = {"label": "OCS", "ip": "192.168.10.30", "ports": "5060", "real_servers": servers}
    lbadmin.call("POST", "/layer7/virtual-services", body)
    return "/lbadmin/layer7/services/of/OCS"


@pytest.mark.parametrize("label", ["add", "delete", "of", "messages"])
def test_a_label_may_be_any_word_of_the_pages(admin: Visitor, lbadmin: Client, label: str) -> None:
    service = {"label": label, "ip": "192.168.10.30", "ports": "5060"}
    lbadmin.call(
        "POST",
        "/layer7/virtual-services",
        {**service, "real_servers": [{"label": label, "ip": "192.168.10.31"}]},
    )
    overview = admin.get("/lbadmin/")
    links = re.findall(rf'<a [^>]*href="([^"]*)">{label}</a>', overview)
    assert len(links) == 2
    for link, field in zip(links, ("scheduler", "weight"), strict=True):
        page = admin.get(link)
        assert f"<h1>Modify {label}" in page
        assert f'name="{field}"' in page
    for page in ("/lbadmin/layer7/services", "/lbadmin/layer7/servers"):
        (delete,) = re.findall(r'href="([^"]*)" aria-label="Delete', admin.get(page))
        assert f"<h1>Delete {label}" in admin.get(delete)


def test_what_was_typed_is_kept_when_the_object_is_gone_meanwhile(
    admin: Visitor, service: str, lbadmin: Client
) -> None:
    opened = admin.get(service)
    lbadmin.call("PATCH", "/layer7/virtual-services/OCS", {"label": "renamed"})
    told = admin.fill(service, shown=opened, ports="5060,5061")
    assert told.status_code == 404
    assert 'value="5060,5061"' in told.text
    assert "There is no virtual service OCS" in told.text


def test_a_number_of_any_length_is_an_error_at_its_field(admin: Visitor, service: str) -> None:
    told = admin.fill("/lbadmin/layer7/servers/of/OCS/FE-1", weight="9" * 5000)
    assert told.status_code == 422
    assert 'id="f-weight-error"' in told.text


def test_a_blank_number_is_an_error_in_words(admin: Visitor, service: str) -> None:
    told = admin.fill("/lbadmin/layer7/servers/of/OCS/FE-1", weight="")
    assert re.search(
        r'id="f-weight-error"[^>]*>Weight \(blank\) of FE-1[^<]* is not a whole number', told.text
    )


@pytest.mark.parametrize("cookie", ['"a\\012b"', "lbva_key", "ü"])
def test_a_cookie_that_is_no_session_leads_to_the_login(arrive: Arrive, cookie: str) -> None:
    answer = arrive().http.get(
        "/lbadmin/layer7/services", headers={b"Cookie": b"__Host-lbadmin=" + cookie.encode()}
    )
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/lbadmin/login")


def test_a_revision_that_is_none_overwrites_nothing(admin: Visitor, service: str, lbadmin: Client) -> None:
    opened = admin.get(service)
    lbadmin.call("PATCH", "/layer7/virtual-services/OCS", {"ports": "443"})
    told = admin.fill(service, shown=opened, revision="1\r\nX-Lbadmin-Client: me", ports="5060,5061")
    assert told.status_code == 403
    assert lbadmin.call("GET", "/layer7/virtual-services/OCS")["ports"] == [443]


@pytest.mark.parametrize(
    "path", ["nothing/1", "a%20b/1", "cluster%3Fa/1", "nothing/1/restore", "cluster/" + "9" * 5000]
)
def test_a_history_that_there_is_none_of_is_not_found(admin: Visitor, path: str) -> None:
    assert admin.http.get(f"/lbadmin/view/history/{path}").status_code == 404


@pytest.mark.parametrize(
    ("path", "page"),
    [
        ("/lbadmin/maintenance/restart/restart", "/lbadmin/maintenance/restart"),
        ("/lbadmin/maintenance/backup/preview", "/lbadmin/maintenance/backup"),
        ("/lbadmin/overview/state", "/lbadmin/"),
    ],
)
def test_a_button_opened_as_a_page_leads_to_the_page_that_has_it(
    admin: Visitor, path: str, page: str
) -> None:
    answer = admin.http.get(path)
    assert (answer.status_code, answer.headers.get("location")) == (303, page)


def test_a_form_of_a_million_fields_is_refused_before_it_costs_time(arrive: Arrive) -> None:
    stranger = arrive()
    headers = {
        "Cookie": "__Host-lbadmin=" + "a" * 43,
        "Sec-Fetch-Site": "same-origin",
        "Content-Type": "application/x-www-form-urlencoded",
    }
    began = time.monotonic()
    answer = stranger.http.post("/lbadmin/layer7/advanced", content=b"a&" * 1_000_000, headers=headers)
    took_s = time.monotonic() - began
    assert answer.status_code == 413
    assert took_s < 1


def test_headers_guard_every_answer(arrive: Arrive) -> None:
    for path in ("/lbadmin/login", "/lbadmin/nothing", "/lbadmin/api/v1/nothing"):
        answer = arrive().http.get(path)
        assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
