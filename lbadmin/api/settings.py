"""/layer7/settings: timeouts and limits of all layer 7 services."""

from typing import TYPE_CHECKING

from fastapi import APIRouter
from pydantic import BaseModel

from lbadmin.api.patches import patch_of, patched
from lbadmin.api.problems import RESPONSES
from lbadmin.api.revisions import Reader, Writer
from lbadmin.client import PREFIX
from lbadmin.model import Layer7Settings

router = APIRouter(prefix=f"{PREFIX}/layer7", responses=RESPONSES, tags=["layer 7"])

# The patch model is made at run time, so a type checker sees its base.
if TYPE_CHECKING:
    SettingsPatch = BaseModel
else:
    SettingsPatch = patch_of(Layer7Settings)


@router.get("/settings", operation_id="getLayer7Settings", summary="Read the layer 7 settings")
def get_settings(reader: Reader) -> Layer7Settings:
    """Timeouts and limits that hold for all layer 7 services."""
    return reader.cluster().layer7


@router.put("/settings", operation_id="putLayer7Settings", summary="Replace the layer 7 settings")
def put_settings(writer: Writer, settings: Layer7Settings) -> Layer7Settings:
    """Fields that are left out get their factory values."""
    changed = writer.change_cluster(
        lambda cluster: cluster.model_copy(update={"layer7": settings}), "layer 7 settings"
    )
    return changed.layer7


@router.patch("/settings", operation_id="patchLayer7Settings", summary="Change some layer 7 settings")
def patch_settings(writer: Writer, patch: SettingsPatch) -> Layer7Settings:
    """Fields that are left out stay as they are."""
    changed = writer.change_cluster(
        lambda cluster: cluster.model_copy(update={"layer7": patched(cluster.layer7, patch)}),
        "layer 7 settings",
    )
    return changed.layer7
