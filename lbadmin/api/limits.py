"""No body larger than MAX_BODY is read into memory, or MAX_FROM_PEER from the other node of a pair."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lbadmin.api.auth import CLIENT_HEADER
from lbadmin.api.problems import problem
from lbadmin.client import PREFIX

MAX_BODY = 2 * 1024 * 1024
"""Bytes: a backup of 1 MiB, its largest, fits also when it is written with indentation or escapes."""

MAX_FROM_PEER = 8 * 1024 * 1024
"""Bytes: what many requests have put together, and its keys, go to the other node of a pair at once."""

MAX_DISCARDED = 64 * 1024 * 1024
"""Bytes of a body too large that are read and forgotten: most clients listen only when they have sent all."""


class BodyLimit:
    """ASGI middleware that reads the body whole, and answers 413 when it is too large."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with its body, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = MAX_FROM_PEER if _is_from_peer(scope) else MAX_BODY
        body = bytearray()
        size, more = 0, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            data = message.get("body", b"")
            size += len(data)
            if size <= limit:
                body += data
            more = message.get("more_body", False) and size <= MAX_DISCARDED
        if size > limit:
            refusal = problem(413, f"the body is larger than {limit} bytes; send less at once")
            await refusal(scope, receive, send)
            return
        waiting: list[Message] = [{"type": "http.request", "body": bytes(body), "more_body": False}]

        async def replay() -> Message:
            return waiting.pop() if waiting else await receive()

        await self._app(scope, replay, send)


def _is_from_peer(scope: Scope) -> bool:
    """Tell whether the request is for the other node alone, and none that the web process passes on."""
    return scope["path"].startswith(f"{PREFIX}/peer/") and CLIENT_HEADER.encode() not in dict(
        scope["headers"]
    )
