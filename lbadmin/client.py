"""A client of lbadmind's socket that imports next to nothing: lbcli has to start quickly.

http.client alone would cost a third of lbcli's time (it brings the e-mail parser and TLS). HTTP/1.0 is all
that is needed on a socket of our own: the answer ends where the connection does.
"""

import json
import socket
from collections.abc import Mapping
from typing import Any, NamedTuple

from lbadmin.errors import LbadminError

SOCKET = "/run/lbadmin/lbadmind.sock"
PREFIX = "/lbadmin/api/v1"
USER_HEADER, ROLE_HEADER = "x-lbadmin-user", "x-lbadmin-role"
"""As whom a request was answered: headers of lbadmind's answers, for the pages."""
TIMEOUT_S = 180.0
"""A change waits for its checks and a reload; under software emulation that is many seconds."""

BAD_REQUEST = 400


class Answer(NamedTuple):
    """What lbadmind answered: status, headers (names in small letters) and the body.

    The body is decoded when it is JSON, bytes when it is anything else, and None when there is none.
    """

    status: int
    headers: Mapping[str, str]
    body: Any


class RequestError(LbadminError):
    """lbadmind could not be reached, or refused; the sentence says why."""


class Client:
    """Requests to lbadmind; each waits for at most `timeout_s`."""

    def __init__(self, path: str = SOCKET, timeout_s: float = TIMEOUT_S) -> None:
        self._path = path
        self._timeout_s = timeout_s

    def request(
        self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send a request for a path below the API's and return the answer. Raises RequestError."""
        try:
            return answer_of(self._exchange(request_for(method, path, body, headers or {})))
        except (OSError, ValueError) as error:
            raise RequestError(
                f"lbadmind does not answer on {self._path}: {error}; "
                "run as root and see `systemctl status lbadmind`"
            ) from error

    def _exchange(self, request: bytes) -> bytes:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(self._timeout_s)
            connection.connect(self._path)
            connection.sendall(request)
            chunks = []
            while chunk := connection.recv(65536):
                chunks.append(chunk)
        return b"".join(chunks)

    def call(self, method: str, path: str, body: object = None, *, revision: str | None = None) -> Any:  # noqa: ANN401 - JSON is any shape
        """Send a request and return its decoded body. Raises RequestError when it is refused.

        `revision` is the ETag that a write expects (If-Match).
        """
        return self.asked(method, path, body, revision=revision).body

    def asked(self, method: str, path: str, body: object = None, *, revision: str | None = None) -> Answer:
        """Send a request and return the answer. Raises RequestError when it is refused."""
        answer = self.request(method, path, body, None if revision is None else {"If-Match": revision})
        if answer.status >= BAD_REQUEST:
            detail = answer.body.get("detail") if isinstance(answer.body, dict) else None
            raise RequestError(str(detail or f"lbadmind answered {answer.status} without a reason"))
        return answer


def request_for(method: str, path: str, body: object, headers: Mapping[str, str]) -> bytes:
    """Return a request for a path below the API's as it goes over the wire; a body is sent as JSON."""
    data = b"" if body is None else json.dumps(body).encode()
    sent = {"Host": "localhost", **headers, "Content-Length": str(len(data))}
    if body is not None:
        sent["Content-Type"] = "application/json"
    lines = [f"{method} {PREFIX}{path} HTTP/1.0", *(f"{name}: {value}" for name, value in sent.items())]
    return "".join(f"{line}\r\n" for line in [*lines, ""]).encode("ascii") + data


def answer_of(raw: bytes) -> Answer:
    """Return the answer (RFC 9112, 2 to 6.3). Raises ValueError when it is none, or was cut off."""
    head, end, body = raw.partition(b"\r\n\r\n")
    status_line, *lines = head.decode("latin-1").split("\r\n")
    version, _, status = status_line.partition(" ")
    if not end or not version.startswith("HTTP/1."):
        raise ValueError("the connection ended before the answer did")
    headers = {
        name.strip().lower(): value.strip() for name, _, value in (each.partition(":") for each in lines)
    }
    if int(headers.get("content-length", len(body))) != len(body):
        raise ValueError("the connection ended before the answer did")
    return Answer(int(status[:3]), headers, _decoded(headers.get("content-type", ""), body))


def _decoded(kind: str, body: bytes) -> Any:  # noqa: ANN401 - JSON is any shape
    if not body:
        return None
    return (
        json.loads(body)
        if kind.partition(";")[0] in {"application/json", "application/problem+json"}
        else body
    )
