"""Digest authentication of SIP, both sides of it: RFC 3261 section 22, RFC 2617 section 3.2. Pure.

OCS's own schemes are NTLM and Kerberos. This one takes two round trips as well, and every SIP tool speaks it.
"""

import hashlib
import hmac
import re

REALM = "SIP Communications Service"
"""OCS 2007 R2's own."""

_LONGEST = 2048
_PARAMETER = re.compile(r'(\w+)\s*=\s*(?:"([^"]*)"|([^\s,"]+))')


def parameters(value: str) -> dict[str, str]:
    """The parameters of a WWW-Authenticate or Authorization header by name; {} of another scheme."""
    scheme, _, rest = value.strip()[:_LONGEST].partition(" ")
    if scheme.lower() != "digest":
        return {}
    return {name.lower(): quoted or plain for name, quoted, plain in _PARAMETER.findall(rest)}


def challenge(nonce: str) -> str:
    """The value of WWW-Authenticate."""
    return f'Digest realm="{REALM}", nonce="{nonce}", algorithm=MD5, qop="auth"'


def _hash(*parts: str) -> str:
    return hashlib.md5(":".join(parts).encode(), usedforsecurity=False).hexdigest()


def response(user: str, password: str, method: str, said: dict[str, str]) -> str:
    """The request-digest (RFC 2617, 3.2.2.1), with quality of protection and without."""
    secret = _hash(user, said.get("realm", ""), password)
    request = _hash(method, said.get("uri", ""))
    middle = [said.get("nc", ""), said.get("cnonce", ""), said["qop"]] if "qop" in said else []
    return _hash(secret, said.get("nonce", ""), *middle, request)


def authorization(user: str, password: str, method: str, uri: str, challenged: str) -> str:
    """The value of Authorization that answers the challenge; each nonce is used once."""
    asked = parameters(challenged)
    said = {
        "realm": asked.get("realm", ""),
        "nonce": asked.get("nonce", ""),
        "uri": uri,
        "nc": "00000001",
        "cnonce": _hash(user, asked.get("nonce", ""))[:8],
        "qop": "auth",
    }
    answer = response(user, password, method, said)
    return (
        f'Digest username="{user}", realm="{said["realm"]}", nonce="{said["nonce"]}", uri="{uri}", '
        f'response="{answer}", algorithm=MD5, qop=auth, nc={said["nc"]}, cnonce="{said["cnonce"]}"'
    )


def user_of(value: str, password: str, method: str, nonce: str) -> str | None:
    """The user whom an Authorization header proves to know the password, None where it proves nothing."""
    said = parameters(value)
    user = said.get("username", "")
    if not user or said.get("nonce") != nonce or said.get("realm") != REALM:
        return None
    expected = response(user, password, method, said)
    return user if hmac.compare_digest(said.get("response", "").encode(), expected.encode()) else None
