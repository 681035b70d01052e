"""/layer7/templates: the services of a whole OCS 2007 R2 role, shown before they are added."""

from collections.abc import Callable

from fastapi import APIRouter
from pydantic import BaseModel

from lbadmin.api.auth import Caller
from lbadmin.api.context import Context, ContextDep
from lbadmin.api.problems import RESPONSES
from lbadmin.api.revisions import Writer
from lbadmin.assistant import EdgeArray, FrontEndPool, Plan, edge_array, front_end_pool
from lbadmin.client import PREFIX
from lbadmin.diffs import diff
from lbadmin.model import AnyService, ClusterConfig

router = APIRouter(prefix=f"{PREFIX}/layer7/templates", responses=RESPONSES, tags=["assistant"])


class Proposal(BaseModel):
    """The services of the template, what the configuration gains by them, and what else is to know."""

    diff: list[str]
    services: tuple[AnyService, ...]
    notes: tuple[str, ...]


@router.post(
    "/ocs-front-end/preview", operation_id="previewFrontEnd", summary="Show a front end pool's service"
)
def preview_front_end(context: ContextDep, _: Caller, pool: FrontEndPool) -> Proposal:
    """What section 8 of the deployment guide produces, time-outs included; nothing is changed."""
    return _preview(context, lambda cluster: front_end_pool(cluster, context.changes.current.node, pool))


@router.post("/ocs-front-end", operation_id="addFrontEnd", summary="Add a front end pool", status_code=201)
def add_front_end(context: ContextDep, writer: Writer, pool: FrontEndPool) -> Proposal:
    """One change: the virtual service with its real servers, and layer 7's time-outs if it is of layer 7."""
    what = f"add OCS 2007 R2 Front End pool {pool.label}"
    return _add(writer, lambda cluster: front_end_pool(cluster, context.changes.current.node, pool), what)


@router.post("/ocs-edge/preview", operation_id="previewEdge", summary="Show an Edge array's services")
def preview_edge(context: ContextDep, _: Caller, array: EdgeArray) -> Proposal:
    """A virtual service for each virtual address that is given; nothing is changed."""
    return _preview(context, lambda cluster: edge_array(cluster, context.changes.current.node, array))


@router.post("/ocs-edge", operation_id="addEdge", summary="Add an Edge array", status_code=201)
def add_edge(context: ContextDep, writer: Writer, array: EdgeArray) -> Proposal:
    """One change, however many virtual services it adds."""
    what = f"add OCS 2007 R2 Edge array {array.label}"
    return _add(writer, lambda cluster: edge_array(cluster, context.changes.current.node, array), what)


def _preview(context: Context, plan: Callable[[ClusterConfig], Plan]) -> Proposal:
    current = context.changes.current.cluster
    return _proposal(current, plan(current))


def _add(writer: Writer, plan: Callable[[ClusterConfig], Plan], what: str) -> Proposal:
    """Answer with what was added to the very document that was there."""
    made: list[Proposal] = []

    def edit(cluster: ClusterConfig) -> ClusterConfig:
        planned = plan(cluster)
        made.append(_proposal(cluster, planned))
        return planned.cluster

    writer.change_cluster(edit, what)
    return made[0]


def _proposal(before: ClusterConfig, plan: Plan) -> Proposal:
    old, new = before.model_dump(mode="json"), plan.cluster.model_dump(mode="json")
    return Proposal(diff=diff(old, new, "now", "new"), services=plan.services, notes=plan.notes)
