"""A mock pool of Office Communications Server 2007 R2: front ends, their registrar, clients."""

from enum import Enum


class Service(Enum):
    """What a mock speaks on a port."""

    SIP = "SIP over TCP"
    SIPS = "SIP over TLS"
    WEB = "HTTPS: the web components, with the address book"
    FOCUS = "HTTPS: the focus of conferences"
    RPC = "the endpoint mapper of DCE/RPC"
    MUTUAL_TLS = "a line with its name over TLS, for clients with a certificate"


# The deployment guide, section 6, "Port Requirements".
PORTS: dict[int, Service] = {
    135: Service.RPC,
    443: Service.WEB,
    444: Service.FOCUS,
    5060: Service.SIP,
    5061: Service.SIPS,
    5065: Service.SIPS,
    5069: Service.SIPS,
    5071: Service.SIPS,
    5072: Service.SIPS,
    5073: Service.SIPS,
    5074: Service.SIPS,
    8404: Service.MUTUAL_TLS,
}

# The name that OCS clients know the pool by; every front end's certificate carries it.
POOL = "pool.ocs.lab"
DOMAIN = "ocs.lab"
"""Of the users' addresses of record: sip:alice@ocs.lab."""
PASSWORD = "ocs-lab"  # noqa: S105 - of every user of the mock pool
