"""/history: what became of the two documents, and the way back."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel

from lbadmin.api.auth import Caller
from lbadmin.api.context import Context, ContextDep
from lbadmin.api.problems import RESPONSES
from lbadmin.api.revisions import Writer
from lbadmin.client import PREFIX
from lbadmin.history import History, Name, cluster_history, node_history
from lbadmin.model import ClusterConfig, NodeConfig

router = APIRouter(prefix=f"{PREFIX}/history/{{document}}", responses=RESPONSES, tags=["history"])

MAX_NUMBER = 10**12
Number = Annotated[int, Path(ge=0, le=MAX_NUMBER, description="The number of a revision.")]


class HistoryEntry(BaseModel):
    """One revision: its number, when (UTC), who committed it, and what the change was."""

    revision: int
    when: str
    who: str
    what: str


class HistoryList(BaseModel):
    """The last 100 revisions, newest first."""

    revisions: list[HistoryEntry]


class StoredRevision(HistoryEntry):
    """A revision with its document, as it was stored."""

    document: dict[str, Any]


class Diff(BaseModel):
    """The lines of a unified diff; none when nothing differs."""

    diff: list[str]


def _history(context: Context, document: Name) -> History[ClusterConfig] | History[NodeConfig]:
    return cluster_history(context.changes) if document == "cluster" else node_history(context.changes)


@router.get("", operation_id="listRevisions", summary="List the changes of a document")
def list_revisions(context: ContextDep, _: Caller, document: Name) -> HistoryList:
    """Who changed what, and when."""
    revisions = _history(context, document).revisions()
    return HistoryList(revisions=[HistoryEntry(**vars(each)) for each in revisions])


@router.get("/{revision}", operation_id="getRevision", summary="Read a revision of a document")
def get_revision(context: ContextDep, _: Caller, document: Name, revision: Number) -> StoredRevision:
    """One revision with its document, in the format of its time."""
    found = _history(context, document).revision(revision)
    return StoredRevision(
        revision=found.revision, when=found.when, who=found.who, what=found.what, document=found.document
    )


@router.get("/{revision}/diff", operation_id="getDiff", summary="Compare two revisions of a document")
def get_diff(
    context: ContextDep,
    _: Caller,
    document: Name,
    revision: Number,
    to: Annotated[
        int | None, Query(ge=0, le=MAX_NUMBER, description="The other one; left out, it is the current one.")
    ] = None,
) -> Diff:
    """What the later one has (+) and the earlier one had (-), at most 2,000 lines of it."""
    return Diff(diff=_history(context, document).diff(revision, to))


@router.post("/{revision}/restore", operation_id="restoreRevision", summary="Go back to a revision")
def restore_revision(
    context: ContextDep, writer: Writer, document: Name, revision: Number
) -> ClusterConfig | NodeConfig:
    """Put the revision's document into effect as a new change, if today's rules allow it."""
    what = f"restore revision {revision} of the {document} configuration"
    if document == "cluster":
        cluster = cluster_history(context.changes).document(revision)
        return writer.change_cluster(lambda _: cluster, what)
    node = node_history(context.changes).document(revision)
    return writer.change_node(lambda _: node, what)
