"""lbadmin-web: HTTPS for people and programs, without privileges. It knows no password and decides nothing.

The REST API is passed on to lbadmind as it is. The pages hold lbadmind's session token in a cookie, which no
request for the REST API is authorised by: so a foreign site can't make a browser change anything there.
"""

import argparse
import logging
import os
import socket
import sys
from http import HTTPStatus
from ipaddress import IPv6Address, ip_address
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from lbadmin.backend import Backend, BackendError
from lbadmin.client import PREFIX, SOCKET
from lbadmin.pages import page
from lbadmin.systemd import notify_ready, passed_sockets
from lbadmin.webguard import Guard, TooLargeError, read_body

PORT = 9443
COOKIE = "__Host-lbadmin"
HERE = Path(__file__).parent
REQUEST_HEADERS = {b"authorization", b"content-type", b"if-match", b"accept"}
ANSWER_HEADERS = {b"content-type", b"etag", b"location", b"retry-after", b"www-authenticate", b"allow"}
"""What passes through to lbadmind and back; everything else stays where it came from."""

log = logging.getLogger(__name__)


def create_app(backend: Backend) -> Starlette:
    """Return the application."""
    app = Starlette(
        routes=[
            Route("/", _to_overview),
            Route("/lbadmin", _to_overview),
            Route("/lbadmin/", overview),
            Route("/lbadmin/login", login, methods=["GET", "POST"]),
            Route("/lbadmin/logout", logout, methods=["POST"]),
            Route(f"{PREFIX}/{{path:path}}", api, methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]),
            Mount("/lbadmin/static", StaticFiles(directory=HERE / "static")),
        ],
        exception_handlers={BackendError: _unavailable, TooLargeError: _too_large},
    )
    app.add_middleware(Guard)
    app.state.backend = backend
    return app


def _client(request: Request) -> str:
    """Return the remote client's address; an IPv4 client of the dual-stack socket in its IPv4 form."""
    host = request.client.host if request.client else "unknown"
    try:
        address = ip_address(host)
    except ValueError:
        return "unknown"
    return str((isinstance(address, IPv6Address) and address.ipv4_mapped) or address)


async def _to_overview(_: Request) -> Response:
    return RedirectResponse("/lbadmin/", HTTPStatus.SEE_OTHER)


async def api(request: Request) -> Response:
    """Pass a request for the REST API on to lbadmind."""
    body = await read_body(request)
    target = request.scope["raw_path"].decode("ascii")
    if request.url.query:
        target += f"?{request.url.query}"
    headers = [(name, value) for name, value in request.headers.raw if name in REQUEST_HEADERS]
    backend: Backend = request.app.state.backend
    reply = await backend.send(request.method, target, headers, body, _client(request))
    answer = Response(reply.body, reply.status)
    answer.raw_headers += [(name, value) for name, value in reply.headers if name.lower() in ANSWER_HEADERS]
    return answer


async def overview(request: Request) -> Response:
    """Show node, virtual services and real servers; without a session, go to the login page."""
    token = request.cookies.get(COOKIE)
    if token is None:
        return RedirectResponse("/lbadmin/login", HTTPStatus.SEE_OTHER)
    backend: Backend = request.app.state.backend
    reply = await backend.call("GET", "/status", _client(request), token)
    if reply.status == HTTPStatus.UNAUTHORIZED:
        answer: Response = RedirectResponse("/lbadmin/login", HTTPStatus.SEE_OTHER)
        _forget(answer)
        return answer
    if reply.status != HTTPStatus.OK:
        return page("message.html", reply.status, title="Error", message=reply.json()["detail"])
    return page("overview.html", status=reply.json())


async def login(request: Request) -> Response:
    """Show the login form, or take it and open a session."""
    if request.method != "POST":
        return page("login.html", error=None, user="")
    if not _from_our_page(request):
        return page("message.html", 403, title="Not allowed", message="This form was sent by another site.")
    fields = dict(parse_qsl((await read_body(request)).decode("utf-8", "replace"), keep_blank_values=True))
    body: dict[str, Any] = {"user": fields.get("user", ""), "password": fields.get("password", "")}
    backend: Backend = request.app.state.backend
    reply = await backend.call("POST", "/session", _client(request), body=body)
    if reply.status != HTTPStatus.CREATED:
        error = reply.json()["detail"]
        return page("login.html", reply.status, error=error[:1].upper() + error[1:] + ".", user=body["user"])
    answer = RedirectResponse("/lbadmin/", HTTPStatus.SEE_OTHER)
    answer.set_cookie(COOKIE, reply.json()["token"], path="/", secure=True, httponly=True, samesite="strict")
    return answer


async def logout(request: Request) -> Response:
    """End the session."""
    if not _from_our_page(request):
        return page("message.html", 403, title="Not allowed", message="This form was sent by another site.")
    token = request.cookies.get(COOKIE)
    if token is not None:
        backend: Backend = request.app.state.backend
        await backend.call("DELETE", "/session", _client(request), token)
    answer = RedirectResponse("/lbadmin/login", HTTPStatus.SEE_OTHER)
    _forget(answer)
    return answer


def _forget(answer: Response) -> None:
    answer.delete_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="strict")


def _from_our_page(request: Request) -> bool:
    """Tell whether the browser says that one of our own pages sent this (Fetch Metadata, else Origin)."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = request.headers.get("origin")
    return origin is not None and urlsplit(origin).netloc == request.headers.get("host")


async def _unavailable(request: Request, error: Exception) -> Response:
    log.error("%s %s: %s", request.method, request.url.path, error)
    message = "The management service does not answer; it may be starting. Try again in a moment."
    if request.url.path.startswith(PREFIX):
        return _problem(HTTPStatus.SERVICE_UNAVAILABLE, message)
    return page("message.html", 503, title="Not available", message=message)


async def _too_large(_: Request, error: Exception) -> Response:
    return _problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, str(error))


def _problem(status: HTTPStatus, detail: str) -> Response:
    body = {"type": "about:blank", "title": status.phrase, "status": status, "detail": detail, "errors": []}
    return JSONResponse(body, status, media_type="application/problem+json")


def listen(port: int) -> socket.socket:
    """Return a socket that hears IPv6 and IPv4, or IPv4 alone where the kernel has no IPv6."""
    if socket.has_dualstack_ipv6():
        return socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True)
    return socket.create_server(("", port))


def main() -> None:
    """Run lbadmin-web. The certificate is systemd's credential (LoadCredential=) or named by options."""
    credentials = Path(os.environ.get("CREDENTIALS_DIRECTORY", "/var/lib/lbadmin/tls"))
    parser = argparse.ArgumentParser(prog="lbadmin-web", description=__doc__)
    parser.add_argument("--cert", type=Path, default=credentials / "web.pem")
    parser.add_argument("--key", type=Path, default=credentials / "web.key")
    parser.add_argument("--port", type=int, default=PORT)
    parser.add_argument("--socket", default=SOCKET, help="lbadmind's socket")
    options = parser.parse_args()
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    config = uvicorn.Config(
        create_app(Backend(options.socket)),
        ssl_certfile=options.cert,
        ssl_keyfile=options.key,
        http="h11",
        ws="none",
        loop="asyncio",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=30,
        limit_concurrency=200,
    )
    sockets = passed_sockets() or [listen(options.port)]
    notify_ready()
    uvicorn.Server(config).run(sockets)


if __name__ == "__main__":
    main()
