"""The proxy by which the appliance reaches the internet."""

from lbadmin.document import Document
from lbadmin.fields import Port
from lbadmin.node.hosts import Host


class Proxy(Document):
    """An HTTP proxy (CONNECT); without a host the appliance reaches the internet itself."""

    host: Host | None = None
    port: Port = 3128
