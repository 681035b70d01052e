"""Cluster Configuration: a whole OCS role from a few addresses, reviewed before it is made."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, TypeAlias

from starlette.responses import Response

from lbadmin.bodies import Texts, body_of
from lbadmin.catalogue import Field, Section
from lbadmin.catalogue_templates import TEMPLATES, Template
from lbadmin.web.forms import default_texts, errors_of, sent_texts
from lbadmin.web.layers import LAYER4, LAYER7
from lbadmin.web.page import Page, route

Json: TypeAlias = Any

PAGE = "/lbadmin/templates"
ROWS = 2
MAX_ROWS = 64
"""Servers that the form begins with, and that it takes; a pool has at most 8 front ends (OCS 2007 R2)."""

BY_NAME = {each.name: each for each in TEMPLATES}


async def templates(page: Page) -> Response:
    """Let choose a template."""
    return await page.show("templates.html", templates=TEMPLATES)


async def template(page: Page) -> Response:
    """Ask for the addresses, show what they make, and make it."""
    chosen = BY_NAME.get(page.request.path_params["name"])
    if chosen is None:
        return page.done(PAGE)
    if not page.posted:
        return await _ask(page, chosen, _Typed(chosen, ROWS), {})
    form = await page.form()
    action, sent = str(form.get("action", "")), _Typed(chosen, _rows_of(form), form)
    if action == "add":
        return await _ask(page, chosen, _Typed(chosen, min(sent.rows + 1, MAX_ROWS), sent.texts), {})
    if action == "apply":
        return await _apply(page, chosen, sent, await page.revision())
    if action == "review":
        return await _review(page, chosen, sent)
    return await _ask(page, chosen, sent, {})


class _Typed:
    """What is typed into a template's form: as many rows as it shows, the used ones first."""

    def __init__(self, chosen: Template, rows: int, form: Mapping[str, Any] | None = None) -> None:
        self.rows = rows
        in_rows = (each for number in range(rows) for each in _row_fields(chosen, number))
        self.fields = (*chosen.fields, *in_rows)
        self.texts: Texts = default_texts(self.fields)
        if form is not None:
            self.texts = _used_first(sent_texts(form, self.fields), chosen, rows)

    def body(self) -> Json:
        """Return the request: rows that are blank are not meant."""
        sent = body_of(self.texts, self.fields)
        servers = (sent["real_servers"][str(number)] for number in range(self.rows))
        return {**sent, "real_servers": [each for each in servers if any(each.values())]}


def _row_fields(chosen: Template, number: int) -> tuple[Field, ...]:
    """Return the fields of a row; all labels of the form differ."""
    title = f"{chosen.server} {number + 1}"
    return tuple(
        each._replace(path=f"real_servers.{number}.{each.path}", label=f"{title} {each.label}")
        for each in chosen.row
    )


def _used_first(texts: Texts, chosen: Template, rows: int) -> Texts:
    """Move blank rows to the end, so that the numbers in errors are those of the form's rows."""
    groups = [[texts[f"real_servers.{number}.{each.path}"] for each in chosen.row] for number in range(rows)]
    ordered = sorted(groups, key=lambda group: not any(group))
    moved = {
        f"real_servers.{number}.{each.path}": text
        for number, group in enumerate(ordered)
        for each, text in zip(chosen.row, group, strict=True)
    }
    return {**texts, **moved}


def _rows_of(form: Mapping[str, Any]) -> int:
    try:
        return min(max(int(str(form.get("rows"))), 1), MAX_ROWS)
    except ValueError:
        return ROWS


async def _ask(page: Page, chosen: Template, sent: _Typed, errors: Texts, status: int = 200) -> Response:
    sections = [Section("", chosen.fields)]
    sections += [
        Section(f"{chosen.server} {number + 1}", _row_fields(chosen, number)) for number in range(sent.rows)
    ]
    return await page.show(
        "template.html",
        status,
        chosen=chosen,
        sections=sections,
        values=sent.texts,
        errors=errors,
        rows=sent.rows,
        more=sent.rows < MAX_ROWS,
        cancel=PAGE,
    )


async def _review(page: Page, chosen: Template, sent: _Typed, notice: str = "") -> Response:
    """Show what would be made, in words and as a difference; nothing is changed by it."""
    revision = (await page.call("GET", "/layer7/settings")).revision
    reply = await page.send("POST", f"/layer7/templates/{chosen.name}/preview", sent.body())
    if reply.is_refused:
        return await _ask(page, chosen, sent, _errors(reply.json(), chosen, sent), reply.status)
    return await page.show(
        "template_review.html",
        chosen=chosen,
        found=reply.json(),
        texts=sent.texts,
        rows=sent.rows,
        revision=revision,
        changed=notice,
    )


def _errors(problem: Json, chosen: Template, sent: _Typed) -> Texts:
    """Return the errors at their fields; that no server is named, too, has its place in the first row."""
    first = f"real_servers.0.{chosen.row[0].path}"
    missing = f"no {chosen.server} is named; fill in one row at least"
    errors = [
        {"field": first, "message": missing} if each["field"] == "real_servers" else each
        for each in problem["errors"]
    ]
    return errors_of({**problem, "errors": errors}, sent.fields)


async def _apply(page: Page, chosen: Template, sent: _Typed, revision: str) -> Response:
    path = f"/layer7/templates/{chosen.name}"
    reply = await page.send("POST", path, sent.body(), revision=revision or None)
    if reply.status == HTTPStatus.PRECONDITION_FAILED:
        return await _review(page, chosen, sent, "Somebody else has changed the configuration meanwhile.")
    if reply.is_refused:
        return await _ask(page, chosen, sent, _errors(reply.json(), chosen, sent), reply.status)
    services = reply.json()["services"]
    labels = " and ".join(each["label"] for each in services)
    layer = LAYER4 if "forwarding" in services[0] else LAYER7
    return page.done(layer.services, f"{labels} and the real servers were added; the change is in effect.")


ROUTES = [
    route(PAGE, templates),
    route(f"{PAGE}/{{name}}", template, posts=True),
]
