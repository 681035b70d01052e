"""ASGI middleware that writes an audit line for every request that changes something, whatever its route.

So a route that is added needs nothing for it. It may say in words what it does (`describe`); else the line
has the summary of its description.
"""

from http import HTTPStatus

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lbadmin.api.auth import CLIENT_HEADER, Identity
from lbadmin.audit import Audit
from lbadmin.client import PREFIX, ROLE_HEADER, USER_HEADER
from lbadmin.roles import SAFE_METHODS

UNHEARD = frozenset({"openSession", "hello"})
"""What makes no line here: a login has its own, and the nodes of a pair greet each other every second."""


def describe(request: Request, what: str) -> None:
    """Say in words what a request does, for the audit log."""
    request.state.what = what


class Audited:
    """Notes who asked for what, and tells the answer's reader as whom it was asked."""

    def __init__(self, app: ASGIApp, audit: Audit) -> None:
        self._app = app
        self._audit = audit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and write its line when it is answered."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope.setdefault("state", {})
        answered: dict[str, str | None] = {"status": "500", "revision": None}

        async def note(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                answered["status"] = str(message["status"])
                answered["revision"] = (headers.get("etag") or "").strip('"') or None
                identity: Identity | None = scope["state"].get("identity")
                if identity is not None:
                    headers[USER_HEADER] = identity.who
                    headers[ROLE_HEADER] = identity.role
            await send(message)

        try:
            await self._app(scope, receive, note)
        finally:
            if _is_heard(scope):
                self._write(scope, int(answered["status"] or 500), answered["revision"])

    def _write(self, scope: Scope, status: int, revision: str | None) -> None:
        state, route = scope["state"], scope.get("route")
        identity: Identity | None = state.get("identity")
        by_peer = scope["path"].startswith(f"{PREFIX}/peer/")
        self._audit(
            "change" if scope["method"] not in SAFE_METHODS else "read",
            refused=status >= HTTPStatus.BAD_REQUEST,
            user=identity.who if identity else "peer" if by_peer else "unknown",
            role=identity.role if identity else None,
            **{"from": _client(scope) or ("peer" if by_peer else "console")},
            did=state.get("what") or _words_of(route),
            request=f"{scope['method']} {scope['path']}",
            result=f"{status} {HTTPStatus(status).phrase}",
            revision=revision,
        )


def _words_of(route: object) -> str:
    name = str(getattr(route, "name", "nothing that there is"))
    return getattr(route, "summary", None) or name.replace("_", " ")


def _is_heard(scope: Scope) -> bool:
    route = scope.get("route")
    names = {getattr(route, "operation_id", None), getattr(route, "name", None)}
    wanted = scope["method"] not in SAFE_METHODS or scope["state"].get("trusted", False)
    return wanted and not names & UNHEARD


def _client(scope: Scope) -> str | None:
    name = CLIENT_HEADER.encode()
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), None)
