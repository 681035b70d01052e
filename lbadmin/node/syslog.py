"""The server that the logs are sent to."""

from typing import Literal

from lbadmin.document import Document
from lbadmin.fields import PemText, Port
from lbadmin.node.hosts import Host

Protocol = Literal["udp", "tcp", "tls"]

PORTS: dict[Protocol, int] = {"udp": 514, "tcp": 514, "tls": 6514}
"""RFC 5426, section 3.3; what is usual (RFC 6587); RFC 5425, section 4.1."""


class Syslog(Document):
    """The server that the logs are sent to; without a host they stay here.

    Over TLS its certificate must be for `host`, and signed by `ca_certificate`, else by one of the
    authorities that the appliance ships with.
    """

    host: Host | None = None
    protocol: Protocol = "udp"
    port: Port | None = None
    ca_certificate: PemText | None = None

    @property
    def server_port(self) -> int:
        """The port of the server, the usual one of `protocol` when none is given."""
        return self.port or PORTS[self.protocol]
