"""Cluster Configuration: the scripts that health checks of the kind External Script run."""

from typing import Any, TypeAlias
from urllib.parse import quote

from starlette.responses import Response

from lbadmin.catalogue_requests import CHECK_SCRIPT
from lbadmin.web.editor import Editor, ask_first
from lbadmin.web.forms import default_texts
from lbadmin.web.layers import LAYERS
from lbadmin.web.page import Page, route

Json: TypeAlias = Any

SCRIPTS = "/lbadmin/check-scripts"
ONE = f"{SCRIPTS}/of/{{label}}"
"""The pages of one script: apart from the others, so that any label will do."""
API = "/layer7/check-scripts"

SAMPLE = """\
#!/bin/bash
# The real server is alive when it accepts a connection within two seconds.
address=$3 port=5061
timeout 2 bash -c 'exec 3<>"/dev/tcp/$0/$1"' "$address" "$port"
"""
"""What a new script begins with; it works as it stands."""


async def scripts(page: Page) -> Response:
    """List the scripts, and tell what one gets and gives."""
    used: dict[str, list[tuple[str, str]]] = {}
    for layer in LAYERS.values():
        for service in (await page.get(layer.api))["virtual_services"]:
            if service["health_check"]["type"] == "external":
                where = service["label"], layer.service(service["label"])
                used.setdefault(service["health_check"]["script"], []).append(where)
    found = (await page.get(API))["check_scripts"]
    return await page.show("scripts.html", scripts=found, used=used, sample=SAMPLE)


async def add(page: Page) -> Response:
    """Add a script, beginning with the sample."""
    editor = Editor(
        title="Add a Health Check Script",
        sections=(CHECK_SCRIPT,),
        cancel=SCRIPTS,
        collection=API,
        root="check_scripts",
        done=lambda made: (SCRIPTS, f"{made['label']} was added; choose it in a virtual service to use it."),
    )
    if page.posted:
        return await editor.respond(page)
    return await editor.show(page, {**default_texts(editor.fields), "text": SAMPLE})


async def modify(page: Page) -> Response:
    """Change a script."""
    label = page.request.path_params["label"]

    def find(document: Json) -> Json | None:
        return next((each for each in document["check_scripts"] if each["label"] == label), None)

    editor = Editor(
        title=f"Modify {label}",
        intro="The next health check runs the new text.",
        sections=(CHECK_SCRIPT,),
        cancel=SCRIPTS,
        resource=_api(page),
        method="PUT",
        root="check_scripts",
        find=find,
        done=lambda _: (SCRIPTS, f"{label} was changed; the change is in effect."),
    )
    return await editor.respond(page)


async def delete(page: Page) -> Response:
    """Ask, then delete a script."""
    label = page.request.path_params["label"]
    await page.get(_api(page))
    return await ask_first(
        page,
        "DELETE",
        _api(page),
        title=f"Delete {label}?",
        text="The script goes; the Change History still has it. One that a health check uses is not deleted.",
        submit="Delete",
        back=SCRIPTS,
        notice=f"{label} was deleted.",
    )


def _api(page: Page) -> str:
    return f"{API}/{quote(page.request.path_params['label'], safe='')}"


ROUTES = [
    route(SCRIPTS, scripts),
    route(f"{SCRIPTS}/add", add, posts=True),
    route(ONE, modify, posts=True),
    route(f"{ONE}/delete", delete, posts=True),
]
