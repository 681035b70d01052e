"""/layer7/virtual-services: the services that clients connect to."""

from typing import TYPE_CHECKING
from urllib.parse import quote

from fastapi import APIRouter, Response
from pydantic import BaseModel

from lbadmin import edits
from lbadmin.api.patches import patch_of, patched
from lbadmin.api.problems import CREATED, RESPONSES
from lbadmin.api.real_servers import StateChange
from lbadmin.api.revisions import Reader, Writer
from lbadmin.client import PREFIX
from lbadmin.document import Document
from lbadmin.model import VirtualService
from lbadmin.render.service import section_body

router = APIRouter(prefix=f"{PREFIX}/layer7/virtual-services", responses=RESPONSES, tags=["layer 7"])

# The patch model is made at run time, so a type checker sees its base.
if TYPE_CHECKING:
    ServicePatch = BaseModel
else:
    ServicePatch = patch_of(VirtualService)


class VirtualServices(Document):
    """All virtual services, in the order in which they were added."""

    virtual_services: tuple[VirtualService, ...]


class Section(Document):
    """The lines of a `listen` section below its head."""

    text: str


@router.get("", operation_id="listVirtualServices", summary="List the virtual services")
def list_services(reader: Reader) -> VirtualServices:
    """All virtual services with their real servers."""
    return VirtualServices(virtual_services=reader.cluster().virtual_services)


@router.post("", operation_id="addVirtualService", summary="Add a virtual service", **CREATED)
def add_service(writer: Writer, response: Response, service: VirtualService) -> VirtualService:
    """The label must be new, and no other service may have the address and a port of it."""
    writer.change_cluster(
        lambda cluster: edits.add_service(cluster, service), f"add virtual service {service.label}"
    )
    response.headers["Location"] = f"{router.prefix}/{quote(service.label)}"
    return service


@router.get("/{label}", operation_id="getVirtualService", summary="Read a virtual service")
def get_service(reader: Reader, label: str) -> VirtualService:
    """One virtual service with its real servers."""
    return edits.service_of(reader.cluster(), label)


@router.put("/{label}", operation_id="putVirtualService", summary="Replace a virtual service")
def put_service(
    writer: Writer,
    label: str,
    service: VirtualService,
) -> VirtualService:
    """Replaces the service whole, its real servers included; another label in the body renames it."""
    writer.change_cluster(
        lambda cluster: edits.replace_service(cluster, label, service), f"change virtual service {label}"
    )
    return service


@router.patch("/{label}", operation_id="patchVirtualService", summary="Change a virtual service")
def patch_service(writer: Writer, label: str, patch: ServicePatch) -> VirtualService:
    """Fields that are left out stay as they are; a list of real servers replaces the old list."""
    changed = writer.change_cluster(
        lambda cluster: edits.replace_service(
            cluster, label, patched(edits.service_of(cluster, label), patch)
        ),
        f"change virtual service {label}",
    )
    return edits.service_of(changed, getattr(patch, "label", None) or label)


@router.put("/{label}/state", operation_id="putVirtualServiceState", summary="Take all online, drain or halt")
def put_state(writer: Writer, label: str, body: StateChange) -> VirtualService:
    """The state of all its real servers, as one change that takes effect at once and without a reload."""
    changed = writer.change_cluster(
        lambda cluster: edits.with_state(cluster, label, body.state), f"{body.state} {label}"
    )
    return edits.service_of(changed, label)


@router.get("/{label}/section", operation_id="getVirtualServiceSection", summary="Read the rendered section")
def get_section(reader: Reader, label: str) -> Section:
    """What the fields amount to in haproxy.cfg: the text that a manual configuration begins with."""
    return Section(text=section_body(edits.service_of(reader.cluster(), label)))


@router.delete(
    "/{label}",
    operation_id="deleteVirtualService",
    summary="Delete a virtual service",
    status_code=204,
)
def delete_service(writer: Writer, label: str) -> None:
    """Its real servers go with it; connections that are open stay until they end."""
    writer.change_cluster(
        lambda cluster: edits.remove_service(cluster, label), f"delete virtual service {label}"
    )
