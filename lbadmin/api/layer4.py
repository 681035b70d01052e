"""/layer4/virtual-services: the services that the kernel's IPVS balances."""

from lbadmin import edits
from lbadmin.api.revisions import Reader
from lbadmin.api.services import routes_of
from lbadmin.document import Document
from lbadmin.rules_layer4 import warnings_of

router = routes_of(edits.LAYER4, "Layer4")


class Layer4Warnings(Document):
    """What an administrator should know of a service that is allowed and yet not advised."""

    warnings: tuple[str, ...]


@router.get(
    "/{label}/warnings", operation_id="getLayer4Warnings", summary="Read what a virtual service is warned of"
)
def get_warnings(reader: Reader, label: str) -> Layer4Warnings:
    """A sentence for each; none for a service that is as it should be."""
    return Layer4Warnings(warnings=tuple(warnings_of(edits.LAYER4.find(reader.cluster(), label))))
