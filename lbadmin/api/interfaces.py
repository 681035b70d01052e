"""/interfaces: the network interfaces that this machine has."""

from fastapi import APIRouter
from pydantic import BaseModel

from lbadmin.api.auth import Caller
from lbadmin.api.context import ContextDep
from lbadmin.api.problems import RESPONSES
from lbadmin.client import PREFIX
from lbadmin.interfaces import LinkState, links_of

router = APIRouter(prefix=PREFIX, responses=RESPONSES, tags=["operations"])


class InterfaceState(BaseModel):
    """An interface: whether its cable is in, its addresses now, virtual ones included, and its MTU."""

    name: str
    mac: str
    state: LinkState
    addresses: list[str]
    mtu: int


class InterfaceStates(BaseModel):
    """The Ethernet interfaces, in the kernel's order."""

    interfaces: list[InterfaceState]


@router.get("/interfaces", operation_id="listInterfaces", summary="List the network interfaces")
def list_interfaces(context: ContextDep, _: Caller) -> InterfaceStates:
    """What the machine has; GET /node tells what is configured."""
    links = links_of(context.system)
    return InterfaceStates(
        interfaces=[
            InterfaceState(
                name=each.name,
                mac=each.mac,
                state=each.state,
                addresses=list(each.addresses),
                mtu=each.mtu,
            )
            for each in links
        ]
    )
