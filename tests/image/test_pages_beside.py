"""The pages beside layer 7: what they ask, show, refuse and give away, before the daemons that ship."""

import html
import re
import subprocess
from pathlib import Path

import pytest

from lbadmin.client import Client
from lbadmin.reset import MARKER
from lbadmin.web.views.logs import MAX_SHOWN
from tests.image.conftest import Appliance, Say
from tests.image.servers import wait_until
from tests.image.visiting import USER, Arrive, Visitor, admin, arrive, lbadmin

__all__ = ["admin", "arrive", "lbadmin"]

PASSPHRASE = "known to one"


def error_at(page: str, field: str) -> str:
    """Return the error that stands at a field."""
    name = field.replace(".", "-")
    found = re.search(rf'<p class="error" id="f-{name}-error"[^>]*>([^<]*)', page)
    assert found is not None, f"no error at {field}"
    return html.unescape(found[1])


@pytest.fixture
def pkcs12(tmp_path: Path) -> bytes:
    """A certificate with its key, as an authority's web page or Windows exports it."""
    key, certificate, both = (str(tmp_path / name) for name in ("key.pem", "cert.pem", "both.p12"))
    for command in (
        ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate,
         "-subj", "/CN=pool.example.com", "-days", "20"],
        ["pkcs12", "-export", "-inkey", key, "-in", certificate, "-out", both,
         "-passout", f"pass:{PASSPHRASE}"],
    ):  # fmt: skip
        subprocess.run(["openssl", *command], check=True, capture_output=True)
    return Path(both).read_bytes()


def test_an_interface_gets_addresses_and_one_that_is_not_used_stays_out(
    admin: Visitor, lbadmin: Client
) -> None:
    page = "/lbadmin/local/interfaces"
    # The machine of the test has eth0, which is configured, and wire.
    wrong = admin.fill(page, interfaces__0="192.168.2.21/24", interfaces__1="192.168.10.21/24\n192.168.10.22")
    assert wrong.status_code == 422
    assert error_at(wrong.text, "interfaces.1").startswith(
        "Address 192.168.10.22 of wire is not an IP address"
    )
    assert "192.168.10.21/24\n192.168.10.22" in wrong.text
    assert admin.fill(page, interfaces__0="192.168.2.21/24 192.168.3.21/24").status_code == 303
    assert [(each["name"], each["addresses"]) for each in lbadmin.call("GET", "/node")["interfaces"]] == [
        ("eth0", ["192.168.2.21/24", "192.168.3.21/24"])
    ]
    assert admin.fill(page, interfaces__1="192.168.10.21/24").status_code == 303
    assert [each["name"] for each in lbadmin.call("GET", "/node")["interfaces"]] == ["eth0", "wire"]


def test_bonds_and_vlans_are_added_changed_and_removed(admin: Visitor, lbadmin: Client) -> None:
    page = "/lbadmin/local/interfaces"
    wrong = admin.fill(f"{page}/add-vlan", name="vlan20", vlan__parent="eth0", vlan__id="5000")
    assert error_at(wrong.text, "vlan.id") == "VLAN ID 5000 of vlan20 is not between 1 and 4094."
    wrong = admin.fill(f"{page}/add-bond", name="bond0", bond__members="wire wire")
    assert error_at(wrong.text, "bond.members").startswith("Interface wire of bond0 is twice in it;")
    made = admin.fill(f"{page}/add-bond", name="bond0", bond__members="wire", addresses="192.168.10.21/24")
    assert made.headers["location"] == page
    fields = {"name": "vlan20", "vlan__parent": "bond0", "vlan__id": "20", "addresses": "192.168.20.21/24"}
    assert admin.fill(f"{page}/add-vlan", **fields).status_code == 303
    wrong = admin.fill(f"{page}/add-vlan", **fields)
    assert "is there twice" in error_at(wrong.text, "name")
    wrong = admin.fill(f"{page}/of/vlan20", mtu="9000")
    assert error_at(wrong.text, "mtu").startswith("MTU 9000 of vlan20 is above the 1500 of bond0")
    assert admin.fill(f"{page}/of/bond0", mtu="9000", bond__mode="802.3ad").status_code == 303
    shown = admin.get(page)
    for text in ("802.3ad: wire", "VLAN 20 on bond0", "in bond0", "not there"):
        assert text in shown
    assert "Keep the change" in shown
    assert {each["name"] for each in lbadmin.call("GET", "/node")["interfaces"]} == {
        "eth0", "wire", "bond0", "vlan20",
    }  # fmt: skip
    assert admin.fill(f"{page}/of/vlan20/remove").status_code == 303
    assert admin.fill(f"{page}/of/bond0/remove").status_code == 303
    left = {each["name"]: each["addresses"] for each in lbadmin.call("GET", "/node")["interfaces"]}
    assert left == {"eth0": ["192.168.2.21/24"], "wire": ["192.168.10.21/24"]}


def test_routes_are_typed_a_line_each(admin: Visitor, lbadmin: Client) -> None:
    page = "/lbadmin/local/routing"
    wrong = admin.fill(page, routes="10.0.0.0/8 via 192.168.2.254\n10.0.0.0 by 192.168.2.254")
    assert error_at(wrong.text, "routes").startswith("Route 10.0.0.0 by 192.168.2.254 is not a route;")
    lines = "10.0.0.0/8 via 192.168.2.254\ndefault via 192.168.2.253 from 172.16.0.0/12"
    assert admin.fill(page, routes=lines).status_code == 303
    assert lbadmin.call("GET", "/node")["routes"] == [
        {"destination": "10.0.0.0/8", "gateway": "192.168.2.254", "source": None},
        {"destination": "0.0.0.0/0", "gateway": "192.168.2.253", "source": "172.16.0.0/12"},
    ]
    assert lines in admin.get(page)
    assert "Keep the change" in admin.get(page)


def test_names_and_gateway_are_refused_and_taken_at_their_fields(admin: Visitor, lbadmin: Client) -> None:
    wrong = admin.fill("/lbadmin/local/hostname", hostname="lb_1", dns="192.168.2.1, nowhere")
    assert error_at(wrong.text, "hostname").startswith("Hostname lb_1 is not a host name")
    assert error_at(wrong.text, "dns").startswith("Name server nowhere is not an IP address")
    assert (
        admin.fill("/lbadmin/local/hostname", hostname="lb1", dns="192.168.2.1\n192.168.2.2").status_code
        == 303
    )
    assert error_at(admin.fill("/lbadmin/local/routing", gateway="10.0.0.1").text, "gateway")
    assert admin.fill("/lbadmin/local/routing", gateway="192.168.2.1").status_code == 303
    node = lbadmin.call("GET", "/node")
    assert (node["hostname"], node["gateway"]) == ("lb1", "192.168.2.1")
    assert node["dns"] == ["192.168.2.1", "192.168.2.2"]


def test_a_certificate_is_uploaded_requested_anew_and_warned_of(
    admin: Visitor, lbadmin: Client, pkcs12: bytes
) -> None:
    page = "/lbadmin/certificates/upload"
    typed = {"label": "pool", "passphrase": "guessed wrong"}
    wrong = admin.upload(page, "content", pkcs12, **typed)
    assert error_at(wrong.text, "passphrase").startswith("Passphrase is not right")
    assert "guessed wrong" not in wrong.text
    made = admin.upload(page, "content", pkcs12, label="pool", passphrase=PASSPHRASE)
    assert made.headers["location"] == "/lbadmin/certificates/of/pool"
    assert "19 days left" in admin.get("/lbadmin/certificates")

    request = admin.fill(f"{made.headers['location']}/request", action="download")
    assert request.headers["content-disposition"] == 'attachment; filename="pool.csr"'
    assert request.text.startswith("-----BEGIN CERTIFICATE REQUEST-----")
    other = lbadmin.call(
        "POST", "/layer7/certificates/self-signed", {"label": "other", "common_name": "a.example"}
    )
    foreign = admin.fill(f"{made.headers['location']}/signed", chain=other["chain"])
    assert "fits the private key" in error_at(foreign.text, "chain")

    service = {"label": "web", "ip": "192.168.10.40", "ports": "443", "tls_certificate": "pool"}
    lbadmin.call("POST", "/layer7/virtual-services", service)
    refused = admin.fill("/lbadmin/certificates/of/pool/delete")
    assert (refused.status_code, "is used by web" in refused.text) == (422, True)


def test_blank_rows_of_a_template_are_left_out_and_errors_stand_at_the_row_that_is_meant(
    admin: Visitor, lbadmin: Client
) -> None:
    page = "/lbadmin/templates/ocs-front-end"
    assert "No Front End is named" in error_at(admin.fill(page, ip="192.168.10.30", action="review").text,
                                               "real_servers.0.label")  # fmt: skip
    more = admin.fill(page, ip="192.168.10.30", action="add").text
    wrong = admin.fill(
        page,
        shown=more,
        action="review",
        real_servers__0__label="FE-1",
        real_servers__0__ip="192.168.10.31",
        real_servers__2__label="FE-2",
        real_servers__2__ip="192.168.10.332",
    )
    # The blank row in between has moved to the end.
    assert "192.168.10.332" in error_at(wrong.text, "real_servers.1.ip")
    review = admin.fill(page, shown=wrong.text, action="review", real_servers__1__ip="192.168.10.32").text
    assert "FE-2: 192.168.10.32" in review
    assert lbadmin.call("GET", "/config")["virtual_services"] == []
    assert admin.fill(page, shown=review, action="apply").status_code == 303
    (made,) = lbadmin.call("GET", "/config")["virtual_services"]
    assert [each["label"] for each in made["real_servers"]] == ["FE-1", "FE-2"]


def test_a_template_balances_at_layer_4_when_that_is_chosen(admin: Visitor, lbadmin: Client) -> None:
    page = "/lbadmin/templates/ocs-front-end"
    typed = {"ip": "192.168.10.30", "real_servers__0__label": "FE-1", "real_servers__0__ip": "192.168.10.31"}
    review = admin.fill(page, action="review", method="layer4_snat", **typed).text
    assert "layer 4, SNAT" in review
    done = admin.fill(page, shown=review, action="apply")
    assert (done.status_code, done.headers["location"]) == (303, "/lbadmin/layer4/services")
    (made,) = lbadmin.call("GET", "/config")["layer4_services"]
    assert (made["label"], made["forwarding"]) == ("OCS-Front-End", "snat")


def test_a_template_is_reviewed_again_when_the_configuration_has_changed(
    admin: Visitor, lbadmin: Client
) -> None:
    page = "/lbadmin/templates/ocs-front-end"
    typed = {"ip": "192.168.10.30", "real_servers__0__label": "FE-1", "real_servers__0__ip": "192.168.10.31"}
    review = admin.fill(page, action="review", **typed).text
    lbadmin.call("PATCH", "/layer7/settings", {"client_timeout_ms": "1h"})
    again = admin.fill(page, shown=review, action="apply")
    assert "Somebody else has changed the configuration" in again.text
    assert "3600000" in again.text
    assert lbadmin.call("GET", "/config")["virtual_services"] == []
    assert admin.fill(page, shown=again.text, action="apply").status_code == 303


def test_the_statistics_are_framed_by_our_own_page_alone(admin: Visitor) -> None:
    assert 'src="/lbadmin/reports/layer7/haproxy"' in admin.get("/lbadmin/reports/layer7")
    framed = admin.http.get("/lbadmin/reports/layer7/haproxy")
    assert "Statistics Report" in framed.text
    assert framed.headers["x-frame-options"] == "SAMEORIGIN"
    policy = framed.headers["content-security-policy"]
    assert "frame-ancestors 'self'" in policy
    assert "style-src 'sha256-" in policy
    assert "script-src" not in policy


def test_the_log_grows_by_what_is_new_and_begins_anew_when_it_is_long(admin: Visitor, say: Say) -> None:
    page = "/lbadmin/logs?text=hello"
    say("haproxy", "hello once")
    wait_until(lambda: "hello once" in admin.get(page), what="the first line")
    following = re.search(r'hx-get="([^"]*tail[^"]*)"', admin.get(page))
    assert following is not None
    tail = html.unescape(following[1])
    assert admin.http.get(tail).status_code == 204
    say("haproxy", "hello <again>")
    wait_until(lambda: admin.http.get(tail).status_code == 200, what="the second line")
    grown = admin.http.get(tail)
    assert "hello &lt;again&gt;" in grown.text
    assert "hello once" not in grown.text
    assert "hx-reswap" not in grown.headers
    anew = admin.http.get(tail.replace("shown=1", f"shown={MAX_SHOWN}"))
    assert anew.headers["hx-reswap"] == "innerHTML"
    assert "hello once" in anew.text


def test_a_new_password_ends_other_sessions_and_not_this_one(admin: Visitor, arrive: Arrive) -> None:
    other = arrive()
    other.login()
    page = "/lbadmin/maintenance/passwords"
    differ = admin.fill(page, current=USER, new="correct horse", repeat="correct house")
    assert "differ" in error_at(differ.text, "repeat")
    assert "correct ho" not in differ.text
    wrong = admin.fill(page, current="not it", new="correct horse", repeat="correct horse")
    assert error_at(wrong.text, "current").startswith("Current password is not right")
    assert admin.fill(page, current=USER, new="correct horse", repeat="correct horse").status_code == 303
    assert "The password was changed" in admin.get("/lbadmin/")
    assert other.http.get("/lbadmin/").headers["location"].startswith("/lbadmin/login")


def test_a_password_reset_at_the_console_is_told_until_somebody_takes_note(
    admin: Visitor, appliance: Appliance
) -> None:
    (appliance.system.state / "password-reset.json").write_text('{"when": "2026-11-23T18:40:00+00:00"}')
    page = admin.get("/lbadmin/")
    assert "The password was reset at the console on 2026-11-23 at 18:40 UTC" in page
    form = page[page.index('action="/lbadmin/maintenance/reset-noted"') :]
    token = re.search(r'name="csrf" value="([^"]*)"', form)
    assert token is not None
    admin.http.post("/lbadmin/maintenance/reset-noted", data={"csrf": token[1]})
    assert "was reset at the console" not in admin.get("/lbadmin/")


def test_the_machine_is_restarted_only_after_asking(admin: Visitor, appliance: Appliance) -> None:
    page = "/lbadmin/maintenance/system/reboot"
    assert "All connections end" in admin.get(page)
    assert ["systemctl", "reboot"] not in appliance.commands
    assert "The appliance restarts" in admin.fill(page).text
    assert appliance.commands[-1] == ["systemctl", "reboot"]


def test_a_factory_reset_takes_the_word(admin: Visitor, appliance: Appliance) -> None:
    page = "/lbadmin/maintenance/factory-reset"
    marker = appliance.root / "var/lib/lbadmin" / MARKER
    assert "nothing was changed" in error_at(admin.fill(page, confirm="yes").text, "confirm")
    assert not marker.exists()
    assert "factory state" in admin.fill(page, confirm="reset").text
    assert marker.exists()


def test_a_restore_that_was_reviewed_is_done_and_one_of_a_foreign_file_refused(
    admin: Visitor, lbadmin: Client
) -> None:
    service = {"label": "web", "ip": "192.168.10.40", "ports": "443"}
    lbadmin.call("POST", "/layer7/virtual-services", service)
    saved = admin.http.get("/lbadmin/maintenance/backup/download")
    assert saved.headers["content-disposition"].startswith('attachment; filename="lbva-')
    lbadmin.call("DELETE", "/layer7/virtual-services/web")

    form = admin.get("/lbadmin/maintenance/backup")
    preview = "/lbadmin/maintenance/backup/preview"
    foreign = admin.upload(preview, "backup", b'{"not": "ours"}', shown=form)
    assert error_at(foreign.text, "backup").startswith("Backup File is not one of this appliance")
    shown = admin.upload(preview, "backup", saved.content, shown=form).text
    assert "+      &#34;label&#34;: &#34;web&#34;," in shown
    assert lbadmin.call("GET", "/config")["virtual_services"] == []
    assert admin.fill("/lbadmin/maintenance/backup/restore", shown=shown).status_code == 303
    assert [each["label"] for each in lbadmin.call("GET", "/config")["virtual_services"]] == ["web"]


def test_the_support_file_is_a_download(admin: Visitor) -> None:
    answer = admin.http.get("/lbadmin/support/download")
    assert answer.headers["content-disposition"].startswith('attachment; filename="lbva-support-')
    assert answer.content[:2] == b"\x1f\x8b"


def test_a_script_is_added_from_the_sample_and_changed(admin: Visitor, lbadmin: Client) -> None:
    assert admin.fill("/lbadmin/check-scripts/add", label="pool").status_code == 303
    assert lbadmin.call("GET", "/layer7/check-scripts/pool")["text"].startswith("#!/bin/bash\n")
    page = "/lbadmin/check-scripts/of/pool"
    assert "is not a script" in error_at(admin.fill(page, text="echo").text, "text")
    assert admin.fill(page, text="#!/bin/sh\nexit 1\n").status_code == 303
    assert lbadmin.call("GET", "/layer7/check-scripts/pool")["text"] == "#!/bin/sh\nexit 1\n"
