"""lbadmin-web: HTTPS for people and programs, without privileges. It knows no password and decides nothing.

The REST API is passed on to lbadmind as it is. The pages hold lbadmind's session token in a cookie, which no
request for the REST API is authorised by: so a foreign site can't make a browser change anything there.
"""

from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from lbadmin.client import PREFIX
from lbadmin.web import views
from lbadmin.web.backend import Backend, BackendError
from lbadmin.web.gateway import gateway, on_bug, on_http_error, on_too_large, on_unavailable
from lbadmin.web.guard import Guard, TooLargeError
from lbadmin.web.login import login, logout
from lbadmin.web.pairing import Pairing

STATIC = Path(__file__).parents[1] / "static"
JAVASCRIPT = Path("/usr/share/javascript")
"""Where Debian's packages of Bootstrap and htmx put what browsers load."""


def create_app(backend: Backend, javascript: Path = JAVASCRIPT) -> Starlette:
    """Return the application."""
    app = Starlette(
        routes=[
            Route("/", _to_overview),
            Route("/lbadmin", _to_overview),
            Route("/lbadmin/login", login, methods=["GET", "POST"]),
            Route("/lbadmin/logout", logout, methods=["POST"]),
            *views.ROUTES,
            Route(
                f"{PREFIX}/{{path:path}}", gateway, methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
            ),
            Mount("/lbadmin/static/javascript", StaticFiles(directory=javascript, follow_symlink=True)),
            Mount("/lbadmin/static", StaticFiles(directory=STATIC)),
        ],
        exception_handlers={
            BackendError: on_unavailable,
            TooLargeError: on_too_large,
            HTTPException: on_http_error,
            Exception: on_bug,
        },
    )
    app.add_middleware(Guard)
    app.state.backend = backend
    app.state.pairing = Pairing()
    return app


async def _to_overview(_: Request) -> Response:
    return RedirectResponse("/lbadmin/", 303)
