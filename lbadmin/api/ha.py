"""/ha: how soon the slave takes over, and what it takes over beside the services' addresses."""

from typing import TYPE_CHECKING

from fastapi import APIRouter
from pydantic import BaseModel

from lbadmin.api.patches import patch_of, patched
from lbadmin.api.problems import RESPONSES
from lbadmin.api.revisions import Reader, Writer
from lbadmin.client import PREFIX
from lbadmin.model import HaSettings

router = APIRouter(prefix=f"{PREFIX}/ha", responses=RESPONSES, tags=["pair"])

WHAT = "high-availability settings"

# The patch model is made at run time, so a type checker sees its base.
if TYPE_CHECKING:
    HaPatch = BaseModel
else:
    HaPatch = patch_of(HaSettings)


@router.get("", operation_id="getHa", summary="Read the high-availability settings")
def get_ha(reader: Reader) -> HaSettings:
    """Both nodes of a pair share them; a single node brings up the floating addresses by itself."""
    return reader.cluster().ha


@router.put("", operation_id="putHa", summary="Replace the high-availability settings")
def put_ha(writer: Writer, ha: HaSettings) -> HaSettings:
    """Fields that are left out get their factory values."""
    return writer.change_cluster(lambda cluster: cluster.model_copy(update={"ha": ha}), WHAT).ha


@router.patch("", operation_id="patchHa", summary="Change some high-availability settings")
def patch_ha(writer: Writer, patch: HaPatch) -> HaSettings:
    """Fields that are left out stay as they are; a list of addresses replaces the old list."""
    changed = writer.change_cluster(
        lambda cluster: cluster.model_copy(update={"ha": patched(cluster.ha, patch)}), WHAT
    )
    return changed.ha
