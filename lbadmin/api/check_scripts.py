"""/layer7/check-scripts: the scripts that health checks of type `external` run."""

from urllib.parse import quote

from fastapi import APIRouter, Response

from lbadmin import edits
from lbadmin.api.problems import CREATED, RESPONSES
from lbadmin.api.revisions import Reader, Writer
from lbadmin.client import PREFIX
from lbadmin.document import Document
from lbadmin.model import CheckScript

router = APIRouter(prefix=f"{PREFIX}/layer7/check-scripts", responses=RESPONSES, tags=["layer 7"])


class CheckScripts(Document):
    """All check scripts, in the order in which they were added."""

    check_scripts: tuple[CheckScript, ...]


@router.get("", operation_id="listCheckScripts", summary="List the check scripts")
def list_scripts(reader: Reader) -> CheckScripts:
    """All scripts with their text."""
    return CheckScripts(check_scripts=reader.cluster().check_scripts)


@router.post("", operation_id="addCheckScript", summary="Add a check script", **CREATED)
def add_script(writer: Writer, response: Response, script: CheckScript) -> CheckScript:
    """HAProxy runs it without privileges; arguments: proxy address and port, real server address and port."""
    writer.change_cluster(
        lambda cluster: edits.add_script(cluster, script), f"add check script {script.label}"
    )
    response.headers["Location"] = f"{router.prefix}/{quote(script.label)}"
    return script


@router.get("/{label}", operation_id="getCheckScript", summary="Read a check script")
def get_script(reader: Reader, label: str) -> CheckScript:
    """One script with its text."""
    return edits.script_of(reader.cluster(), label)


@router.put("/{label}", operation_id="putCheckScript", summary="Replace a check script")
def put_script(writer: Writer, label: str, script: CheckScript) -> CheckScript:
    """The next check runs the new text; one that is in use keeps its label."""
    writer.change_cluster(
        lambda cluster: edits.replace_script(cluster, label, script), f"change check script {label}"
    )
    return script


@router.delete("/{label}", operation_id="deleteCheckScript", summary="Delete a check script", status_code=204)
def delete_script(writer: Writer, label: str) -> None:
    """One that a health check uses stays."""
    writer.change_cluster(lambda cluster: edits.remove_script(cluster, label), f"delete check script {label}")
