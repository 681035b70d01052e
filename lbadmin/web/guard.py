"""What every answer of lbadmin-web carries, and what no request may exceed."""

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY = 2 * 1024 * 1024
"""Bytes; the same bound as lbadmind's own: a backup of 1 MiB, and what a form adds to it."""

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
    """A request's body is larger than MAX_BODY."""

    def __init__(self) -> None:
        super().__init__(f"the body is larger than {MAX_BODY} bytes; send less at once")


async def read_body(request: Request) -> bytes:
    """Return the request's body. Raises TooLargeError before it is larger than MAX_BODY in memory."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise TooLargeError
    return bytes(body)


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
