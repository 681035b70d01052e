"""What is told by mail and webhook, and to whom."""

import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import BeforeValidator, WithJsonSchema

from lbadmin.document import Document, Flag
from lbadmin.fields import MAX_PORT, PemText
from lbadmin.secret import Secret

MAX_URL = 1024
_URL = re.compile(r"https?://[!-~]+", re.ASCII)
_HOST = re.compile(r"[A-Za-z0-9.-]{1,253}|[0-9A-Fa-f:.]{2,45}", re.ASCII)


def _webhook(value: object) -> str:
    if isinstance(value, str) and len(value) <= MAX_URL and _URL.fullmatch(value):
        try:
            parts = urlsplit(value)
            port = parts.port
        except ValueError:
            parts, port = urlsplit(""), 0
        host = parts.hostname or ""
        if "@" not in parts.netloc and _HOST.fullmatch(host) and (port is None or 0 < port <= MAX_PORT):
            return value
    raise ValueError(
        "is not the address of a webhook; write it such as https://alerts.example.com/lbva, without a user"
    )


Webhook = Annotated[
    str,
    BeforeValidator(_webhook),
    WithJsonSchema({"type": "string", "format": "uri", "maxLength": MAX_URL, "pattern": "^https?://"}),
]
"""Where to: an http or https URL without user and password, which would show on every page."""


class Alerts(Document):
    """By which ways alerts go out, and which do. The recipients of mails are those of `mail`.

    `webhook_secret` signs what is sent; `webhook_authority` are the certificates that the receiver's is
    checked with, instead of the public ones.
    """

    email: Flag = False
    webhook: Webhook | None = None
    webhook_secret: Secret | None = None
    webhook_authority: PemText | None = None
    real_servers: Flag = True
    roles: Flag = True
    warnings: Flag = True
