"""/layer4/virtual-services/{label}/setup: how the real servers of a service have to be set up."""

from fastapi import APIRouter

from lbadmin import edits
from lbadmin.api.problems import RESPONSES
from lbadmin.api.revisions import Reader
from lbadmin.client import PREFIX
from lbadmin.document import Document
from lbadmin.layer4_setup import setup_of
from lbadmin.model import Forwarding

router = APIRouter(
    prefix=f"{PREFIX}/layer4/virtual-services/{{label}}/setup", responses=RESPONSES, tags=["layer 4"]
)


class SetupText(Document):
    """Commands to copy on a real server of that operating system."""

    system: str
    commands: str


class Layer4Setup(Document):
    """What the forwarding method asks of the real servers; no texts where they need nothing."""

    method: Forwarding
    explanation: str
    texts: tuple[SetupText, ...]


@router.get("", operation_id="getLayer4Setup", summary="Read how the real servers have to be set up")
def get_setup(reader: Reader, label: str) -> Layer4Setup:
    """Texts to copy, with the service's own addresses in them."""
    networks = [address.network for interface in reader.node().interfaces for address in interface.addresses]
    cluster = reader.cluster()
    found = setup_of(edits.LAYER4.find(cluster, label), cluster.ha.floating_addresses, networks)
    texts = tuple(SetupText(system=each.system, commands=each.commands) for each in found.texts)
    return Layer4Setup(method=found.method, explanation=found.explanation, texts=texts)
