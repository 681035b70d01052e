"""Cluster Configuration: layer 7's services, with their manual configuration, and its advanced settings."""

from dataclasses import replace
from typing import Any, TypeAlias

from starlette.responses import Response

from lbadmin.catalogue import MANUAL, SERVICE_BASIC, SERVICE_SECTIONS, SETTINGS_SECTIONS, Field, Section
from lbadmin.web.editor import Editor
from lbadmin.web.forms import sent_texts
from lbadmin.web.layers import LAYER7, Layer
from lbadmin.web.page import Page, route
from lbadmin.web.views.services import adding, modifying, routes_of

Json: TypeAlias = Any

MANUAL_FLAG = Field("manual", MANUAL.label, "flag", MANUAL.help, default="false")
"""The guide's tick box: whether the section is written by hand. The text comes when it is ticked."""

BASIC = SERVICE_BASIC._replace(fields=(*SERVICE_BASIC.fields, MANUAL_FLAG))
MANAGED_FORM = (BASIC, *SERVICE_SECTIONS)
MANUAL_FORM = (BASIC, Section("Section of haproxy.cfg", (MANUAL._replace(label="Section"),)))


async def _add_service(page: Page, layer: Layer) -> Response:
    """Add a virtual service; one whose section is written by hand begins with what the fields make of it."""
    editor = adding(layer, BASIC)

    def done(made: Json) -> tuple[str, str]:
        label = made["label"]
        if made["manual"] == "true":
            return f"{layer.service(label)}?manual=1", f"{label} was added. Now write its section."
        return editor.done(made)

    return await replace(editor, body=_without_flag, done=done).respond(page)


async def _modify_service(page: Page, layer: Layer) -> Response:
    """Change everything about a virtual service."""
    label = page.request.path_params["label"]
    if page.posted:
        form = await page.form()
        if form.get("manual") == "true":
            editor = _service_editor(label, *MANUAL_FORM)
            texts = sent_texts(form, editor.fields)
            if not texts[MANUAL.path].strip():
                return await _start_manual(page, editor, label, texts, await page.revision())
        else:
            # The tick was just removed where the manual form was shown: it has not the other fields.
            editor = _service_editor(label, *((BASIC,) if MANUAL.path in form else MANAGED_FORM))
        return await editor.respond(page)
    reply = await page.call("GET", layer.api_of(label))
    found = reply.json()
    if found["manual_configuration"] is not None:
        return await _service_editor(label, *MANUAL_FORM).respond(page)
    if page.request.query_params.get("manual") == "1":
        editor = _service_editor(label, *MANUAL_FORM)
        return await _start_manual(page, editor, label, editor.texts(found), reply.revision)
    return await _service_editor(label, *MANAGED_FORM).respond(page)


async def _start_manual(
    page: Page, editor: Editor, label: str, texts: dict[str, str], revision: str
) -> Response:
    """Show the form with the section as it is rendered now, for the administrator to begin with."""
    section = (await page.get(f"{LAYER7.api_of(label)}/section"))["text"]
    started = {**texts, "manual": "true", MANUAL.path: section}
    again = replace(
        editor, intro="Nothing is changed yet. Below is the section as it is now: edit it and click Update."
    )
    return await again.show(page, started, revision=revision)


def _service_editor(label: str, *sections: Section) -> Editor:
    return replace(
        modifying(LAYER7, label, *sections),
        load=lambda found: {**found, "manual": found["manual_configuration"] is not None},
        body=_without_flag,
    )


def _without_flag(body: dict[str, Any]) -> dict[str, Any]:
    """Return the body without the tick box; not ticked, there is no text."""
    manual = body["manual"]
    sent = {name: value for name, value in body.items() if name != "manual"}
    return sent if manual else {**sent, MANUAL.path: None}


async def advanced(page: Page) -> Response:
    """Change what holds for all layer 7 services."""
    editor = Editor(
        title="Layer 7 – Advanced Configuration",
        sections=SETTINGS_SECTIONS,
        cancel="/lbadmin/",
        resource="/layer7/settings",
        find=lambda document: document["layer7"],
        done=lambda _: ("/lbadmin/layer7/advanced", "The settings were saved and are in effect."),
    )
    return await editor.respond(page)


ROUTES = [
    *routes_of(LAYER7, add=_add_service, modify=_modify_service),
    route("/lbadmin/layer7/advanced", advanced, posts=True),
]
