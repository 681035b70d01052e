"""Local Configuration: License Key."""

from starlette.datastructures import UploadFile
from starlette.responses import Response

from lbadmin.catalogue import Field, Section
from lbadmin.web.forms import errors_of
from lbadmin.web.page import Page, route

LICENCE = "/lbadmin/local/licence"

UPLOAD = Section(
    "",
    (
        Field(
            "licence", "Licence Key File", "file", required=True,
            help="The file that the vendor has sent, as it is. At most 16 KiB.",
        ),
    ),
)  # fmt: skip


async def licence(page: Page) -> Response:
    """Tell of the trial or the licence, and take a licence key file."""
    errors: dict[str, str] = {}
    status = 200
    if page.posted:
        sent = (await page.form()).get("licence")
        text = (await sent.read()).decode("utf-8", "replace") if isinstance(sent, UploadFile) else ""
        if not text:
            errors, status = {"licence": "No file was chosen; choose the licence key file."}, 422
        else:
            reply = await page.send("PUT", "/licence", {"licence": text})
            if not reply.is_refused:
                return page.done(LICENCE, "The licence was applied and holds at once.")
            errors, status = errors_of(reply.json(), UPLOAD.fields), reply.status
    return await page.show(
        "licence.html", status, section=UPLOAD, errors=errors, licence=await page.get("/licence")
    )


ROUTES = [route(LICENCE, licence, posts=True)]
