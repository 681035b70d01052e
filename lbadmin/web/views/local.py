"""Local Configuration: the names of this node, and the button that keeps a change."""

from typing import Any, TypeAlias

from starlette.responses import Response

from lbadmin.catalogue import Section
from lbadmin.catalogue_requests import HOSTNAME
from lbadmin.web.editor import Editor, act
from lbadmin.web.page import Page, button, route

Json: TypeAlias = Any

HOSTNAME_PAGE = "/lbadmin/local/hostname"
IN_EFFECT = "is in effect."


async def confirm(page: Page) -> Response:
    """Keep a change that waits for it."""
    return await act(page, "POST", "/node/confirm", back="/lbadmin/", notice="The change is kept.")


async def hostname(page: Page) -> Response:
    """Change the node's name and its name servers."""
    changed = "The change of the names"
    return await _node_editor("Hostname & DNS", HOSTNAME, HOSTNAME_PAGE, changed).respond(page)


def _node_editor(title: str, section: Section, path: str, changed: str) -> Editor:
    return Editor(
        title=title,
        sections=(section,),
        cancel=path,
        resource="/node",
        document="node",
        done=lambda _: (path, f"{changed} {IN_EFFECT}"),
    )


ROUTES = [
    button("/lbadmin/local/confirm", confirm),
    route(HOSTNAME_PAGE, hostname, posts=True),
]
