"""What layer 4 services must be, beside what all services must be (`rules`)."""

from lbadmin.fields import port_span
from lbadmin.model import Layer4Service

SIP_PORTS = frozenset({5060, 5061})
"""By these a service is taken for one of OCS 2007 R2: its front ends and edges have at least one of them."""


def warnings_of(service: Layer4Service) -> list[str]:
    """Return a sentence for each thing that is allowed and yet not advised."""
    method = {"nat": "NAT", "dr": "Direct Routing"}.get(service.forwarding)
    spans = map(port_span, service.ports or ())
    sip = any(first <= port <= last for first, last in spans for port in SIP_PORTS)
    if method is None or not sip:
        return []
    sentence = (
        f"{service.label} has SIP ports and the forwarding method {method}: for OCS 2007 R2 Microsoft does "
        "not support destination NAT and does not recommend direct server return; choose SNAT"
    )
    return [sentence]
