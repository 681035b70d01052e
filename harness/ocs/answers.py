"""What a mock front end says: responses, notifications, and how it hands messages on. Pure."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from xml.sax.saxutils import quoteattr

from harness.ocs import DOMAIN
from harness.ocs.sip import Request, Response, SipError

# [MS-SIPREGE] and [MS-CONMGMT]: what OCS 2007 R2 answers to REGISTER.
EXPIRES_S = 7200
KEEP_ALIVE = "UAS; tcp=no; hop-hop=yes; end-end=no; timeout=300"
ALLOW = "REGISTER, SUBSCRIBE, MESSAGE, INVITE, ACK, BYE, CANCEL, INFO, OPTIONS"
PRESENCE = "presence"
MAX_CONTACTS = 256
"""Of one subscription: OCS's users have some 50 contacts, 250 at most by default."""

_ONLINE, _OFFLINE = 3500, 18500  # [MS-PRES], availability
_COPIED = ("from", "to", "call-id", "cseq")
_USER = re.compile(rf"<?sips?:([^@;>\s]+)@{re.escape(DOMAIN)}\b", re.IGNORECASE)
_CONTACT = re.compile(rf"""uri\s*=\s*["']sips?:([^@"']+)@{re.escape(DOMAIN)}["']""", re.IGNORECASE)
_ROUTE = re.compile(r"SIP/2\.0/\w+ ([\w-]+);branch=z9hG4bK-(\d{1,18})-")


@dataclass(frozen=True)
class Binding:
    """Where a user is signed in: a front end, and the number of a connection there."""

    front_end: str
    connection: int


def user_of(uri: str) -> str:
    """The user of an address of record in the pool's domain, "" of any other address."""
    found = _USER.match(uri.strip())
    return found[1].lower() if found else ""


def address_of(value: str) -> str:
    """The user of a From, To or Contact header field, whose address may stand behind a display name."""
    found = _USER.search(value)
    return found[1].lower() if found else ""


def expires_of(request: Request) -> int:
    """Seconds for which a client wants a binding or subscription (RFC 3261, 10.2.1.1); raises SipError."""
    contact = re.search(r";\s*expires\s*=\s*(\w+)", request.get("contact"))
    value = contact[1] if contact else request.get("expires") or str(EXPIRES_S)
    if not (value.isascii() and value.isdecimal() and len(value) <= 10):  # noqa: PLR2004 - 2**32-1, 20.19
        raise SipError("Bad Expires")
    return min(int(value), EXPIRES_S)


def contacts_of(request: Request) -> list[str]:
    """The users that a SUBSCRIBE is about: those of its list ([MS-PRES], adhocList), or whom it is sent to.

    Raises SipError when there are too many.
    """
    if not request.body:
        return [user] if (user := user_of(request.uri)) else []
    found = _CONTACT.findall(request.body.decode(errors="replace"))
    if len(found) > MAX_CONTACTS:
        raise SipError("Too Many Contacts")
    return list(dict.fromkeys(user.lower() for user in found))


def _received(via: str, peer: str) -> str:
    """The topmost Via with `received` where the peer is not who it says (RFC 3261 section 18.2.1)."""
    sent_by = re.match(r"SIP\s*/\s*2\.0\s*/\s*\w+\s+([^\s;:]+)", via)
    return via if sent_by and sent_by[1] == peer else f"{via};received={peer}"


def respond(
    request: Request, server: str, peer: str, status: int, reason: str, *more: tuple[str, str]
) -> Response:
    """The response of front end `server` to a request that came from address `peer`."""
    vias = request.all("via")
    headers = [("via", _received(vias[0], peer)), *(("via", via) for via in vias[1:])]
    for name in _COPIED:
        value = request.get(name)
        if name == "to" and ";tag=" not in value.replace(" ", "").lower():
            value += f";tag={server}"
        headers.append((name, value))
    return Response((*headers, ("server", server), *more), status=status, reason=reason)


def refusal(server: str, reason: str) -> Response:
    """The response to what is no SIP message, after which the connection is closed."""
    return Response((("server", server),), status=400, reason=reason)


def handed_on(request: Request, by: Binding, number: int) -> Request | None:
    """A request as a front end sends it on, so that its response finds the way back over connection `by`.

    None when it has been handed on too often (RFC 3261, 16.3).
    """
    hops = request.get("max-forwards") or "70"
    if not (hops.isascii() and hops.isdecimal()) or not 0 < int(hops[:4]) <= 255:  # noqa: PLR2004 - 20.22
        return None
    via = f"SIP/2.0/TCP {by.front_end};branch=z9hG4bK-{by.connection}-{number}"
    return replace(request.with_only("max-forwards", str(int(hops) - 1))).with_first("via", via)


def way_back(response: Response) -> Binding | None:
    """The connection over which the request of this response came, by the Via that `handed_on` added."""
    found = _ROUTE.match(response.get("via"))
    return Binding(found[1], int(found[2])) if found else None


def categories(present: Mapping[str, bool]) -> bytes:
    """The body of a notification: who is available ([MS-PRES], msrtc-event-categories; only the state)."""
    return b"".join(_lines(present))


def _lines(present: Mapping[str, bool]) -> Iterable[bytes]:
    yield b'<?xml version="1.0"?>\n<list>\n'
    for user, is_present in present.items():
        uri = quoteattr(f"sip:{user}@{DOMAIN}")
        state = _ONLINE if is_present else _OFFLINE
        yield f'<categories uri={uri}><category name="state" availability="{state}"/></categories>\n'.encode()
    yield b"</list>\n"
