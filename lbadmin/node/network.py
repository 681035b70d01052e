"""Interfaces, their addresses, and routes."""

from typing import Annotated

from pydantic import Field

from lbadmin.document import Document
from lbadmin.fields import InterfaceAddress, InterfaceName


class Interface(Document):
    """A network interface and the addresses that are the node's own."""

    name: InterfaceName
    addresses: Annotated[tuple[InterfaceAddress, ...], Field(max_length=64)] = ()


class Route(Document):
    """A static route."""
