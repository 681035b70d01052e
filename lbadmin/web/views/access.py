"""Maintenance: the password, and the keys of programs."""

from http import HTTPStatus
from urllib.parse import quote

from starlette.responses import Response

from lbadmin.bodies import body_of
from lbadmin.catalogue import Field
from lbadmin.catalogue_requests import API_KEY, PASSWORD
from lbadmin.client import PREFIX
from lbadmin.web.editor import act
from lbadmin.web.forms import default_texts, errors_of, sent_texts
from lbadmin.web.page import Page, as_sentence, button, route
from lbadmin.web.session import COOKIE, set_cookie

USER = "loadbalancer"
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


async def passwords(page: Page) -> Response:
    """Change the password, and stay logged in."""
    errors: dict[str, str] = {}
    if page.posted:
        texts = sent_texts(await page.form(), PASSWORD_FORM.fields)
        if texts["new"] != texts["repeat"]:
            errors = {"repeat": "The two new passwords differ; type the new one twice."}
        else:
            errors = await _change_password(page, texts)
        if not errors:
            return await _stay(page, texts["new"])
    return await page.show(
        "passwords.html",
        422 if errors else 200,
        title="Passwords",
        user=USER,
        intro=f"The password of the user {USER}, for this website and the REST API. All other "
        "sessions of the user end when it is changed.",
        sections=(PASSWORD_FORM,),
        values={},
        errors=errors,
        choices={},
        cancel="/lbadmin/",
        submit="Update",
    )


async def _change_password(page: Page, texts: dict[str, str]) -> dict[str, str]:
    body = {"current": texts["current"], "new": texts["new"]}
    reply = await page.send("PUT", f"/users/{USER}/password", body)
    if reply.status == HTTPStatus.FORBIDDEN:
        return {"current": as_sentence(reply.json()["detail"])}
    if reply.is_refused:
        return errors_of(reply.json(), PASSWORD_FORM.fields)
    return {}


async def _stay(page: Page, password: str) -> Response:
    """Log in again: the change has ended this session, too."""
    answer = page.done("/lbadmin/", "The password was changed; all other sessions have ended.")
    reply = await page.send("POST", "/session", {"user": USER, "password": password})
    if reply.status == HTTPStatus.CREATED:
        set_cookie(answer, COOKIE, reply.json()["token"])
    return answer


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
    if page.posted:
        path = f"/api-keys/{quote(name, safe='')}"
        return await act(page, "DELETE", path, back=API_KEYS, notice=f"API key {name} was revoked.")
    return await page.show(
        "confirm.html",
        title=f"Revoke API key {name}?",
        text="Programs that use it are refused from this moment. A revoked key can't be brought back.",
        cancel=API_KEYS,
        submit="Revoke",
    )


ROUTES = [
    route(PASSWORDS, passwords, posts=True),
    button("/lbadmin/maintenance/reset-noted", reset_noted),
    route(API_KEYS, api_keys, posts=True),
    route(f"{API_KEYS}/{{name}}/revoke", revoke, posts=True),
]
