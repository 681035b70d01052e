"""/layer7/virtual-services/{label}/real-servers: the servers behind a virtual service."""

from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from lbadmin import edits
from lbadmin.api.patches import patch_of, patched
from lbadmin.api.problems import CREATED, RESPONSES
from lbadmin.api.revisions import Reader, Writer
from lbadmin.client import PREFIX
from lbadmin.document import Document
from lbadmin.model import ClusterConfig, RealServer, State

router = APIRouter(
    prefix=f"{PREFIX}/layer7/virtual-services/{{label}}/real-servers", responses=RESPONSES, tags=["layer 7"]
)

# The patch model is made at run time, so a type checker sees its base.
if TYPE_CHECKING:
    ServerPatch = BaseModel
else:
    ServerPatch = patch_of(RealServer)


class StateChange(Document):
    """The state that a real server should have."""

    state: Annotated[State, Field(description="online: serve; drain: keep clients, no new ones; halt: none")]


class RealServers(Document):
    """The real servers of one virtual service, in the order in which they were added."""

    real_servers: tuple[RealServer, ...]


@router.get("", operation_id="listRealServers", summary="List the real servers of a virtual service")
def list_servers(reader: Reader, label: str) -> RealServers:
    """All real servers, whatever their state."""
    return RealServers(real_servers=edits.service_of(reader.cluster(), label).real_servers)


@router.post("", operation_id="addRealServer", summary="Add a real server", **CREATED)
def add_server(writer: Writer, response: Response, label: str, server: RealServer) -> RealServer:
    """The label and the address must be new in the virtual service; a blank port is the client's."""
    writer.change_cluster(
        lambda cluster: edits.add_server(cluster, label, server), f"add real server {server.label} to {label}"
    )
    where = router.prefix.replace("{label}", quote(label))
    response.headers["Location"] = f"{where}/{quote(server.label)}"
    return server


@router.get("/{server}", operation_id="getRealServer", summary="Read a real server")
def get_server(reader: Reader, label: str, server: str) -> RealServer:
    """One real server as it is configured; /status tells how it is."""
    return edits.server_of(edits.service_of(reader.cluster(), label), server)


@router.put("/{server}", operation_id="putRealServer", summary="Replace a real server")
def put_server(
    writer: Writer,
    label: str,
    server: str,
    body: RealServer,
) -> RealServer:
    """Replaces the real server whole; another label in the body renames it."""
    writer.change_cluster(
        lambda cluster: edits.replace_server(cluster, label, server, body),
        f"change real server {server} of {label}",
    )
    return body


@router.patch("/{server}", operation_id="patchRealServer", summary="Change a real server")
def patch_server(
    writer: Writer,
    label: str,
    server: str,
    patch: ServerPatch,
) -> RealServer:
    """Fields that are left out stay as they are; weight and state take effect without a reload."""
    changed = writer.change_cluster(
        lambda cluster: edits.replace_server(
            cluster, label, server, patched(edits.server_of(edits.service_of(cluster, label), server), patch)
        ),
        f"change real server {server} of {label}",
    )
    name = getattr(patch, "label", None) or server
    return edits.server_of(edits.service_of(changed, label), name)


@router.put("/{server}/state", operation_id="putRealServerState", summary="Take online, drain or halt")
def put_state(
    writer: Writer,
    label: str,
    server: str,
    body: StateChange,
) -> RealServer:
    """Takes effect at once and without a reload."""

    def edit(cluster: ClusterConfig) -> ClusterConfig:
        old = edits.server_of(edits.service_of(cluster, label), server)
        return edits.replace_server(cluster, label, server, old.model_copy(update={"state": body.state}))

    changed = writer.change_cluster(edit, f"{body.state} {server} of {label}")
    return edits.server_of(edits.service_of(changed, label), server)


@router.delete("/{server}", operation_id="deleteRealServer", summary="Delete a real server", status_code=204)
def delete_server(writer: Writer, label: str, server: str) -> None:
    """Connections that are open stay until they end; halt the real server first to end them."""
    writer.change_cluster(
        lambda cluster: edits.remove_server(cluster, label, server), f"delete real server {server} of {label}"
    )
