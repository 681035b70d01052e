"""/config and /node: the documents whole."""

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel

from lbadmin.api.auth import Caller
from lbadmin.api.context import ContextDep
from lbadmin.api.patches import patch_of, patched
from lbadmin.api.problems import RESPONSES
from lbadmin.api.revisions import Reader, Writer
from lbadmin.client import PREFIX
from lbadmin.model import ClusterConfig, NodeConfig
from lbadmin.rules import check_rules

router = APIRouter(prefix=PREFIX, responses=RESPONSES, tags=["documents"])

# The patch model is made at run time, so a type checker sees its base.
if TYPE_CHECKING:
    NodePatch = BaseModel
else:
    NodePatch = patch_of(NodeConfig)


@router.get("/config", operation_id="getConfig", summary="Read the whole cluster configuration")
def get_config(reader: Reader) -> ClusterConfig:
    """What both nodes of a pair share: layer 7 settings, virtual services, real servers."""
    return reader.cluster()


@router.put("/config", operation_id="putConfig", summary="Replace the whole cluster configuration")
def put_config(writer: Writer, config: ClusterConfig) -> ClusterConfig:
    """One change, one reload, however much of it differs."""
    return writer.change_cluster(lambda _: config, "whole configuration")


@router.get("/node", operation_id="getNode", summary="Read this node's own configuration")
def get_node(reader: Reader) -> NodeConfig:
    """Host name, name servers, interfaces and gateway: what is never replicated to a peer."""
    return reader.node()


Confirmed = Annotated[
    bool,
    Query(
        description="Keep a change that could cut off who makes it. Without it, such a change is taken back "
        "after a minute unless POST /node/confirm follows."
    ),
]


class Waiting(BaseModel):
    """A change of the node that is taken back unless it is confirmed; seconds_left is null when none is."""

    seconds_left: int | None
    who: str = ""
    what: str = ""


@router.get("/node/unconfirmed", operation_id="getUnconfirmed", summary="Read which change waits")
def get_unconfirmed(context: ContextDep, _: Caller) -> Waiting:
    """The change that could cut off who made it, and how long it still holds."""
    waiting = context.changes.unconfirmed
    if waiting is None:
        return Waiting(seconds_left=None)
    return Waiting(seconds_left=waiting.seconds_left(), who=waiting.who, what=waiting.what)


@router.post("/node/confirm", operation_id="confirmNode", summary="Keep the change", status_code=204)
def confirm(context: ContextDep, who: Caller) -> None:
    """Keeps what waits to be confirmed; 404 when nothing does, because it was taken back already."""
    context.changes.confirm(who)


@router.put("/node", operation_id="putNode", summary="Replace this node's own configuration")
def put_node(writer: Writer, node: NodeConfig, *, confirmed: Confirmed = False) -> NodeConfig:
    """Takes effect at once: a change of the address may end the connection that asked for it."""
    return writer.change_node(lambda _: node, "node configuration", confirmed=confirmed)


@router.post("/node/check", operation_id="checkNode", summary="Check a change of this node", status_code=204)
def check_node(context: ContextDep, _: Caller, patch: NodePatch) -> None:
    """Refuses the values that PATCH /node would refuse, and changes nothing: for forms, as they are typed."""
    current = context.changes.current
    check_rules(current.cluster, patched(current.node, patch))


@router.patch("/node", operation_id="patchNode", summary="Change some of this node's own configuration")
def patch_node(writer: Writer, patch: NodePatch, *, confirmed: Confirmed = False) -> NodeConfig:
    """Fields that are left out stay as they are; a list of interfaces replaces the old list."""
    what = f"change the node's {' and '.join(sorted(patch.model_fields_set))}"
    return writer.change_node(lambda node: patched(node, patch), what, confirmed=confirmed)
