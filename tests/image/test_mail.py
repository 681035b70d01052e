"""Mails by the msmtp that ships, at a relay of the test's: what it gets, refuses, and how that is told."""

import html
import io
import stat
import sys
from pathlib import Path

import pytest

from lbadmin.cli import main
from lbadmin.client import Client
from lbadmin.errors import LbadminError
from lbadmin.mailing import MailError, message_of, send
from lbadmin.node.mail import Mail
from lbadmin.system import System
from lbadmin.workplace import WORKPLACE
from tests.image.authority import make
from tests.image.conftest import Appliance
from tests.image.mailbox import Relay
from tests.image.visiting import Visitor, admin, arrive, lbadmin

__all__ = ["admin", "arrive", "lbadmin"]

ADDRESS = "192.168.10.100"
PASSWORD = "p%$s' w#rd"
PAGE = "/lbadmin/local/physical"


def mail_for(port: int, **fields: object) -> dict[str, object]:
    return {
        "host": ADDRESS, "port": port, "sender": "lbva@example.com",
        "recipients": ["admin@example.com", "second+night@example.com"], **fields,
    }  # fmt: skip


@pytest.mark.parametrize(("security", "port"), [("starttls", 2587), ("tls", 2465)])
def test_a_test_mail_arrives_encrypted_and_signed_in(
    lbadmin: Client, tmp_path: Path, security: str, port: int
) -> None:
    tls, authority = make(tmp_path / "relay", f"IP:{ADDRESS}")
    settings = mail_for(port, security=security, user="lbva", password=PASSWORD, ca_certificate=authority)
    node = lbadmin.call("PATCH", "/node", {"mail": settings})
    assert node["mail"]["password"].startswith("secret:")
    with Relay((ADDRESS, port), tls, security == "tls", "lbva", PASSWORD) as relay:
        lbadmin.call("POST", "/node/mail/test")
    (mail,) = relay.mails
    assert (mail.user, mail.encrypted) == ("lbva", True)
    assert mail.sender == "lbva@example.com"
    assert mail.recipients == ["admin@example.com", "second+night@example.com"]
    assert mail.message["Subject"] == "Test mail of lbva"
    assert mail.message["Auto-Submitted"] == "auto-generated"
    assert "Its SMTP relay takes mails." in mail.message.get_content()


def test_what_the_relay_says_is_told_in_one_sentence(lbadmin: Client, tmp_path: Path) -> None:
    tls, authority = make(tmp_path / "relay", f"IP:{ADDRESS}")
    _, other = make(tmp_path / "other", f"IP:{ADDRESS}")
    settings = mail_for(2587, user="lbva", password="wrong", ca_certificate=authority)
    lbadmin.call("PATCH", "/node", {"mail": settings})

    def refused() -> str:
        with pytest.raises(LbadminError) as error:
            lbadmin.call("POST", "/node/mail/test")
        told = error.value.sentence
        assert told.startswith("the mail was not sent: ")
        assert "\n" not in told
        assert len(told) < 400
        assert "wrong" not in told
        return told

    with Relay((ADDRESS, 2587), tls, user="lbva", password=PASSWORD) as relay:
        assert "535 5.7.8 these credentials are not right" in refused()
        lbadmin.call("PATCH", "/node", {"mail": {"ca_certificate": other}})
        assert "certificate" in refused(), "signed by nobody known"
        assert relay.mails == []
    assert ADDRESS in refused(), "nobody listens"
    lbadmin.call("PATCH", "/node", {"mail": {"user": None, "security": "none"}})
    with Relay((ADDRESS, 2587), refusal="550 5.1.1 \x1b[31mno such user\x07 " + "x" * 500):
        told = refused()
        assert "550 5.1.1" in told
        assert told.isprintable()


def test_a_silent_relay_is_given_up(lbadmin: Client) -> None:
    lbadmin.call("PATCH", "/node", {"mail": mail_for(2525, security="none")})
    with Relay((ADDRESS, 2525), silent=True), pytest.raises(LbadminError) as error:
        lbadmin.call("POST", "/node/mail/test")
    assert "the mail was not sent" in error.value.sentence


def test_nobody_else_can_read_the_password_while_msmtp_has_it(appliance: Appliance) -> None:
    seen: list[tuple[str, int]] = []
    commands: list[str] = []

    def watching(command: list[str]) -> object:
        commands.append(" ".join(command))
        files = appliance.system.path(WORKPLACE).rglob("*")
        seen.extend((path.name, stat.S_IMODE(path.stat().st_mode)) for path in files)
        return appliance.run(command)

    mail = Mail.model_validate(mail_for(2525, security="tls", user="lbva", password="topsecret"))
    system = System(root=appliance.root, run=watching)  # type: ignore[arg-type] # a list is what is given
    with pytest.raises(MailError):
        send(system, mail, "topsecret", "subject", "text")
    assert ("config", 0o600) in seen
    assert all(mode & 0o077 == 0 for _, mode in seen)
    assert "topsecret" not in " ".join(commands)
    assert not list(appliance.system.path(WORKPLACE).iterdir())


def test_a_subject_adds_no_headers_and_any_text_arrives(appliance: Appliance) -> None:
    mail = Mail.model_validate(mail_for(2525, security="none"))
    with Relay((ADDRESS, 2525)) as relay:
        send(appliance.system, mail, None, "FE-1\r\nBcc: thief@example.com\r\n\r\nbody", "größer\n.\nQUIT\n")
    (got,) = relay.mails
    assert got.message["Bcc"] is None
    assert got.message["Subject"] == "FE-1 Bcc: thief@example.com body"
    assert got.message.get_content().splitlines() == ["größer", ".", "QUIT"]
    assert got.recipients == list(mail.recipients)
    assert "\n\n" not in message_of(mail, "a\x0bb\u2028c", "").partition("\r\n\r\n")[0]


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"host": "no host"}, 'host no host is neither a host name nor an IP address; '),
        ({"host": "300.1.1.1"}, "host 300.1.1.1 is neither a host name nor an IP address; "),
        ({"port": 70000}, "port 70000 is not between 1 and 65535"),
        ({"security": "ssl"}, "security ssl is not one of 'starttls', 'tls' or 'none'"),
        ({"sender": "lbva"}, "sender lbva is not a mail address; write it such as admin@example.com"),
        ({"recipients": ["a@b.c", "x\r\nBcc: y@z.w"]}, "recipient "),
        ({"recipients": ["-oQ/tmp@b.c"]}, "recipient -oQ/tmp@b.c is not a mail address; "),
        ({"user": 'a" b'}, "user a\" b is not a user of a mail relay; "),
        ({"user": "lbva"}, "password of lbva at the SMTP relay is missing; "),
        ({"password": "x"}, "password of the SMTP relay has no user; "),
        ({"user": "u", "password": "x", "security": "none"}, "security none would send the password of u "),
        ({"sender": None}, "sender of the SMTP relay is missing; "),
        ({"ca_certificate": "PEM"}, "ca_certificate is not a certificate in PEM form; "),
        (
            {"ca_certificate": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"},
            "ca_certificate holds a certificate that can't be read; ",
        ),
    ],
)  # fmt: skip
def test_nonsense_is_refused_with_a_sentence(
    lbadmin: Client, fields: dict[str, object], sentence: str
) -> None:
    with pytest.raises(LbadminError) as error:
        lbadmin.call("PATCH", "/node", {"mail": mail_for(25) | fields})
    assert error.value.sentence.startswith(sentence)
    assert lbadmin.call("GET", "/node")["mail"]["host"] is None


def test_the_page_has_a_button_and_tells_that_a_password_is_kept(admin: Visitor, lbadmin: Client) -> None:
    assert "Send a test mail" not in admin.get(PAGE)
    typed = {
        "mail__host": ADDRESS, "mail__port": "2525", "mail__security": "tls", "mail__user": "lbva",
        "mail__password": "topsecret", "mail__sender": "lbva@example.com",
        "mail__recipients": "admin@example.com", "proxy__host": "proxy.example.com",
    }  # fmt: skip
    assert admin.fill(PAGE, **typed).status_code == 303
    page = admin.get(PAGE)
    assert "topsecret" not in page
    assert "is set; blank keeps it" in page
    assert admin.fill(PAGE, proxy__host="").status_code == 303
    kept = lbadmin.call("GET", "/node")
    assert kept["mail"]["password"].startswith("secret:"), "blank keeps it"
    assert kept["proxy"]["host"] is None
    refused = admin.fill(f"{PAGE}/test-mail", shown=page[: page.rindex("<form")])
    assert refused.status_code == 409
    assert f"The mail was not sent: cannot connect to {ADDRESS}" in html.unescape(refused.text)
    assert admin.fill(PAGE, mail__user="", mail__security="none").status_code == 303
    assert lbadmin.call("GET", "/node")["mail"]["password"] is None, "a password goes with its user"
    with Relay((ADDRESS, 2525)) as relay:
        sent = admin.fill(f"{PAGE}/test-mail", shown=page[: page.rindex("<form")])
    assert sent.status_code == 303
    assert "The relay has taken a test mail to admin@example.com." in admin.get(sent.headers["location"])
    assert len(relay.mails) == 1


def test_lbcli_reads_the_password_from_a_file_or_standard_input_and_never_shows_it(
    daemon: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LBADMIN_SOCKET", daemon)
    kept = tmp_path / "password"
    kept.write_text("topsecret\n")
    relay = ["--smtp-host", "relay.example.com", "--smtp-sender", "lbva@example.com", "--smtp-user", "lbva"]
    assert main(["set-node", *relay, "--smtp-password", str(kept)]) == 0
    assert main(["node"]) == 0
    shown = capsys.readouterr().out
    assert "smtp-password" in shown
    assert "topsecret" not in shown
    assert "secret:" not in shown
    stored = Client(daemon).call("GET", "/node")["mail"]["password"]
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"another\n")))
    assert main(["set-node", "--smtp-password", "-"]) == 0
    assert Client(daemon).call("GET", "/node")["mail"]["password"] != stored
    assert main(["test-mail"]) == 1
    assert "the SMTP relay has no recipients" in capsys.readouterr().err
