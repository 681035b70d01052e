"""What every answer of lbadmin-web carries, and what no request may exceed."""

from urllib.parse import parse_qsl

from starlette.datastructures import FormData, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY = 2 * 1024 * 1024
"""Bytes; the same bound as lbadmind's own: a backup of 1 MiB, and what a form adds to it."""

MAX_FIELDS = 500
"""Fields of a form: the largest of ours, a template with all its real servers, has two thirds as many."""

HEADERS = {
    # "data:" images are the arrows and ticks within Bootstrap's style sheet.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; frame-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "Strict-Transport-Security": "max-age=31536000",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class TooLargeError(Exception):
    """A request is larger than MAX_BODY, or a form has more than MAX_FIELDS."""


_TOO_LARGE = f"the body is larger than {MAX_BODY} bytes; send less at once"


async def read_body(request: Request) -> bytes:
    """Return the request's body. Raises TooLargeError before it is larger than MAX_BODY in memory."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise TooLargeError(_TOO_LARGE)
    return bytes(body)


async def read_form(request: Request) -> FormData:
    """Return the form that was sent, with or without a file. Raises TooLargeError."""
    if request.headers.get("content-type", "").startswith("multipart/form-data"):
        if int(request.headers.get("content-length") or MAX_BODY + 1) > MAX_BODY:
            raise TooLargeError(_TOO_LARGE)
        return await request.form(max_files=1, max_fields=MAX_FIELDS, max_part_size=MAX_BODY)
    # Starlette bounds the fields of a form with files alone, and takes seconds for a million others.
    text = (await read_body(request)).decode("utf-8", "replace")
    try:
        fields = parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError:
        raise TooLargeError(f"the form has more than {MAX_FIELDS} fields; send less at once") from None
    return FormData([*fields])


class Guard:
    """ASGI middleware that adds the security headers where a page has not set its own.

    Nothing but what is below /lbadmin/static/ is kept by caches.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and add the headers to its answer."""

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                if not scope["path"].startswith("/lbadmin/static/"):
                    headers["Cache-Control"] = "no-store"
            await send(message)

        await self._app(scope, receive, guarded)
