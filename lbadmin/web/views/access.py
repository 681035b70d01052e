"""Maintenance: users and their passwords, and the keys of programs."""

from http import HTTPStatus
from urllib.parse import quote

from starlette.responses import Response

from lbadmin.bodies import Texts, body_of
from lbadmin.catalogue import Field
from lbadmin.catalogue_requests import API_KEY, NEW_USER, PASSWORD, SET_PASSWORD, USER_ROLE
from lbadmin.client import PREFIX
from lbadmin.web.editor import Editor, act, ask_first
from lbadmin.web.forms import default_texts, errors_of, sent_texts
from lbadmin.web.page import Page, as_sentence, button, route
from lbadmin.web.session import COOKIE, set_cookie

PASSWORDS = "/lbadmin/maintenance/passwords"
API_KEYS = "/lbadmin/maintenance/api-keys"

REPEAT = Field(
    "repeat",
    "Confirm New Password",
    "secret",
    "The new password once more: what is typed is not seen, so a slip would lock you out.",
    required=True,
)
PASSWORD_FORM = PASSWORD._replace(fields=(*PASSWORD.fields, REPEAT))
SET_PASSWORD_FORM = SET_PASSWORD._replace(fields=(*SET_PASSWORD.fields, REPEAT))

SESSIONS_END = "All sessions of the user end when the password is changed."
CONSOLE = (
    "root logs in at the console and by SSH with it, and may do everything. Whether SSH takes passwords at "
    "all is a setting of its own."
)


async def passwords(page: Page) -> Response:
    """Change one's own password, and stay logged in; list the users, and what console and SSH have."""
    errors: dict[str, str] = {}
    users = (await page.get("/users"))["users"]
    if page.posted:
        texts = sent_texts(await page.form(), PASSWORD_FORM.fields)
        errors = _slip(texts) or await _change_password(page, texts)
        if not errors:
            return await _stay(page, page.user, texts["new"])
    return await page.show(
        "passwords.html",
        422 if errors else 200,
        title="Passwords",
        intro=f"Your password as the user {page.user}, for this website and the REST API. All other "
        "sessions of yours end when it is changed.",
        sections=(PASSWORD_FORM,),
        values={},
        errors=errors,
        choices={},
        cancel="/lbadmin/",
        submit="Update",
        users=users,
        console=await page.get("/console"),
    )


def _slip(texts: Texts) -> dict[str, str]:
    """Return the error of a new password that was not typed the same way twice."""
    if texts["new"] == texts["repeat"]:
        return {}
    return {"repeat": "The two new passwords differ; type the new one twice."}


async def _change_password(page: Page, texts: Texts) -> dict[str, str]:
    body = {"current": texts["current"], "new": texts["new"]}
    reply = await page.send("PUT", f"{_at(page.user)}/password", body)
    if reply.status == HTTPStatus.FORBIDDEN:
        return {"current": as_sentence(reply.json()["detail"])}
    if reply.is_refused:
        return errors_of(reply.json(), PASSWORD_FORM.fields)
    return {}


async def _stay(page: Page, user: str, password: str) -> Response:
    """Log in again: the change has ended this session, too."""
    answer = page.done("/lbadmin/", "The password was changed; all other sessions have ended.")
    reply = await page.send("POST", "/session", {"user": user, "password": password})
    if reply.status == HTTPStatus.CREATED:
        set_cookie(answer, COOKIE, reply.json()["token"])
    return answer


async def add_user(page: Page) -> Response:
    """Add a user."""
    editor = Editor(
        title="Add a user",
        intro="The user is for this node's website and REST API.",
        sections=(NEW_USER,),
        cancel=PASSWORDS,
        collection="/users",
        submit="Add",
        done=lambda added: (PASSWORDS, f"User {added['name']} was added."),
    )
    return await editor.respond(page)


async def edit_user(page: Page) -> Response:
    """Change a user's role."""
    name = page.request.path_params["name"]
    editor = Editor(
        title=f"Role of {name}",
        intro="The sessions of the user end when the role changes.",
        sections=(USER_ROLE,),
        cancel=PASSWORDS,
        resource=_at(name),
        done=lambda changed: (PASSWORDS, f"User {name} is {changed['role']} now."),
    )
    return await editor.respond(page)


async def set_password(page: Page) -> Response:
    """Set another user's password."""
    name = page.request.path_params["name"]
    return await _set(page, f"Password of {name}", f"{_at(name)}/password", SESSIONS_END)


async def set_console(page: Page) -> Response:
    """Set the password of console and SSH."""
    return await _set(page, "Password of root", "/console/password", CONSOLE)


async def _set(page: Page, title: str, path: str, intro: str) -> Response:
    errors: dict[str, str] = {}
    if page.posted:
        texts = sent_texts(await page.form(), SET_PASSWORD_FORM.fields)
        errors = _slip(texts)
        reply = None if errors else await page.send("PUT", path, {"new": texts["new"]})
        if reply is not None and not reply.is_refused:
            return page.done(PASSWORDS, f"The {title[0].lower()}{title[1:]} was changed.")
        if reply is not None:
            errors = errors_of(reply.json(), SET_PASSWORD_FORM.fields)
    return await page.show(
        "form.html",
        422 if errors else 200,
        title=title,
        intro=intro,
        sections=(SET_PASSWORD_FORM,),
        values={},
        errors=errors,
        choices={},
        cancel=PASSWORDS,
        submit="Update",
    )


async def remove_user(page: Page) -> Response:
    """Ask, then remove a user."""
    name = page.request.path_params["name"]
    return await ask_first(
        page,
        "DELETE",
        _at(name),
        title=f"Remove user {name}?",
        text="The user's sessions end, and the user can't log in any more.",
        submit="Remove",
        back=PASSWORDS,
        notice=f"User {name} was removed.",
    )


async def close_console(page: Page) -> Response:
    """Ask, then take the password of console and SSH away."""
    return await ask_first(
        page,
        "DELETE",
        "/console/password",
        title="Take the password of root away?",
        text="Nobody can log in at the console or by SSH with a password until one is set again here.",
        submit="Take away",
        back=PASSWORDS,
        notice="Nobody can log in at the console or by SSH with a password now.",
    )


def _at(user: str) -> str:
    return f"/users/{quote(user, safe='')}"


async def reset_noted(page: Page) -> Response:
    """Tell no more that the password was reset at the console."""
    path = "/console/password-reset"
    return await act(page, "DELETE", path, back="/lbadmin/", notice="The message has gone.")


async def api_keys(page: Page) -> Response:
    """List the API keys, and make one: it is shown on the answer's page and never again."""
    texts, errors, status = default_texts(API_KEY.fields), {}, 200
    if page.posted:
        texts = sent_texts(await page.form(), API_KEY.fields)
        reply = await page.send("POST", "/api-keys", body_of(texts, API_KEY.fields))
        if reply.status == HTTPStatus.CREATED:
            url = f"https://{page.request.url.netloc}{PREFIX}/status"
            return await page.show("api_key.html", made=reply.json(), url=url)
        errors, status = errors_of(reply.json(), API_KEY.fields), reply.status
    return await page.show(
        "api_keys.html",
        status,
        keys=(await page.get("/api-keys"))["api_keys"],
        section=API_KEY,
        values=texts,
        errors=errors,
    )


async def revoke(page: Page) -> Response:
    """Ask, then revoke an API key."""
    name = page.request.path_params["name"]
    return await ask_first(
        page,
        "DELETE",
        f"/api-keys/{quote(name, safe='')}",
        title=f"Revoke API key {name}?",
        text="Programs that use it are refused from this moment. A revoked key can't be brought back.",
        submit="Revoke",
        back=API_KEYS,
        notice=f"API key {name} was revoked.",
    )


ROUTES = [
    route(PASSWORDS, passwords, posts=True),
    route(f"{PASSWORDS}/add", add_user, posts=True),
    route(f"{PASSWORDS}/console", set_console, posts=True),
    route(f"{PASSWORDS}/console/remove", close_console, posts=True),
    route(f"{PASSWORDS}/of/{{name}}", edit_user, posts=True),
    route(f"{PASSWORDS}/of/{{name}}/password", set_password, posts=True),
    route(f"{PASSWORDS}/of/{{name}}/remove", remove_user, posts=True),
    button("/lbadmin/maintenance/reset-noted", reset_noted),
    route(API_KEYS, api_keys, posts=True),
    route(f"{API_KEYS}/{{name}}/revoke", revoke, posts=True),
]
