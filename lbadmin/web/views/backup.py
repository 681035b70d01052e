"""Maintenance: Backup & Restore. A restore is shown before it is done; the form carries the file."""

from typing import Any, TypeAlias

from starlette.datastructures import UploadFile
from starlette.responses import Response

from lbadmin.catalogue import Field, Section
from lbadmin.web.downloads import passed_on
from lbadmin.web.forms import errors_of
from lbadmin.web.page import Page, button, route

Json: TypeAlias = Any

BACKUP = "/lbadmin/maintenance/backup"

UPLOAD = Section(
    "",
    (
        Field(
            "backup", "Backup File", "file", required=True,
            help="A file that Download Backup has made, here or on another appliance. At most 1 MiB.",
        ),
        Field(
            "cluster", "Restore Services", "flag", default="true",
            help="Virtual services, real servers, layer 7 settings, certificates with their keys, health "
            "check scripts: all that the two nodes of a pair have in common.",
        ),
        Field(
            "node", "Restore This Node's Network", "flag", default="false",
            help="Host name, addresses, gateway and name servers. Only for this very appliance, or one that "
            "takes its place: two machines with the same address disturb each other.",
        ),
    ),
)  # fmt: skip


async def backup(page: Page) -> Response:
    """Offer the download and take a backup to restore."""
    return await _form(page, {each.path: each.default for each in UPLOAD.fields}, {})


async def _form(page: Page, values: dict[str, str], errors: dict[str, str], status: int = 200) -> Response:
    return await page.show("backup.html", status, section=UPLOAD, values=values, errors=errors)


async def download(page: Page) -> Response:
    """Return a backup."""
    return passed_on(await page.call("GET", "/backup"))


async def preview(page: Page) -> Response:
    """Show what a restore of the file that was sent would change."""
    form = await page.form()
    sent = form.get("backup")
    text = (await sent.read()).decode("utf-8", "replace") if isinstance(sent, UploadFile) else ""
    flags = {name: "true" if form.get(name) == "true" else "false" for name in ("cluster", "node")}
    if not text:
        return await _form(page, flags, {"backup": "No file was chosen; choose a backup file."}, 422)
    reply = await page.send("POST", "/backup/preview", _body(text, flags))
    if reply.is_refused:
        return await _form(page, flags, errors_of(reply.json(), UPLOAD.fields), reply.status)
    return await page.show("backup_preview.html", found=reply.json(), text=text, flags=flags, cancel=BACKUP)


async def restore(page: Page) -> Response:
    """Restore what was shown."""
    form = await page.form()
    text, flags = str(form.get("backup", "")), {name: str(form.get(name)) for name in ("cluster", "node")}
    reply = await page.send("POST", "/backup/restore", _body(text, flags))
    if reply.is_refused:
        return await page.refused(reply)
    return page.done(
        BACKUP, "The backup was restored and is in effect. The Change History has what was before."
    )


def _body(text: str, flags: dict[str, str]) -> Json:
    return {"backup": text, **{name: flag == "true" for name, flag in flags.items()}}


ROUTES = [
    route(BACKUP, backup),
    route(f"{BACKUP}/download", download),
    button(f"{BACKUP}/preview", preview),
    button(f"{BACKUP}/restore", restore),
]
