"""An appliance whose trial has ended: what goes on, what is refused, and how a licence mends it."""

import html
import io
import json
import sys
import time

import pytest

from lbadmin.cli import main
from lbadmin.client import Client
from lbadmin.errors import LbadminError
from lbadmin.licensing.licensing import Licensing
from lbadmin.licensing.trial import RECORD
from lbadmin.reset import carry_out, request_reset
from tests.image.asking import Ask, api, ask
from tests.image.conftest import Appliance
from tests.image.visiting import Visitor, admin, arrive, lbadmin
from tests.licences import OTHER, SAID, signed, trust_vendor

__all__ = ["admin", "api", "arrive", "ask", "lbadmin"]

SERVICE = {"label": "OCS-Front-End", "ip": "192.168.10.30", "ports": "5060,5061"}
LICENCE = "/lbadmin/local/licence"
DAYS_S = 31 * 86400.0


@pytest.fixture(autouse=True)
def used_up(appliance: Appliance) -> None:
    """The trial of the appliance ended yesterday."""
    trust_vendor(appliance.system)
    record = appliance.system.path(RECORD)
    record.parent.mkdir(parents=True)
    record.write_text(json.dumps({"used_s": DAYS_S, "wall": time.time(), "running": 0.0, "boot": "another"}))


def test_changes_are_refused_with_the_way_out_and_everything_else_goes_on(
    appliance: Appliance, api: Ask
) -> None:
    refused = api("POST", "/layer7/virtual-services", SERVICE)
    assert refused.status == 403
    assert refused["detail"] == (
        "the trial has ended and there is no licence: balancing goes on, the configuration can't be changed; "
        "apply a licence under Local Configuration, License Key"
    )
    for method, path, body in (
        ("PATCH", "/layer7/settings", {"client_timeout_ms": "30m"}),
        ("PATCH", "/node", {"hostname": "other"}),
        ("POST", "/history/cluster/1/restore", None),
        ("POST", "/pair", {"local_ip": "192.168.2.21", "peer_ip": "192.168.2.22", "password": "x" * 12}),
    ):
        assert api(method, path, body).status == 403, path
    assert appliance.haproxy.is_running(), "balancing goes on"
    assert api("GET", "/status").status == 200
    assert api("GET", "/backup").status == 200
    assert api("POST", "/services/haproxy/reload").status in {200, 204}
    assert api("POST", "/system/shutdown").status == 202
    assert appliance.commands[-1] == ["systemctl", "poweroff"]


def test_a_licence_mends_it_at_once(api: Ask) -> None:
    status = api("GET", "/licence")
    assert (status["state"], status["days_left"], status["problem"]) == ("ended", 0, None)
    for text in (signed(SAID, OTHER), signed({**SAID, "expires": "2020-01-01"}), signed(SAID)[:100]):
        refused = api("PUT", "/licence", {"licence": text})
        assert (refused.status, refused["errors"][0]["field"]) == (422, "licence")
        assert "Traceback" not in refused.text
    applied = api("PUT", "/licence", {"licence": json.loads(signed({**SAID, "expires": ""}))})
    assert (applied.status, applied["state"], applied["customer"]) == (200, "licensed", "Example Bank")
    assert api("POST", "/layer7/virtual-services", SERVICE).status == 201


def test_the_page_tells_it_takes_the_file_and_tells_what_is_wrong_with_another(
    admin: Visitor, lbadmin: Client
) -> None:
    assert "The trial has ended: balancing goes on" in html.unescape(admin.get("/lbadmin/"))
    refused = admin.fill("/lbadmin/layer7/services/add", label="OCS", ip="192.168.10.30", ports="5060")
    assert refused.status_code == 403
    assert "apply a licence" in refused.text
    wrong = admin.upload(LICENCE, "licence", signed(SAID, OTHER).encode())
    assert wrong.status_code == 422
    assert "not signed by the vendor of this appliance" in wrong.text
    assert admin.fill(LICENCE).status_code == 422
    taken = admin.upload(
        LICENCE, "licence", signed({**SAID, "customer": "<b>Bank</b>", "expires": ""}).encode()
    )
    assert taken.status_code == 303
    page = admin.get(LICENCE)
    assert "&lt;b&gt;Bank&lt;/b&gt;" in page
    assert "none: it does not end" in page
    assert "The trial has ended" not in page
    lbadmin.call("POST", "/layer7/virtual-services", SERVICE)


def test_lbcli_says_it_in_one_line_and_applies_the_file(
    daemon: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LBADMIN_SOCKET", daemon)
    assert main(["settings", "--client-timeout", "30m"]) == 1
    assert capfd.readouterr().err.startswith("lbcli: the trial has ended and there is no licence")
    for text, status in ((signed(SAID)[:50], 1), (signed({**SAID, "expires": ""}), 0)):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
        assert main(["apply-licence", "-"]) == status
    assert capfd.readouterr().err.startswith("lbcli: the licence key file is damaged or not whole")
    assert main(["settings", "--client-timeout", "30m"]) == 0


def test_neither_a_factory_reset_nor_a_restore_gives_another_trial(
    appliance: Appliance, lbadmin: Client
) -> None:
    backup = lbadmin.call("GET", "/backup")
    with pytest.raises(LbadminError, match="the trial has ended"):
        lbadmin.call("POST", "/backup/restore", {"backup": backup})
    request_reset(appliance.system, "loadbalancer")
    carry_out(appliance.system)
    assert not (appliance.system.state / "cluster").exists()
    assert Licensing(appliance.system).status().state == "ended"
