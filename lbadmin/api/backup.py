"""/backup: the whole configuration as one file, and the way back from it, shown before it is taken."""

import json
from typing import Annotated, Any

from fastapi import APIRouter, Response
from pydantic import BaseModel, BeforeValidator, Field, WithJsonSchema

from lbadmin.api.auth import Trusted
from lbadmin.api.context import ContextDep
from lbadmin.api.problems import RESPONSES
from lbadmin.api.revisions import Writer
from lbadmin.backup import Backup, make_backup, read_backup
from lbadmin.client import PREFIX
from lbadmin.diffs import diff
from lbadmin.document import Document, Flag
from lbadmin.model import ClusterConfig, NodeConfig
from lbadmin.openssl import refused
from lbadmin.rules import check_rules

router = APIRouter(prefix=f"{PREFIX}/backup", responses=RESPONSES, tags=["backup"])

Documents = tuple[ClusterConfig, NodeConfig]


def _file(value: object) -> object:
    if not isinstance(value, dict | str):
        raise ValueError("is neither a JSON object nor a text; send the backup file as it is")  # noqa: TRY004
    return value


File = Annotated[
    Any, BeforeValidator(_file), WithJsonSchema({"anyOf": [{"type": "object"}, {"type": "string"}]})
]


class BackupFile(BaseModel):
    """A backup: the file's JSON. With private keys and secrets, without users' passwords and API keys."""

    lbva: str
    format: int
    version: str
    created: str
    hostname: str
    cluster: ClusterConfig
    node: NodeConfig
    keys: dict[str, str]
    secrets: dict[str, str]
    hash: str


class Restore(Document):
    """A backup, as the file's JSON object or its text, and which of its documents to restore."""

    backup: File
    cluster: Annotated[Flag, Field(description="Restore what both nodes of a pair share.")] = True
    node: Annotated[Flag, Field(description="This node's own, too: host name, addresses, gateway.")] = False


class RestorePreview(BaseModel):
    """What a restore would change, as lines of unified diffs; none where nothing differs."""

    version: str
    created: str
    cluster_diff: list[str]
    node_diff: list[str]


@router.get(
    "",
    operation_id="getBackup",
    summary="Download a backup",
    response_model=BackupFile,
    responses={200: {"headers": {"Content-Disposition": {"schema": {"type": "string"}}}}},
)
def get_backup(context: ContextDep, _: Trusted) -> Response:
    """Both documents and the private keys; keep it as safe as those. Read-only API keys may not have it."""
    made = make_backup(context.changes)
    name = f"lbva-{made['hostname']}-{made['created'][:10]}.json"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(json.dumps(made, indent=1).encode(), 200, headers, "application/json")


@router.post("/preview", operation_id="previewRestore", summary="Show what a restore would change")
def preview_restore(context: ContextDep, _: Trusted, body: Restore) -> RestorePreview:
    """Checks the backup as a restore does, and changes nothing."""
    backup = read_backup(context.system, body.backup)
    current = context.changes.current
    cluster, node = _chosen(body, backup, (current.cluster, current.node))
    check_rules(cluster, node)
    return RestorePreview(
        version=backup.version,
        created=backup.created,
        cluster_diff=_diff(current.cluster, cluster),
        node_diff=_diff(current.node, node),
    )


@router.post("/restore", operation_id="restoreBackup", summary="Restore a backup")
def restore_backup(context: ContextDep, writer: Writer, body: Restore) -> RestorePreview:
    """One change, whatever it restores, and all or nothing; If-Match is the ETag of the configuration."""
    backup = read_backup(context.system, body.backup)
    before = context.changes.current
    keys = backup.keys if body.cluster else {}
    cluster, node = writer.change(
        lambda cluster, node: _chosen(body, backup, (cluster, node)),
        f"restore the backup of {backup.created}",
        keys,
        backup.secrets if body.node else {},
    )
    return RestorePreview(
        version=backup.version,
        created=backup.created,
        cluster_diff=_diff(before.cluster, cluster),
        node_diff=_diff(before.node, node),
    )


def _chosen(body: Restore, backup: Backup, current: Documents) -> Documents:
    if not body.cluster and not body.node:
        raise refused("cluster", "cluster and node are both false; choose what to restore")
    cluster, node = current
    return backup.cluster if body.cluster else cluster, backup.node if body.node else node


def _diff(old: ClusterConfig | NodeConfig, new: ClusterConfig | NodeConfig) -> list[str]:
    return diff(old.model_dump(mode="json"), new.model_dump(mode="json"), "now", "backup")
