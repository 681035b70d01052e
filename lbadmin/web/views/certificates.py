"""Cluster Configuration: the certificates that virtual services terminate SSL with."""

import base64
from typing import Any, TypeAlias
from urllib.parse import quote

from starlette.datastructures import UploadFile
from starlette.responses import Response

from lbadmin.bodies import body_of
from lbadmin.catalogue_requests import IMPORT, SELF_SIGNED, SIGNED, SIGNING_REQUEST
from lbadmin.web.downloads import text_file
from lbadmin.web.editor import Editor, ask_first
from lbadmin.web.forms import default_texts, errors_of, sent_texts
from lbadmin.web.page import Page, route

Json: TypeAlias = Any

CERTIFICATES = "/lbadmin/certificates"
ONE = f"{CERTIFICATES}/of/{{label}}"
"""The pages of one certificate: apart from the others, so that any label will do."""
API = "/layer7/certificates"
EXPIRES_SOON_DAYS = 30
"""From then on a certificate is warned of, here as in the message box."""


async def certificates(page: Page) -> Response:
    """List the certificates."""
    found = (await page.get(API))["certificates"]
    return await page.show("certificates.html", certificates=found, soon=EXPIRES_SOON_DAYS)


async def self_signed(page: Page) -> Response:
    """Make a key and a certificate."""
    editor = Editor(
        title="New Self-Signed Certificate",
        intro="Makes a private key and a certificate that nobody but this appliance vouches for. Use it as "
        "it is for tests; for clients to trust it, let an authority sign its Certificate Signing Request.",
        sections=(SELF_SIGNED,),
        cancel=CERTIFICATES,
        collection=f"{API}/self-signed",
        root="certificates",
        submit="Create",
        done=lambda made: (_path(made["label"]), f"Certificate {made['label']} was made."),
    )
    return await editor.respond(page)


async def upload(page: Page) -> Response:
    """Import a certificate with its key from a file."""
    content = await _content(page) if page.posted else ""

    def body(sent: dict[str, Any]) -> Json:
        return {**sent, "content": content}

    editor = Editor(
        title="Upload Certificate",
        intro="Takes a certificate that an authority has signed elsewhere, together with its private key.",
        sections=(IMPORT,),
        cancel=CERTIFICATES,
        collection=f"{API}/import",
        root="certificates",
        submit="Upload",
        body=body,
        done=lambda made: (_path(made["label"]), f"Certificate {made['label']} was uploaded."),
    )
    return await editor.respond(page)


async def _content(page: Page) -> str:
    """Return the file that was sent in base64, "" when none was chosen."""
    sent = (await page.form()).get("content")
    return base64.b64encode(await sent.read()).decode() if isinstance(sent, UploadFile) else ""


async def certificate(page: Page) -> Response:
    """Show a certificate."""
    found = await page.get(_api(page))
    path = _path(found["label"])
    return await page.show("certificate.html", certificate=found, path=path, soon=EXPIRES_SOON_DAYS)


async def signing_request(page: Page) -> Response:
    """Show the signing request or give it as a file, for the certificate's names or for others."""
    label = page.request.path_params["label"]
    texts, body, errors = default_texts(SIGNING_REQUEST.fields), {}, {}
    if page.posted:
        form = await page.form()
        texts = sent_texts(form, SIGNING_REQUEST.fields)
        body = body_of(texts, SIGNING_REQUEST.fields) if any(texts.values()) else {}
    reply = await page.send("POST", f"{_api(page)}/csr", body)
    csr = ""
    if reply.is_refused:
        errors = errors_of(reply.json(), SIGNING_REQUEST.fields)
    else:
        csr = reply.json()["csr"]
        if page.posted and form.get("action") == "download":
            return text_file(csr, f"{label}.csr", "application/pkcs10")
    return await page.show(
        "csr.html",
        reply.status if errors else 200,
        label=label,
        csr=csr,
        section=SIGNING_REQUEST,
        values=texts,
        errors=errors,
        back=_path(label),
    )


async def signed(page: Page) -> Response:
    """Take what an authority has signed."""
    label = page.request.path_params["label"]
    await page.get(_api(page))
    editor = Editor(
        title=f"Upload Signed Certificate for {label}",
        intro="Services that use the certificate have the new one at once. It is refused when it was not "
        "made for the private key that is here.",
        sections=(SIGNED,),
        cancel=_path(label),
        resource=f"{_api(page)}/chain",
        method="PUT",
        submit="Upload",
        done=lambda _: (_path(label), f"The signed certificate of {label} was installed and is in effect."),
    )
    if page.posted:
        return await editor.respond(page)
    return await editor.show(page, default_texts(editor.fields))


async def delete(page: Page) -> Response:
    """Ask, then delete a certificate."""
    label = page.request.path_params["label"]
    await page.get(_api(page))
    return await ask_first(
        page,
        "DELETE",
        _api(page),
        title=f"Delete certificate {label}?",
        text="The certificate goes, and its private key as soon as no kept revision of the Change History "
        "needs it. A certificate that a virtual service uses is not deleted.",
        submit="Delete",
        back=CERTIFICATES,
        notice=f"{label} was deleted.",
        cancel=_path(label),
    )


def _api(page: Page) -> str:
    return f"{API}/{quote(page.request.path_params['label'], safe='')}"


def _path(label: str) -> str:
    return ONE.format(label=quote(label, safe=""))


ROUTES = [
    route(CERTIFICATES, certificates),
    route(f"{CERTIFICATES}/self-signed", self_signed, posts=True),
    route(f"{CERTIFICATES}/upload", upload, posts=True),
    route(ONE, certificate),
    route(f"{ONE}/request", signing_request, posts=True),
    route(f"{ONE}/signed", signed, posts=True),
    route(f"{ONE}/delete", delete, posts=True),
]
