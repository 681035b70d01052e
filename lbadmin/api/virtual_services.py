"""/layer7/virtual-services: the services that HAProxy balances."""

from lbadmin import edits
from lbadmin.api.revisions import Reader
from lbadmin.api.services import routes_of
from lbadmin.document import Document
from lbadmin.render.service import section_body

router = routes_of(edits.LAYER7)


class Section(Document):
    """The lines of a `listen` section below its head."""

    text: str


@router.get("/{label}/section", operation_id="getVirtualServiceSection", summary="Read the rendered section")
def get_section(reader: Reader, label: str) -> Section:
    """What the fields amount to in haproxy.cfg: the text that a manual configuration begins with."""
    return Section(text=section_body(edits.LAYER7.find(reader.cluster(), label)))
