"""A browser's session: lbadmind's token in a cookie, and the proofs that a form is one of our own pages'.

The cookie opens no REST API, so a foreign site can't make a browser change anything there. Forms carry a
token derived from the session's, which no foreign site can know, and come with the browser's word
for their origin.
"""

import hmac
import re

from starlette.requests import Request
from starlette.responses import Response

COOKIE = "__Host-lbadmin"
NOTICE_COOKIE = "__Host-lbadmin-notice"
MAX_NOTICE = 300

_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
"""The form of lbadmind's tokens: 256 bits in base64."""


def set_cookie(answer: Response, name: str, value: str) -> None:
    """Set a cookie that only our own pages get, and no script."""
    answer.set_cookie(name, value, path="/", secure=True, httponly=True, samesite="strict")


def delete_cookie(answer: Response, name: str) -> None:
    """Delete a cookie of ours."""
    answer.delete_cookie(name, path="/", secure=True, httponly=True, samesite="strict")


def token_of(request: Request) -> str | None:
    """Return the session's token, None when the cookie holds nothing that could be one."""
    token = request.cookies.get(COOKIE, "")
    return token if _TOKEN.fullmatch(token) else None


def csrf_of(token: str) -> str:
    """Return the token that the session's forms carry."""
    return hmac.digest(token.encode(), b"lbadmin form", "sha256").hex()


def is_csrf(token: str, sent: object) -> bool:
    """Tell, in constant time, whether this is what the session's forms carry."""
    return isinstance(sent, str) and hmac.compare_digest(sent.encode(), csrf_of(token).encode())


def from_our_page(request: Request) -> bool:
    """Tell whether the browser says that one of our own pages sent this (Fetch Metadata, else Origin)."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    return request.headers.get("origin") == f"https://{request.headers.get('host')}"
