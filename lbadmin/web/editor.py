"""Editing one object of a document in a form: errors at their fields, and nothing overwritten unseen."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, TypeAlias

from starlette.responses import Response

from lbadmin.bodies import Texts, body_of, texts_of
from lbadmin.catalogue import Field, Section, fields_of
from lbadmin.web.backend import Reply
from lbadmin.web.forms import default_texts, errors_of, sent_texts, shown
from lbadmin.web.page import Page

Json: TypeAlias = Any


@dataclass(frozen=True)
class Row:
    """A field that somebody else has changed: its values when the form was opened, now, and in the form."""

    label: str
    then: str
    now: str
    yours: str


@dataclass(frozen=True)
class Editor:
    """A form for one object: what it is called, where it is read and written, and where to go then.

    `resource` is what is read and patched; None for an object that is made by POST to `collection`. `find`
    takes the object out of the whole document of an earlier revision, None when it was not there; `root` is
    the name of the list that holds such objects, for the paths in errors; `load` completes what is shown of
    an object, `body` what is sent of it.
    """

    title: str
    sections: Sequence[Section]
    cancel: str
    done: Callable[[Json], tuple[str, str]]
    resource: str | None = None
    collection: str = ""
    document: str = "cluster"
    find: Callable[[Json], Json | None] = lambda document: document
    root: str = ""
    intro: str = ""
    template: str = "form.html"
    submit: str = "Update"
    load: Callable[[Json], Json] = lambda found: found
    body: Callable[[dict[str, Any]], Json] = lambda body: body
    method: str = "PATCH"
    extra: dict[str, object] = field(default_factory=dict)

    @property
    def fields(self) -> tuple[Field, ...]:
        """All fields of the form."""
        return fields_of(*self.sections)

    async def respond(self, page: Page) -> Response:
        """Show the form, or take it: go on when it was carried out, else show it with what was typed."""
        if page.posted:
            return await self._take(page)
        if self.resource is None:
            return await self.show(page, default_texts(self.fields))
        reply = await page.call("GET", self.resource)
        return await self.show(page, self.texts(reply.json()), revision=reply.revision)

    def texts(self, found: Json) -> Texts:
        """Return what the form shows of an object."""
        return texts_of(self.load(found), self.fields)

    async def _take(self, page: Page) -> Response:
        texts = sent_texts(await page.form(), self.fields)
        revision = await page.revision()
        reply = await self._send(page, texts, revision)
        if reply.status == HTTPStatus.PRECONDITION_FAILED:
            now = await page.send("GET", str(self.resource))
            rows = await self._changed_since(page, now, texts, revision)
            if rows:
                return await self.show(page, texts, revision=now.revision, conflict=rows, status=409)
            # What is gone by now can't be read either, and that is what there is to tell.
            reply = now if now.is_refused else await self._send(page, texts, now.revision)
        if reply.is_refused:
            errors = errors_of(reply.json(), self.fields, self.root)
            return await self.show(page, texts, revision=revision, errors=errors, status=reply.status)
        path, notice = self.done({**texts, **(reply.json() or {})})
        return page.done(path, notice)

    async def _send(self, page: Page, texts: Texts, revision: str) -> Reply:
        body = body_of(texts, self.fields)
        sent = self.body(body)
        if self.resource is None:
            return await page.send("POST", self.collection, sent)
        return await page.send(self.method, self.resource, sent, revision=revision or None)

    async def _changed_since(self, page: Page, now: Reply, texts: Texts, revision: str) -> list[Row]:
        """Return what others changed in this object since a revision; nothing when it is gone."""
        if now.is_refused:
            return []
        number = revision.strip('"')
        old = await page.send("GET", f"/history/{self.document}/{number}") if number.isdigit() else None
        then_object = None
        if old is not None and old.status == HTTPStatus.OK:
            then_object = self.find(old.json()["document"])
        present = self.texts(now.json())
        then = self.texts(then_object) if then_object is not None else {}
        return [
            Row(
                each.label,
                shown(then[each.path], each) if then else "unknown",
                shown(present[each.path], each),
                shown(texts[each.path], each),
            )
            for each in self.fields
            if not then or then[each.path] != present[each.path]
        ]

    async def show(
        self,
        page: Page,
        texts: Texts,
        *,
        revision: str = "",
        errors: Texts | None = None,
        conflict: Sequence[Row] = (),
        status: int = 200,
    ) -> Response:
        """Show the form with these texts, the errors at their fields and what others have changed."""
        return await page.show(
            self.template,
            status,
            title=self.title,
            intro=self.intro,
            sections=self.sections,
            values=texts,
            errors=errors or {},
            choices=await choices_for(page, self.fields),
            conflict=conflict,
            revision=revision,
            cancel=self.cancel,
            submit=self.submit,
            upload=any(each.kind == "file" for each in self.fields),
            **self.extra,
        )


async def choices_for(page: Page, fields: Sequence[Field]) -> dict[str, list[str]]:
    """Return the labels that the fields choose from."""
    resources = {
        "certificates": "/layer7/certificates",
        "check_scripts": "/layer7/check-scripts",
        "time_zones": "/node/time-zones",
    }
    wanted = {each.choices_from for each in fields if each.choices_from}
    return {
        name: [each["label"] for each in (await page.get(resources[name]))[name]] for name in sorted(wanted)
    }


async def act(page: Page, method: str, path: str, *, back: str, notice: str) -> Response:
    """Carry out a button: go back with a notice, or with the reason why it was refused."""
    await page.form()
    reply = await page.send(method, path)
    return await page.refused(reply) if reply.is_refused else page.done(back, notice)


async def ask_first(
    page: Page,
    method: str,
    path: str,
    *,
    title: str,
    text: str,
    submit: str,
    back: str,
    notice: str,
    cancel: str = "",
    template: str = "confirm.html",
) -> Response:
    """Show a question, or carry out what it is about once its button was pressed: see `act`."""
    if page.posted:
        return await act(page, method, path, back=back, notice=notice)
    return await page.show(template, title=title, text=text, cancel=cancel or back, submit=submit)
