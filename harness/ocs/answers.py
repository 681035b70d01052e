"""What a mock front end answers to a SIP request. Pure."""

import re

from harness.ocs.sip import Request, Response

# [MS-SIPREGE] and [MS-CONMGMT]: what OCS 2007 R2 answers to REGISTER.
EXPIRES_S = 7200
KEEP_ALIVE = "UAS; tcp=no; hop-hop=yes; end-end=no; timeout=300"
_ALLOW = "REGISTER, OPTIONS"
_COPIED = ("from", "to", "call-id", "cseq")


def _received(via: str, peer: str) -> str:
    """The topmost Via with `received` where the peer is not who it says (RFC 3261 section 18.2.1)."""
    sent_by = re.match(r"SIP\s*/\s*2\.0\s*/\s*\w+\s+([^\s;:]+)", via)
    return via if sent_by and sent_by[1] == peer else f"{via};received={peer}"


def answer(request: Request, server: str, peer: str) -> Response | None:
    """The response of front end `server` to a request from address `peer`; None where none is due."""
    if request.method == "ACK":
        return None
    vias = request.all("via")
    headers = [("via", _received(vias[0], peer)), *(("via", via) for via in vias[1:])]
    for name in _COPIED:
        value = request.get(name)
        if name == "to" and ";tag=" not in value.replace(" ", "").lower():
            value += f";tag={server}"
        headers.append((name, value))
    headers.append(("server", server))
    if request.method == "REGISTER":
        headers += [("contact", value) for value in request.all("contact")]
        headers += [("expires", str(EXPIRES_S)), ("ms-keep-alive", KEEP_ALIVE)]
        return Response(tuple(headers), status=200, reason="OK")
    if request.method == "OPTIONS":
        return Response((*headers, ("allow", _ALLOW)), status=200, reason="OK")
    return Response((*headers, ("allow", _ALLOW)), status=501, reason="Not Implemented")


def refusal(server: str, reason: str) -> Response:
    """The response to what is no SIP message, after which the connection is closed."""
    return Response((("server", server),), status=400, reason=reason)
