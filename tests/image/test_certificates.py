"""Certificates over REST, by the shipped openssl: made, imported in all forms, renewed, refused."""

import base64
import re
import socket
import ssl
import subprocess
from pathlib import Path
from typing import Any

import pytest

from lbadmin.client import Answer, Client
from tests.image.conftest import ROOTFS, Appliance
from tests.image.servers import FrontEnd, wait_until

PASSPHRASE = "geheimnis-47"
CERTIFICATES = "/layer7/certificates"


class Authority:
    """A root, an intermediate authority and a server's certificate, made by openssl in a folder."""

    def __init__(self, appliance: Appliance) -> None:
        self._appliance = appliance
        self.folder = appliance.root / "run/authority"
        self.folder.mkdir()
        (self.folder / "ca.ext").write_text("basicConstraints=critical,CA:TRUE\n")
        (self.folder / "leaf.ext").write_text("subjectAltName=DNS:ocs.example.com\n")
        self.openssl(
            "req -x509 -nodes -newkey rsa:2048 -days 30 -subj /CN=Root -keyout root.key -out root.pem"
        )
        self._signed("middle", "Middle", "root", "ca.ext")
        self._signed("leaf", "ocs.example.com", "middle", "leaf.ext")

    def _signed(self, name: str, subject: str, issuer: str, extensions: str) -> None:
        self.openssl(
            f"req -new -nodes -newkey rsa:2048 -subj /CN={subject} -keyout {name}.key -out {name}.csr"
        )
        self.sign(name, issuer, extensions)

    def sign(self, name: str, issuer: str, extensions: str) -> str:
        self.openssl(
            f"x509 -req -in {name}.csr -CA {issuer}.pem -CAkey {issuer}.key -days 20 -extfile {extensions} "
            f"-out {name}.pem"
        )
        return self.text(f"{name}.pem")

    def openssl(self, line: str) -> None:
        words = [self._placed(word) for word in line.split()]
        result = self._appliance.system.run(["openssl", *words])
        assert result.status == 0, result.output

    @staticmethod
    def _placed(word: str) -> str:
        return f"/run/authority/{word}" if re.fullmatch(r"[a-z-]+\.(pem|key|csr|ext|p12)", word) else word

    def text(self, *names: str) -> str:
        return "".join((self.folder / name).read_text() for name in names)


@pytest.fixture
def authority(appliance: Appliance) -> Authority:
    return Authority(appliance)


@pytest.fixture
def client(daemon: str) -> Client:
    return Client(daemon)


def imported(client: Client, content: str | bytes, **fields: Any) -> Answer:  # noqa: ANN401 - any value
    data = content.encode() if isinstance(content, str) else content
    body = {"label": "ocs", "content": base64.b64encode(data).decode(), **fields}
    return client.request("POST", f"{CERTIFICATES}/import", body)


def said_by_openssl(certificate: str) -> str:
    """Return what the shipped openssl says about a certificate or request, as a check on our own reading."""
    kind = "req" if "REQUEST" in certificate else "x509"
    command = ["chroot", str(ROOTFS), "openssl", kind, "-noout", "-text"]
    return subprocess.run(command, input=certificate, check=True, capture_output=True, text=True).stdout


def stored_keys(appliance: Appliance) -> list[Path]:
    return list((appliance.root / "var/lib/lbadmin/keys").glob("*"))


def test_a_self_signed_certificate_becomes_a_signed_one(
    client: Client, appliance: Appliance, authority: Authority
) -> None:
    made = client.request(
        "POST",
        f"{CERTIFICATES}/self-signed",
        {"label": "ocs", "common_name": "ocs.example.com", "names": ["*.example.com", "192.168.10.30"],
         "organisation": "A/B + Co, Ltd=x", "country": "GB", "days": 30},
    )  # fmt: skip
    assert (made.status, made.headers["location"]) == (201, f"/lbadmin/api/v1{CERTIFICATES}/ocs")
    assert made.body["names"] == ["ocs.example.com", "*.example.com", "192.168.10.30"]
    assert (made.body["self_signed"], made.body["expires_in_days"], made.body["used_by"]) == (True, 29, [])
    assert made.body["subject"] == "CN=ocs.example.com,O=A/B \\+ Co\\, Ltd=x,C=GB"
    assert "CA:FALSE" in said_by_openssl(made.body["chain"])
    (key,) = stored_keys(appliance)
    assert (oct(key.stat().st_mode)[-3:], oct(key.parent.stat().st_mode)[-3:]) == ("600", "700")

    request = client.call("POST", f"{CERTIFICATES}/ocs/csr")["csr"]
    assert "DNS:ocs.example.com, DNS:*.example.com, IP Address:192.168.10.30" in said_by_openssl(request)
    (authority.folder / "ours.csr").write_text(request)
    signed = authority.sign("ours", "middle", "leaf.ext") + authority.text("middle.pem")
    renewed = client.call("PUT", f"{CERTIFICATES}/ocs/chain", {"chain": signed})
    assert (renewed["issuer"], renewed["self_signed"]) == ("CN=Middle", False)
    assert renewed["chain"].count("BEGIN CERTIFICATE") == 2
    assert client.call("GET", CERTIFICATES)["certificates"] == [renewed]


def test_a_request_can_be_for_another_name(client: Client) -> None:
    client.call("POST", f"{CERTIFICATES}/self-signed", {"label": "ocs", "common_name": "old.example.com"})
    request = client.call("POST", f"{CERTIFICATES}/ocs/csr", {"common_name": "new.example.com"})["csr"]
    assert "Subject: CN=new.example.com" in said_by_openssl(request)
    assert "DNS:new.example.com" in said_by_openssl(request)


@pytest.mark.parametrize("order", [("leaf.pem", "middle.pem", "root.pem", "leaf.key"),
                                   ("leaf.key", "root.pem", "middle.pem", "leaf.pem")])  # fmt: skip
def test_a_pem_file_is_imported_in_any_order(
    client: Client, authority: Authority, order: tuple[str, ...]
) -> None:
    answer = imported(client, authority.text(*order))
    assert answer.status == 201
    assert answer.body["chain"] == authority.text("leaf.pem", "middle.pem", "root.pem")
    assert "PRIVATE KEY" not in str(client.call("GET", "/config"))


@pytest.mark.parametrize("options", ["", "-legacy", "-keypbe NONE -certpbe NONE"])
def test_a_pkcs12_file_is_imported_also_from_an_old_windows(
    client: Client, authority: Authority, appliance: Appliance, options: str
) -> None:
    authority.openssl(
        f"pkcs12 -export {options} -in leaf.pem -inkey leaf.key -certfile middle.pem "
        f"-passout pass:{PASSPHRASE} -out ocs.p12"
    )
    content = (authority.folder / "ocs.p12").read_bytes()
    wrong = imported(client, content, passphrase="guess-me")
    assert (wrong.status, wrong.body["errors"]) == (
        422,
        [{
            "field": "passphrase",
            "value": None,
            "message": "passphrase is not right; the file can't be decrypted with it",
        }],
    )  # fmt: skip
    assert stored_keys(appliance) == []
    assert imported(client, content, passphrase=PASSPHRASE).body["subject"] == "CN=ocs.example.com"


def test_no_secret_is_ever_an_argument_or_left_behind(
    client: Client, authority: Authority, appliance: Appliance
) -> None:
    authority.openssl(f"pkey -in leaf.key -aes256 -passout pass:{PASSPHRASE} -out locked.key")
    appliance.commands.clear()
    assert imported(client, authority.text("leaf.pem", "locked.key"), passphrase=PASSPHRASE).status == 201
    assert any(command[0] == "openssl" for command in appliance.commands)
    assert PASSPHRASE not in str(appliance.commands)
    assert list((appliance.root / "run/lbadmin-work").iterdir()) == []


def test_what_can_not_be_used_is_refused_in_one_sentence(client: Client, authority: Authority) -> None:
    authority.openssl(f"pkey -in leaf.key -aes256 -passout pass:{PASSPHRASE} -out locked.key")
    authority.openssl("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out other.key")
    text = authority.text
    leaf, key = text("leaf.pem"), text("leaf.key")
    stray = (
        "content holds CN=Root, which is not in the chain of CN=ocs.example.com; "
        "remove it, or add the certificates between them"
    )
    neither = (
        "content is neither a PEM nor a whole PKCS#12 file; "
        "export the certificate with its private key in one of these forms"
    )
    unfit = "content holds no certificate that fits the private key, only CN=ocs.example.com; give it"
    large = "content is larger than 256 KiB; give the certificate, its chain and its key"
    broken = "content holds a private key that can't be read; export it again"
    wrong = "passphrase is not right; the private key can't be decrypted with it"
    missing = "passphrase is missing; the private key is encrypted, give its passphrase"
    for content, passphrase, sentence in (
        (leaf, None, "content holds no private key; give the certificate and its one key in it"),
        (key, None, "content holds no certificate; give the server's in PEM or PKCS#12 form"),
        (leaf + key + text("middle.key"), None,
         "content holds 2 private keys; give the certificate and its one key in it"),
        (leaf + text("other.key"), None, unfit),
        (leaf + key + text("root.pem"), None, stray),
        (leaf + text("locked.key"), None, missing),
        (leaf + text("locked.key"), "guess-me", wrong),
        (leaf.replace(leaf[60:100], "A" * 40) + key, None,
         "content holds a certificate that can't be read; export it again"),
        (leaf + key[:60] + "\n-----END PRIVATE KEY-----\n", None, broken),
        ("hello", None, neither),
        (leaf + key + "x" * 256 * 1024, None, large),
    ):  # fmt: skip
        answer = imported(client, content, passphrase=passphrase)
        assert (answer.status, answer.body["detail"]) == (422, sentence)
        assert "guess-me" not in str(answer.body)
    assert client.call("GET", CERTIFICATES) == {"certificates": []}


def test_bad_names_are_told_at_their_field(client: Client) -> None:
    for field, value, sentence in (
        (
            "common_name",
            "not a name",
            "common_name not a name of ocs is neither a DNS name nor an IP address",
        ),
        ("names", ["fe80::1%x,DNS:evil"], "item of names fe80::1%x,DNS:evil of ocs is neither a DNS name"),
        ("country", "gb", "country gb of ocs is not a country's code; write its two capital letters"),
        ("days", 36500, "days 36500 of ocs is not at most 3650"),
    ):
        body = {"label": "ocs", "common_name": "ocs.example.com", field: value}
        answer = client.request("POST", f"{CERTIFICATES}/self-signed", body)
        assert answer.status == 422
        assert answer.body["detail"].startswith(sentence)
        assert answer.body["errors"][0]["field"].split(".")[0] == field


def test_a_chain_for_another_key_is_refused(client: Client, authority: Authority) -> None:
    client.call("POST", f"{CERTIFICATES}/self-signed", {"label": "ocs", "common_name": "ocs.example.com"})
    answer = client.request("PUT", f"{CERTIFICATES}/ocs/chain", {"chain": authority.text("leaf.pem")})
    assert (answer.status, answer.body["detail"]) == (
        422,
        "chain holds no certificate that fits the private key, only CN=ocs.example.com; give it",
    )
    pasted = client.request("PUT", f"{CERTIFICATES}/ocs/chain", {"chain": authority.text("leaf.key")})
    assert pasted.status == 422
    assert "MII" not in str(pasted.body), "a private key that was pasted by mistake is not repeated"


def test_a_document_with_a_key_that_is_not_here_or_does_not_fit_is_refused(
    client: Client, authority: Authority
) -> None:
    client.call("POST", f"{CERTIFICATES}/self-signed", {"label": "ocs", "common_name": "ocs.example.com"})
    config = client.call("GET", "/config")
    (ours,) = config["certificates"]
    for change, sentence in (
        ({"label": "b", "key": "0" * 64},
         "key of certificate b is not on this appliance; import it with the certificate"),
        ({"label": "b", "chain": authority.text("leaf.pem")},
         "key of certificate b does not fit it; import the certificate with its own key"),
    ):  # fmt: skip
        changed = {**config, "certificates": [ours, {**ours, **change}]}
        answer = client.request("PUT", "/config", changed)
        assert (answer.status, answer.body["detail"]) == (422, sentence)
        assert answer.body["errors"][0]["field"] == "certificates.1.key"


def test_a_name_of_several_lines_tells_nothing_but_names(client: Client, authority: Authority) -> None:
    lines = b"a.example\nnotAfter=2099-01-01 00:00:00Z\nsubject=CN=other"
    names = bytes([0x30, len(lines) + 2, 0x82, len(lines)]) + lines  # RFC 5280, 4.2.1.6: a DNS name in DER
    (authority.folder / "leaf.ext").write_text(f"2.5.29.17=DER:{names.hex()}\n")
    made = authority.sign("leaf", "middle", "leaf.ext")
    info = imported(client, made + authority.text("leaf.key", "middle.pem", "root.pem")).body
    assert info["subject"] == "CN=ocs.example.com"
    assert info["expires_in_days"] == 19


def test_the_list_starts_no_program(client: Client, appliance: Appliance) -> None:
    for label in ("a", "b"):
        client.call(
            "POST", f"{CERTIFICATES}/self-signed", {"label": label, "common_name": f"{label}.example"}
        )
    appliance.commands.clear()
    assert [each["label"] for each in client.call("GET", CERTIFICATES)["certificates"]] == ["a", "b"]
    assert appliance.commands == []


def test_a_key_stays_as_long_as_a_revision_can_bring_its_certificate_back(
    client: Client, appliance: Appliance
) -> None:
    client.call("POST", f"{CERTIFICATES}/self-signed", {"label": "ocs", "common_name": "ocs.example.com"})
    revision = client.call("GET", "/history/cluster")["revisions"][0]["revision"]
    client.call("DELETE", f"{CERTIFICATES}/ocs")
    assert len(stored_keys(appliance)) == 1
    client.call("POST", f"/history/cluster/{revision}/restore")
    assert client.call("GET", f"{CERTIFICATES}/ocs")["subject"] == "CN=ocs.example.com"
    client.call("DELETE", f"{CERTIFICATES}/ocs")
    for number in appliance_revisions(appliance):
        number.unlink()
    client.call("PATCH", "/layer7/settings", {"client_timeout_ms": "30m"})
    assert stored_keys(appliance) == []


def appliance_revisions(appliance: Appliance) -> list[Path]:
    return list((appliance.root / "var/lib/lbadmin/cluster").glob("*.json"))


def served(authority: Authority) -> dict[str, Any]:
    """Return what HAProxy shows to a client that trusts the authority and checks the name."""
    context = ssl.create_default_context(cafile=str(authority.folder / "root.pem"))
    with (
        socket.create_connection(("192.168.10.30", 443), timeout=5) as raw,
        context.wrap_socket(raw, server_hostname="ocs.example.com") as secure,
    ):
        return dict(secure.getpeercert() or {})


def test_haproxy_serves_an_imported_certificate_and_then_the_renewed_one(
    client: Client, authority: Authority, appliance: Appliance, front_ends: dict[str, FrontEnd]
) -> None:
    authority.openssl(
        "pkcs12 -export -legacy -in leaf.pem -inkey leaf.key -certfile middle.pem "
        f"-passout pass:{PASSPHRASE} -out ocs.p12"
    )
    content = (authority.folder / "ocs.p12").read_bytes()
    assert imported(client, content, passphrase=PASSPHRASE).status == 201
    service = {
        "label": "OCS-Edge",
        "ip": "192.168.10.30",
        "ports": [443],
        "tls_certificate": "ocs",
        "real_servers": [{"label": "FE-1", "ip": "192.168.10.31"}],
    }
    client.call("POST", "/layer7/virtual-services", service)
    wait_until(lambda: appliance.has_address("192.168.10.30"), what="the virtual address is there")
    first = served(authority)
    assert ("DNS", "ocs.example.com") in first["subjectAltName"]
    assert client.call("GET", f"{CERTIFICATES}/ocs")["used_by"] == ["OCS-Edge"]

    signed = authority.sign("leaf", "middle", "leaf.ext") + authority.text("middle.pem")
    client.call("PUT", f"{CERTIFICATES}/ocs/chain", {"chain": signed})
    assert served(authority)["serialNumber"] != first["serialNumber"]
    answer = client.request("DELETE", f"{CERTIFICATES}/ocs")
    assert answer.status == 422
    assert "OCS-Edge" in answer.body["detail"]
    for path in (appliance.root / "etc/haproxy").rglob("*"):
        assert path.is_dir() or b"PRIVATE KEY" not in path.read_bytes(), "no rendered file holds a key"
