"""The relay that takes the mails of this appliance."""

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from lbadmin.document import Document
from lbadmin.fields import PemText, Port
from lbadmin.node.hosts import Host
from lbadmin.secret import Secret, id_of

Security = Literal["starttls", "tls", "none"]

PORTS: dict[Security, int] = {"starttls": 587, "tls": 465, "none": 25}
"""Submission (RFC 6409), submissions (RFC 8314, section 3.3) and the relay's own (RFC 5321)."""

MAX_RECIPIENTS = 16
MAX_ADDRESS = 254
"""Characters of a mailbox (RFC 5321, section 4.5.3.1.3, without its brackets)."""

_ADDRESS = re.compile(
    r"[A-Za-z0-9_+=][A-Za-z0-9._%+=-]{0,63}@[A-Za-z0-9][A-Za-z0-9.-]{0,251}[A-Za-z0-9]", re.ASCII
)
_USER = re.compile(r"[!#-\[\]-~]{1,128}", re.ASCII)


def _mail_address(value: object) -> str:
    text = value.strip() if isinstance(value, str) else ""
    if len(text) > MAX_ADDRESS or _ADDRESS.fullmatch(text) is None or ".." in text:
        raise ValueError("is not a mail address; write it such as admin@example.com")
    return text


def _user(value: object) -> str:
    if not isinstance(value, str) or _USER.fullmatch(value) is None:
        raise ValueError("is not a user of a mail relay; use up to 128 characters without blanks and quotes")
    return value


MailAddress = Annotated[
    str,
    BeforeValidator(_mail_address),
    WithJsonSchema({"type": "string", "maxLength": MAX_ADDRESS, "format": "email"}),
]
User = Annotated[
    str, BeforeValidator(_user), WithJsonSchema({"type": "string", "minLength": 1, "maxLength": 128})
]


class Mail(Document):
    """The relay that takes the mails of this appliance; without a host none are sent.

    Its certificate is checked (`security` other than "none") against `ca_certificate`, else against the
    authorities that the appliance ships with. A kept password goes with its user.
    """

    host: Host | None = None
    port: Port | None = None
    security: Security = "starttls"
    ca_certificate: PemText | None = None
    user: User | None = None
    password: Secret | None = None
    sender: MailAddress | None = None
    recipients: Annotated[tuple[MailAddress, ...], Field(max_length=MAX_RECIPIENTS)] = ()

    @property
    def relay_port(self) -> int:
        """The port of the relay, the usual one of `security` when none is given."""
        return self.port or PORTS[self.security]

    @model_validator(mode="before")
    @classmethod
    def _forget_password(cls, value: Any) -> Any:  # noqa: ANN401 - whatever was sent
        if isinstance(value, dict) and not value.get("user"):
            password = value.get("password")
            if isinstance(password, str) and id_of(password) is not None:
                return {**value, "password": None}
        return value
