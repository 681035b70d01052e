"""What a view holds in its hands: requests to lbadmind, the form that was sent, the page to show.

A view is `async def view(page: Page) -> Response`. `route` gives it a path, sees to the login, and turns what
lbadmind refuses into a page, so that a view only says what is its own.
"""

import re
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from ipaddress import IPv6Address, ip_address
from typing import Any, TypeAlias
from urllib.parse import quote, unquote

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from lbadmin.roles import Role
from lbadmin.web.backend import Backend, Reply
from lbadmin.web.closing import closed
from lbadmin.web.guard import read_form
from lbadmin.web.menu import MENU, entry_of, is_shared
from lbadmin.web.render import render
from lbadmin.web.session import (
    COOKIE,
    MAX_NOTICE,
    NOTICE_COOKIE,
    csrf_of,
    delete_cookie,
    from_our_page,
    is_csrf,
    set_cookie,
    token_of,
)

Json: TypeAlias = Any

_REVISION = re.compile(r'"[0-9]{1,18}"', re.ASCII)


class RefusedError(Exception):
    """lbadmind refused a request; `reply` is its problem."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.json()["detail"])
        self.reply = reply


class NotOurFormError(Exception):
    """A form came from another site, or from a session that is over."""


def as_sentence(text: str) -> str:
    """Return lbadmind's sentence as it stands on a page: with a capital and a full stop."""
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith('.') else '.'}"


class Page:
    """One request of a browser within its session."""

    def __init__(self, request: Request, token: str) -> None:
        self.request = request
        self._token = token
        self._backend: Backend = request.app.state.backend
        self._form: FormData | None = None
        self.user: str = ""
        self.role: Role = "read-only"

    @property
    def posted(self) -> bool:
        """Tell whether a form was sent."""
        return self.request.method == "POST"

    @property
    def by_htmx(self) -> bool:
        """Tell whether a part of a page is asked for, not a page."""
        return self.request.headers.get("hx-request") == "true"

    async def send(
        self, method: str, path: str, body: object = None, *, revision: str | None = None
    ) -> Reply:
        """Send a request in the session and return the reply, also when it is refused.

        `path` is below the API's, `revision` the ETag that a write expects. Raises BackendError, or
        RefusedError when the session is over.
        """
        reply = await self._backend.call(
            method, path, client_of(self.request), self._token, body=body, revision=revision
        )
        if reply.status == HTTPStatus.UNAUTHORIZED:
            raise RefusedError(reply)
        self.user, self.role = reply.asker
        return reply

    async def call(
        self, method: str, path: str, body: object = None, *, revision: str | None = None
    ) -> Reply:
        """Send a request and return the reply. Raises BackendError, or RefusedError when it is refused."""
        reply = await self.send(method, path, body, revision=revision)
        if reply.is_refused:
            raise RefusedError(reply)
        return reply

    async def get(self, path: str) -> Any:  # noqa: ANN401 - JSON is any shape
        """Read a resource. Raises BackendError or RefusedError."""
        return (await self.call("GET", path)).json()

    async def form(self) -> FormData:
        """Return the form that was sent. Raises NotOurFormError unless one of our pages sent it."""
        if self._form is None:
            if not from_our_page(self.request):
                raise NotOurFormError
            self._form = await read_form(self.request)
            if not is_csrf(self._token, self._form.get("csrf")):
                raise NotOurFormError
        return self._form

    async def revision(self) -> str:
        """Return the revision (ETag) that the form was opened at, "" for a form that has none.

        Raises NotOurFormError when it is no revision.
        """
        sent = str((await self.form()).get("revision", ""))
        if sent and _REVISION.fullmatch(sent) is None:
            raise NotOurFormError
        return sent

    async def show(
        self, template: str, code: int = 200, /, *, told: Json | None = None, **values: object
    ) -> Response:
        """Return a whole page: menu, message box and the template with its values.

        `told` is an answer that the view has already, with what the frame shows: /messages or /status.
        """
        about = await self.get("/messages") if told is None else told
        here = entry_of(self.request.url.path)
        answer = render(
            template,
            code,
            menu=MENU,
            here=here,
            csrf=csrf_of(self._token),
            master=await self._on_master(about["node"]["role"]) if is_shared(here) else "",
            node=about["node"],
            messages=about["messages"],
            notice=_notice(self.request),
            user=self.user,
            role=self.role,
            **values,
        )
        if NOTICE_COOKIE in self.request.cookies:
            delete_cookie(answer, NOTICE_COOKIE)
        return self._closed(answer)

    async def _on_master(self, role: str) -> str:
        """Return where this page is on the master, "" on a node that changes what both share itself."""
        if role in {"single", "master"}:
            return ""
        pair = await self.get("/pair")
        elsewhere = role == "slave" or (pair["peer"] or {}).get("role") == "master"
        # Until heartbeat gives out the roles, changes are made where the pair was made.
        elsewhere = elsewhere or (pair["restart_heartbeat"] and not pair["primary"])
        return url_on(self.request, pair["peer_ip"]) if elsewhere and pair["peer_ip"] else ""

    async def refused(self, reply: Reply, title: str = "Refused") -> Response:
        """Return a page with the reason for which a request was refused."""
        message = as_sentence(reply.json()["detail"])
        return await self.show("refused.html", reply.status, title=title, message=message)

    def part(self, template: str, /, **values: object) -> Response:
        """Return a part of a page, for htmx to put in its place."""
        return self._closed(render(template, csrf=csrf_of(self._token), role=self.role, **values))

    def _closed(self, answer: HTMLResponse) -> HTMLResponse:
        """Return a page without what the user's role may not do."""
        if self.role != "administrator":
            html = bytes(answer.body).decode()
            answer.body = closed(html, self.role, self.request.url.path, self._takes_forms).encode()
            answer.headers["Content-Length"] = str(len(answer.body))
        return answer

    def _takes_forms(self, path: str) -> bool:
        routes = self.request.app.routes
        found = (each for each in routes if isinstance(each, Route) and each.path_regex.match(path))
        return any("POST" in (each.methods or ()) for each in found)

    def done(self, path: str, notice: str = "") -> Response:
        """Go to a page that says once what was done."""
        answer = RedirectResponse(path, HTTPStatus.SEE_OTHER)
        if notice:
            set_cookie(answer, NOTICE_COOKIE, quote(notice[:MAX_NOTICE]))
        return answer


View = Callable[[Page], Awaitable[Response]]


def route(path: str, view: View, *, posts: bool = False) -> Route:
    """Return the route of a view below /lbadmin/; with `posts` it takes forms, too."""

    async def endpoint(request: Request) -> Response:
        token = token_of(request)
        if token is None:
            return to_login(request)
        page = Page(request, token)
        try:
            return await view(page)
        except NotOurFormError:
            message = "This form was not sent by a page of this session. Open the page again and repeat it."
            return render("message.html", 403, title="Not allowed", message=message)
        except RefusedError as error:
            if error.reply.status == HTTPStatus.UNAUTHORIZED:
                return to_login(request)
            return await page.refused(error.reply, HTTPStatus(error.reply.status).phrase)

    return Route(path, endpoint, methods=["GET", "POST"] if posts else ["GET"])


def button(path: str, view: View) -> Route:
    """Return the route of what a form does; opened as a page, it leads to the one that has the form."""

    async def at_its_page(page: Page) -> Response:
        if page.posted:
            return await view(page)
        entry = entry_of(path)
        return page.done(entry.path if entry else "/lbadmin/")

    return route(path, at_its_page, posts=True)


def to_login(request: Request) -> Response:
    """Send the browser to the login page, and from there back to where it wanted to go."""
    where = "/lbadmin/login"
    if request.method == "GET" and "hx-request" not in request.headers and request.url.path != "/lbadmin/":
        where += f"?next={quote(request.url.path)}"
    if "hx-request" in request.headers:
        answer = Response(headers={"HX-Redirect": where})
    else:
        answer = RedirectResponse(where, HTTPStatus.SEE_OTHER)
    delete_cookie(answer, COOKIE)
    return answer


def client_of(request: Request) -> str:
    """Return the remote client's address; an IPv4 client of the dual-stack socket in its IPv4 form."""
    host = request.client.host if request.client else "unknown"
    try:
        address = ip_address(host)
    except ValueError:
        return "unknown"
    return str((isinstance(address, IPv6Address) and address.ipv4_mapped) or address)


def server_of(request: Request) -> str:
    """Return the address of ours that the browser is connected to."""
    host = (request.scope.get("server") or ("", 0))[0]
    try:
        address = ip_address(host)
    except ValueError:
        return host
    return str((isinstance(address, IPv6Address) and address.ipv4_mapped) or address)


def url_on(request: Request, address: str) -> str:
    """Return the URL of the page that is asked for on another node, which has it on the same port."""
    port = (request.scope.get("server") or ("", None))[1]
    return f"https://{f'[{address}]' if ':' in address else address}:{port}{request.url.path}"


def _notice(request: Request) -> str:
    return unquote(request.cookies.get(NOTICE_COOKIE, ""))[:MAX_NOTICE]
