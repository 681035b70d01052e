"""The REST API as the world sees it: passed on to lbadmind as it is."""

import logging
from http import HTTPStatus
from typing import cast

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from lbadmin.client import PREFIX
from lbadmin.web.backend import Backend
from lbadmin.web.guard import HEADERS, read_body
from lbadmin.web.page import client_of
from lbadmin.web.render import render

REQUEST_HEADERS = {b"authorization", b"content-type", b"if-match", b"accept"}
ANSWER_HEADERS = {
    b"allow", b"content-disposition", b"content-type", b"etag", b"location", b"retry-after",
    b"www-authenticate",
}  # fmt: skip
"""What passes through to lbadmind and back; everything else stays where it came from."""

log = logging.getLogger(__name__)


async def gateway(request: Request) -> Response:
    """Pass a request for the REST API on to lbadmind."""
    body = await read_body(request)
    # Not from request.url, which takes an encoded "?" of the path for the beginning of the query.
    target = request.scope["raw_path"].decode("ascii")
    if request.scope["query_string"]:
        target += f"?{request.scope['query_string'].decode('ascii')}"
    headers = [(name, value) for name, value in request.headers.raw if name in REQUEST_HEADERS]
    backend: Backend = request.app.state.backend
    reply = await backend.send(request.method, target, headers, body, client_of(request))
    answer = Response(reply.body, reply.status)
    answer.raw_headers += [(name, value) for name, value in reply.headers if name.lower() in ANSWER_HEADERS]
    return answer


async def on_unavailable(request: Request, error: Exception) -> Response:
    """Answer for a lbadmind that does not."""
    log.error("%s %s: %s", request.method, request.url.path, error)
    message = "The management service does not answer; it may be starting. Try again in a moment."
    if request.url.path.startswith(PREFIX):
        return _problem(HTTPStatus.SERVICE_UNAVAILABLE, message)
    return render("message.html", 503, title="Not available", message=message)


async def on_too_large(request: Request, error: Exception) -> Response:
    """Answer a request that is too large."""
    if request.url.path.startswith(PREFIX):
        return _problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, str(error))
    return render("message.html", 413, title="Too large", message=f"What was sent is too large: {error}.")


async def on_http_error(request: Request, error: Exception) -> Response:
    """Answer a request for what is not there, or by a method that is not for it."""
    known = cast("HTTPException", error)
    status = HTTPStatus(known.status_code)
    if request.url.path.startswith(PREFIX):
        answer = _problem(status, f"{status.description.lower()}; openapi.json lists what there is")
    else:
        answer = render("message.html", status, title=status.phrase, message=f"{status.description}.")
    answer.headers.update(known.headers or {})
    return answer


async def on_bug(request: Request, _: Exception) -> Response:
    """Answer for a failure of our own; the server logs it, and the client learns nothing about the inside."""
    message = "The website failed unexpectedly; its journal has the reason."
    if request.url.path.startswith(PREFIX):
        answer = _problem(HTTPStatus.INTERNAL_SERVER_ERROR, message)
    else:
        answer = render("message.html", 500, title="Failed", message=message)
    # This answer is made outside of all middleware, so the guard does not see it.
    answer.headers.update({**HEADERS, "Cache-Control": "no-store"})
    return answer


def _problem(status: HTTPStatus, detail: str) -> Response:
    body = {"type": "about:blank", "title": status.phrase, "status": status, "detail": detail, "errors": []}
    return JSONResponse(body, status, media_type="application/problem+json")
