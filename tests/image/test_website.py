"""HTTPS as the world sees it: lbadmin-web before lbadmind before the shipped HAProxy."""

from pathlib import Path

import pytest

from lbadmin.client import PREFIX
from tests.image.asking import PASSWORD, USER, Ask, api, ask
from tests.image.conftest import Appliance

__all__ = ["api", "ask"]

FORM = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}
SERVICE = {"label": "OCS-Front-End", "ip": "192.168.10.30", "ports": "5060,5061"}


def test_revisions_guard_against_lost_updates(api: Ask) -> None:
    added = api("POST", "/layer7/virtual-services", SERVICE)
    assert added.status == 201
    assert added.headers["location"] == f"{PREFIX}/layer7/virtual-services/OCS-Front-End"
    assert added["ports"] == [5060, 5061]
    read = api("GET", "/layer7/virtual-services/OCS-Front-End")
    assert read.headers["etag"] == added.headers["etag"]

    fresh = {"If-Match": read.headers["etag"]}
    changed = api("PATCH", "/layer7/settings", {"client_timeout_ms": "30m"}, headers=fresh)
    assert (changed.status, changed["client_timeout_ms"]) == (200, 1_800_000)
    stale = api("DELETE", "/layer7/virtual-services/OCS-Front-End", headers=fresh)
    assert stale.status == 412
    assert "is not the current one" in stale["detail"]
    assert api("DELETE", "/layer7/virtual-services/OCS-Front-End").status == 204
    assert [each["what"] for each in api("GET", "/history/cluster")["revisions"]][:3] == [
        "delete virtual service OCS-Front-End",
        "layer 7 settings",
        "add virtual service OCS-Front-End",
    ]


@pytest.mark.parametrize(
    ("request_line", "body", "status", "detail"),
    [
        ("POST /layer7/virtual-services", {**SERVICE, "ports": [70000]}, 422,
         "port 70000 of OCS-Front-End is not between 1 and 65535"),
        ("POST /layer7/virtual-services", {**SERVICE, "label": "web", "ports": [9443]}, 422,
         "port 9443 of web is used by the WebUI of this appliance; choose another port"),
        ("POST /layer7/virtual-services", {**SERVICE, "ip": "192.168.10.300"}, 422,
         "ip 192.168.10.300 of OCS-Front-End is not an IP address; write it such as"),
        ("POST /layer7/virtual-services", '{"label": ', 400, "the body is not JSON"),
        ("POST /layer7/virtual-services", b"\xff\xfe", 400, ""),
        ("PATCH /layer7/settings", {"client_timeout_ms": "soon"}, 422,
         "client_timeout_ms soon is not a duration"),
        ("PATCH /layer7/settings", {"timeout": 1}, 422, "timeout is not a known field; leave it out"),
        ("GET /layer7/virtual-services/none", None, 404, "there is no virtual service none"),
        ("GET /nothing", None, 404, "there is nothing at"),
        ("GET /no%0Athing", None, 404, "nothing matches the given uri; openapi.json lists"),
        ("TRACE /status", None, 405, "specified method is invalid for this resource; openapi.json"),
        ("PUT /config", " " * (2 * 1024 * 1024 + 1), 413, "the body is larger than 2097152 bytes"),
    ],
)  # fmt: skip
def test_bad_input_is_refused_in_one_sentence_and_changes_nothing(
    api: Ask, request_line: str, body: object, status: int, detail: str
) -> None:
    before = api("GET", "/config")
    refused = api(*request_line.split(), body)
    assert refused.status == status
    assert refused.headers["content-type"].startswith("application/problem+json")
    assert refused["status"] == status
    assert refused["detail"].startswith(detail)
    assert "\n" not in refused["detail"]
    after = api("GET", "/config")
    assert (after.headers["etag"], after.text) == (before.headers["etag"], before.text)


def test_duplicates_are_conflicts(api: Ask) -> None:
    api("POST", "/layer7/virtual-services", SERVICE)
    assert api("POST", "/layer7/virtual-services", SERVICE).status == 409
    shared = api("POST", "/layer7/virtual-services", {**SERVICE, "label": "other", "ports": [5061, 80]})
    assert (shared.status, shared["detail"]) == (
        409,
        "port 5061 on 192.168.10.30 of other is taken by OCS-Front-End; choose another address or port",
    )


def test_nothing_is_told_without_a_login(ask: Ask, api: Ask) -> None:
    anonymous = ask("GET", f"{PREFIX}/config")
    assert (anonymous.status, anonymous.headers["www-authenticate"][:5]) == (401, "Basic")
    wrong = api("GET", "/config", basic=f"{USER}:wrong")
    unknown = api("GET", "/config", basic="nobody:wrong")
    assert (wrong.status, wrong.text) == (unknown.status, unknown.text) == (401, unknown.text)
    assert ask("GET", f"{PREFIX}/config", token="made-up").status == 401
    # The web process speaks for remote clients; a client can't pass itself off as something else.
    assert ask("GET", f"{PREFIX}/config", headers={"x-lbadmin-client": "127.0.0.1"}).status == 401


def test_guessing_is_slowed_down_and_does_not_lock_out_who_is_in(ask: Ask, api: Ask) -> None:
    token = ask("POST", f"{PREFIX}/session", {"user": USER, "password": PASSWORD})["token"]
    statuses = [api("GET", "/config", basic=f"{USER}:guess{number}").status for number in range(7)]
    assert statuses[:5] == [401] * 5
    assert statuses[-1] == 429
    refused = api("GET", "/config", basic=f"{USER}:guess")
    assert int(refused.headers["retry-after"]) >= 1
    assert ask("GET", f"{PREFIX}/config", token=token).status == 200


def test_a_new_password_ends_sessions_and_is_never_told(ask: Ask, api: Ask, appliance: Appliance) -> None:
    token = ask("POST", f"{PREFIX}/session", {"user": USER, "password": PASSWORD})["token"]
    path = f"/users/{USER}/password"
    assert api("PUT", path, {"current": "wrong-one", "new": "correct horse"}).status == 403
    short = api("PUT", path, {"current": PASSWORD, "new": "s3cret"})
    assert short.status == 422
    assert "s3cret" not in short.text
    for wrong in ({"new": "s3cret", "curent": "s3cret"}, ["s3cret"], '"s3cret"', {"current": {"s3cret": 1}}):
        refused = api("PUT", path, wrong)
        assert refused.status == 422
        assert "s3cret" not in refused.text
    assert api("PUT", path, {"current": PASSWORD, "new": "correct horse"}).status == 204
    assert ask("GET", f"{PREFIX}/status", token=token).status == 401
    assert api("GET", "/status").status == 401
    assert api("GET", "/status", basic=f"{USER}:correct horse")["node"]["factory_password"] is False
    stored = [path.read_text() for path in (appliance.root / "var/lib/lbadmin/access").iterdir()]
    assert stored
    assert not any("correct horse" in text for text in stored)


def test_the_description_names_every_operation_and_its_problems(ask: Ask) -> None:
    description = ask("GET", f"{PREFIX}/openapi.json")
    operations = [each for path in description["paths"].values() for each in path.values()]
    assert len({each["operationId"] for each in operations}) == len(operations) >= 20
    for each in operations:
        assert each["summary"]
        assert "application/problem+json" in each["responses"]["422"]["content"]


def test_a_person_logs_in_sees_the_overview_and_logs_out(ask: Ask, api: Ask) -> None:
    real_servers = [{"label": "FE-1", "ip": "192.168.10.31"}]
    api("POST", "/layer7/virtual-services", {**SERVICE, "real_servers": real_servers})
    assert ask("GET", "/").headers["location"] == "/lbadmin/"
    assert ask("GET", "/lbadmin/").headers["location"] == "/lbadmin/login"
    form = f"user={USER}&password={PASSWORD}"
    wrong = ask("POST", "/lbadmin/login", "user=%3Cb%3E&password=x", headers=FORM)
    assert wrong.status == 401
    assert "<b>" not in wrong.text
    foreign = ask("POST", "/lbadmin/login", form, headers={**FORM, "Sec-Fetch-Site": "cross-site"})
    assert foreign.status == 403
    entered = ask("POST", "/lbadmin/login", form, headers=FORM)
    assert entered.status == 303
    cookie = entered.headers["set-cookie"]
    assert cookie.startswith("__Host-lbadmin=")
    assert all(part in cookie.lower() for part in ("; secure", "; httponly", "; samesite=strict", "; path=/"))

    session = {"Cookie": cookie.partition(";")[0]}
    page = ask("GET", "/lbadmin/", headers=session)
    assert page.status == 200
    for shown in ("OCS-Front-End", "192.168.10.30", "FE-1", "factory password"):
        assert shown in page.text
    assert page.headers["content-security-policy"].startswith("default-src 'none'; ")
    assert "unsafe" not in page.headers["content-security-policy"]
    assert ask("GET", "/lbadmin/static/lbadmin.css").headers["content-type"].startswith("text/css")
    assert ask("GET", f"{PREFIX}/config", headers=session).status == 401, "a cookie opens no REST API"

    assert ask("POST", "/lbadmin/logout", "", headers={**FORM, **session}).status == 303
    assert ask("GET", "/lbadmin/", headers=session).headers["location"] == "/lbadmin/login"


def test_without_lbadmind_the_website_says_so(ask: Ask, daemon: str) -> None:
    Path(daemon).unlink()
    page = ask("GET", "/lbadmin/", headers={"Cookie": f"__Host-lbadmin={'t' * 43}"})
    assert page.status == 503
    assert "does not answer" in page.text
    answer = ask("GET", f"{PREFIX}/status")
    assert (answer.status, answer["title"]) == (503, "Service Unavailable")
