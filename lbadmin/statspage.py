"""HAProxy's own statistics page, made fit for a frame. Standard library only: lbadmin-web uses it, too."""

import hashlib
import re
import socket
from base64 import b64encode
from pathlib import Path

from lbadmin.errors import UnavailableError

TIMEOUT_S = 30.0
OK = 200
_STYLE = re.compile(r"<style[^>]*>(.*?)</style>", re.DOTALL)
# Its links and its form ask HAProxy at paths that it has only on its own socket, or lead out of the house.
_CONTROLS = re.compile(r"<td[^>]*><b>(?:Display option|External resources):</b>.*?</td>", re.DOTALL)
_OUTWARD = re.compile(r'<a href="https?:[^>]*>(.*?)</a>', re.DOTALL)


def fetch_page(path: Path) -> str:
    """Return the page that HAProxy serves on a unix socket, ready to be shown in a frame.

    Raises UnavailableError when it does not answer.
    """
    return without_controls(fetch(path, "/").decode("iso-8859-1"))


def fetch(path: Path, target: str) -> bytes:
    """Return what HAProxy serves on a unix socket. Raises UnavailableError when it does not answer."""
    # lbadmin-web has no need of it, and it takes a third of its own time to import.
    from http.client import HTTPException, HTTPResponse  # noqa: PLC0415

    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(TIMEOUT_S)
            connection.connect(str(path))
            connection.sendall(f"GET {target} HTTP/1.0\r\n\r\n".encode("ascii"))
            # The exporter answers in chunks whatever it is asked in.
            answer = HTTPResponse(connection)
            answer.begin()
            body = answer.read()
    except (OSError, HTTPException) as error:
        raise UnavailableError(f"HAProxy does not answer on {path}: {error}; restart HAProxy") from error
    if answer.status != OK:
        raise UnavailableError("HAProxy does not tell its statistics; restart HAProxy")
    return body


def without_controls(html: str) -> str:
    """Return the page without what can't work in a frame: display options and links to other sites."""
    return _OUTWARD.sub(r"\1", _CONTROLS.sub("", html))


def stats_policy(html: str) -> str:
    """Return the Content-Security-Policy for the page: nothing but its own style block, in our frames only.

    The block is allowed by its hash (CSP level 3, 2.3.1 "hash-source"); the page has no script.
    """
    digests = [hashlib.sha256(text.encode()).digest() for text in _STYLE.findall(html)]
    hashes = " ".join(f"'sha256-{b64encode(digest).decode()}'" for digest in digests)
    return (
        f"default-src 'none'; style-src {hashes or repr('none')}; img-src data:; "
        "form-action 'none'; base-uri 'none'; frame-ancestors 'self'; sandbox"
    )
