"""Logging in and out."""

from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from lbadmin.web.backend import Backend
from lbadmin.web.guard import read_form
from lbadmin.web.page import as_sentence, client_of
from lbadmin.web.render import render
from lbadmin.web.session import COOKIE, delete_cookie, from_our_page, set_cookie, token_of

OTHER_SITE = "This form was sent by another site."


async def login(request: Request) -> Response:
    """Show the login form, or take it and open a session."""
    if request.method != "POST":
        return render("login.html", error=None, user="", next=_next(request.query_params.get("next", "")))
    if not from_our_page(request):
        return render("message.html", 403, title="Not allowed", message=OTHER_SITE)
    form = await read_form(request)
    where = _next(str(form.get("next", "")))
    body = {name: str(form.get(name, "")) for name in ("user", "password")}
    backend: Backend = request.app.state.backend
    reply = await backend.call("POST", "/session", client_of(request), body=body)
    if reply.status != HTTPStatus.CREATED:
        error = as_sentence(reply.json()["detail"])
        return render("login.html", reply.status, error=error, user=body["user"], next=where)
    answer = RedirectResponse(where, HTTPStatus.SEE_OTHER)
    set_cookie(answer, COOKIE, reply.json()["token"])
    return answer


async def logout(request: Request) -> Response:
    """End the session."""
    if not from_our_page(request):
        return render("message.html", 403, title="Not allowed", message=OTHER_SITE)
    token = token_of(request)
    if token is not None:
        backend: Backend = request.app.state.backend
        await backend.call("DELETE", "/session", client_of(request), token)
    answer = RedirectResponse("/lbadmin/login", HTTPStatus.SEE_OTHER)
    delete_cookie(answer, COOKIE)
    return answer


def _next(path: str) -> str:
    """Return where to go after the login: one of our own pages, whatever the request says."""
    return path if path.startswith("/lbadmin/") and "\\" not in path else "/lbadmin/"
