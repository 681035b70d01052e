"""A client of lbadmind's socket, of the standard library alone: lbcli has to start quickly."""

import http.client
import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lbadmin.errors import LbadminError

SOCKET = "/run/lbadmin/lbadmind.sock"
PREFIX = "/lbadmin/api/v1"
TIMEOUT_S = 180.0
"""A change waits for its checks and a reload; under software emulation that is many seconds."""


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=TIMEOUT_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


@dataclass(frozen=True)
class Answer:
    """What lbadmind answered: status, headers and the decoded JSON body (None when there is none)."""

    status: int
    headers: Mapping[str, str]
    body: Any


class RequestError(LbadminError):
    """lbadmind could not be reached, or refused; the sentence says why."""


class Client:
    """Requests to lbadmind."""

    def __init__(self, path: str = SOCKET) -> None:
        self._path = path

    def request(
        self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send a request for a path below the API's and return the answer. Raises RequestError."""
        sent = dict(headers or {})
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            sent["Content-Type"] = "application/json"
        connection = _UnixConnection(self._path)
        try:
            connection.request(method, PREFIX + path, data, sent)
            response = connection.getresponse()
            text = response.read()
        except (OSError, http.client.HTTPException) as error:
            raise RequestError(
                f"lbadmind does not answer on {self._path}: {error}; "
                "run as root and see `systemctl status lbadmind`"
            ) from error
        finally:
            connection.close()
        answered = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, answered, json.loads(text) if text else None)

    def call(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401 - JSON is any shape
        """Send a request and return its decoded body. Raises RequestError when it is refused."""
        answer = self.request(method, path, body)
        if answer.status >= http.HTTPStatus.BAD_REQUEST:
            raise RequestError(str(answer.body["detail"]))
        return answer.body
