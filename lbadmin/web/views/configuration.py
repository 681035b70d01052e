"""View Configuration: the rendered files, the documents, and what became of them."""

import json
import re
from typing import Any, TypeAlias

from starlette.exceptions import HTTPException
from starlette.responses import Response

from lbadmin.web.editor import act
from lbadmin.web.page import Page, route

Json: TypeAlias = Any

HISTORY = "/lbadmin/view/history"
_NUMBER = re.compile("[0-9]{1,18}", re.ASCII)
DOCUMENTS = {
    "cluster": "Cluster configuration",
    "node": "This node's configuration",
}
"""The documents as people call them: what a pair shares, and what it does not."""


async def files(page: Page) -> Response:
    """Show the files that the daemons read."""
    found = (await page.get("/files"))["files"]
    # An empty text says that there is no such file now.
    return await page.show("files.html", files={path: text for path, text in found.items() if text})


async def documents(page: Page) -> Response:
    """Show both documents as JSON."""
    texts = {
        DOCUMENTS[name]: json.dumps(await page.get(path), indent=2, ensure_ascii=False)
        for name, path in (("cluster", "/config"), ("node", "/node"))
    }
    return await page.show("documents.html", texts=texts)


async def history(page: Page) -> Response:
    """List the changes of both documents."""
    lists = {name: (await page.get(f"/history/{name}"))["revisions"] for name in DOCUMENTS}
    return await page.show("history.html", lists=lists, titles=DOCUMENTS)


async def revision(page: Page) -> Response:
    """Show a revision: what it changed, and what has changed since."""
    name, number = _named(page)
    kept = [each["revision"] for each in (await page.get(f"/history/{name}"))["revisions"]]
    found = await page.get(f"/history/{name}/{number}")
    # Revision 0 is the factory's configuration, which every history begins with.
    before = max((each for each in (*kept, 0) if each < number), default=0)
    made = (await page.get(f"/history/{name}/{before}/diff?to={number}"))["diff"]
    since = (await page.get(f"/history/{name}/{number}/diff"))["diff"]
    return await page.show(
        "revision.html",
        name=name,
        about=DOCUMENTS[name],
        found=found,
        before=before,
        made=made,
        since=since,
        current=number == max(kept),
    )


async def restore(page: Page) -> Response:
    """Ask with the difference, then restore a revision."""
    name, number = _named(page)
    if page.posted:
        notice = f"Revision {number} was restored and is in effect."
        return await act(page, "POST", f"/history/{name}/{number}/restore", back=HISTORY, notice=notice)
    current = (await page.get(f"/history/{name}"))["revisions"][0]["revision"]
    lines = (await page.get(f"/history/{name}/{current}/diff?to={number}"))["diff"]
    return await page.show("restore.html", about=DOCUMENTS[name], number=number, lines=lines, cancel=HISTORY)


def _named(page: Page) -> tuple[str, int]:
    """Return the document and the number of the revision in the path. Raises HTTPException."""
    name, number = page.request.path_params["document"], page.request.path_params["revision"]
    if name not in DOCUMENTS or _NUMBER.fullmatch(number) is None:
        raise HTTPException(404)
    return name, int(number)


ROUTES = [
    route("/lbadmin/view/files", files),
    route("/lbadmin/view/documents", documents),
    route(HISTORY, history),
    route(f"{HISTORY}/{{document}}/{{revision}}", revision),
    route(f"{HISTORY}/{{document}}/{{revision}}/restore", restore, posts=True),
]
