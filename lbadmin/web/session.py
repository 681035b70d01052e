"""A browser's session: lbadmind's token in a cookie, and the proofs that a form is one of our own pages'.

The cookie opens no REST API, so a foreign site can't make a browser change anything there. Forms carry a
token derived from the session's, which no foreign site can know, and come with the browser's word
for their origin.
"""

import hmac
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

COOKIE = "__Host-lbadmin"
NOTICE_COOKIE = "__Host-lbadmin-notice"
MAX_NOTICE = 300


def set_cookie(answer: Response, name: str, value: str) -> None:
    """Set a cookie that only our own pages get, and no script."""
    answer.set_cookie(name, value, path="/", secure=True, httponly=True, samesite="strict")


def delete_cookie(answer: Response, name: str) -> None:
    """Delete a cookie of ours."""
    answer.delete_cookie(name, path="/", secure=True, httponly=True, samesite="strict")


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
    origin = request.headers.get("origin")
    return origin is not None and urlsplit(origin).netloc == request.headers.get("host")
