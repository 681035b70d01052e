"""Mock front ends of Office Communications Server 2007 R2, and clients that speak to them."""

from enum import Enum


class Service(Enum):
    """What a mock speaks on a port."""

    SIP = "SIP over TCP"
    SIPS = "SIP over TLS"
    HTTPS = "HTTPS"
    LINE = "a line with its name over TCP"
    TLS_LINE = "a line with its name over TLS"


# The deployment guide, section 6, "Port Requirements".
PORTS: dict[int, Service] = {
    135: Service.LINE,
    443: Service.HTTPS,
    444: Service.HTTPS,
    5060: Service.SIP,
    5061: Service.SIPS,
    5065: Service.SIPS,
    5069: Service.SIPS,
    5071: Service.SIPS,
    5072: Service.SIPS,
    5073: Service.SIPS,
    5074: Service.SIPS,
    8404: Service.TLS_LINE,
}

# The name that OCS clients know the pool by; every front end's certificate carries it.
POOL = "pool.ocs.lab"
