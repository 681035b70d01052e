"""Mails of the appliance: made here, handed to the relay by msmtp without privileges."""

import re
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import make_msgid
from pathlib import Path

from lbadmin.errors import LbadminError
from lbadmin.keys import KeyStore
from lbadmin.node.mail import Mail
from lbadmin.secret import id_of
from lbadmin.system import System
from lbadmin.workplace import workplace

USER = "lbva-mail"
AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"
STEP_TIMEOUT_S = 10
"""How long msmtp waits for a connection and for each answer of the relay."""

TIMEOUT_S = 40
"""How long all of it may take."""

MAX_SAID = 300
MAX_SUBJECT = 200

_AS_MAILER = ("setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups")
_UNPRINTABLE = re.compile(r"[^ -~]+")


class MailError(LbadminError):
    """A mail was not taken by the relay; the sentence says what the relay said."""

    status = 409


def send(system: System, mail: Mail, password: str | None, subject: str, text: str) -> None:
    """Send a text to the configured recipients; return when the relay has taken it.

    `password` is that of `mail.user` in clear. Raises MailError.
    """
    if mail.host is None or mail.sender is None:
        raise MailError("no SMTP relay is set up; name it under Physical – Advanced Configuration")
    if not mail.recipients:
        raise MailError("the SMTP relay has no recipients; name one under Physical – Advanced Configuration")
    try:
        with workplace(system, "mail") as (folder, place):
            files = {
                "config": settings_of(mail, password, place),
                "message": message_of(mail, subject, text),
                "ca.pem": mail.ca_certificate or "",
            }
            _put(folder, files)
            system.run(["chown", "-R", f"{USER}:{USER}", place])
            result = system.run([*_command(place), mail.sender, *mail.recipients])
    except OSError as error:
        raise MailError(f"the mail could not be made: {error.strerror}") from error
    if result.status != 0:
        raise MailError(f"the mail was not sent: {_reason(result.output, result.status, mail)}")


def password_of(secrets: KeyStore, mail: Mail) -> str | None:
    """Return the relay's password in clear, None when it needs none. Raises MailError when it is lost."""
    kept = id_of(mail.password) if mail.password is not None else None
    if kept is None:
        return None
    try:
        return secrets.read(kept)
    except OSError as error:
        raise MailError("the SMTP relay's password can't be read; give it anew") from error


def settings_of(mail: Mail, password: str | None, place: str) -> str:
    """Return msmtp's configuration (msmtp(1)); `place` is the folder of the relay's authority."""
    starttls = "on" if mail.security == "starttls" else "off"
    lines = [
        "account default",
        f"host {mail.host}",
        f"port {mail.relay_port}",
        f"timeout {STEP_TIMEOUT_S}",
        "tls off" if mail.security == "none" else f"tls on\ntls_starttls {starttls}",
    ]
    if mail.security != "none":
        lines.append(f"tls_trust_file {f'{place}/ca.pem' if mail.ca_certificate else AUTHORITIES}")
    if mail.user is not None:
        # Quotes: a password may have blanks, and has neither quotes nor backslashes (`secret`).
        lines += ["auth on", f'user "{mail.user}"', f'password "{password or ""}"']
    return "".join(f"{line}\n" for line in lines)


def message_of(mail: Mail, subject: str, text: str) -> str:
    """Return a mail (RFC 5322) that no automatic answer is sent to (RFC 3834)."""
    message = EmailMessage(policy=SMTP)
    message["From"] = mail.sender
    message["To"] = ", ".join(mail.recipients)
    # Whatever a subject is made of, it is one line.
    message["Subject"] = re.sub(r"[^\S ]+|[\x00-\x1f\x7f]+", " ", subject)[:MAX_SUBJECT]
    message["Date"] = datetime.now(UTC)
    message["Message-ID"] = make_msgid(domain=(mail.sender or "").partition("@")[2])
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text, cte="quoted-printable")
    return message.as_bytes().decode("ascii")


def _put(folder: Path, files: dict[str, str]) -> None:
    for name, content in files.items():
        path = folder / name
        path.touch(0o600)
        path.write_text(content, encoding="ascii")


def _command(place: str) -> list[str]:
    """Return the command that sends the message of the folder: sender and recipients follow."""
    script = f'from=$1; shift; exec msmtp --file={place}/config --from="$from" -- "$@" < {place}/message'
    return ["timeout", "--kill-after=1", str(TIMEOUT_S), *_AS_MAILER, "sh", "-c", script, "msmtp"]


def _reason(output: str, status: int, mail: Mail) -> str:
    """Return msmtp's complaint and the relay's words on one line."""
    if status in {124, 137}:
        return f"{mail.host} took longer than {TIMEOUT_S} s"
    lines = [line.removeprefix("msmtp: ") for line in output.splitlines()]
    # The last one says that there was an error.
    told = [line for line in lines if line and not line.startswith("could not send mail")]
    said = _UNPRINTABLE.sub(" ", "; ".join(told)).strip() or "msmtp gave no reason"
    return said if len(said) <= MAX_SAID else f"{said[:MAX_SAID]}…"
