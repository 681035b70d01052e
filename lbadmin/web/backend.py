"""lbadmin-web's side of lbadmind's socket: requests passed on by h11, which the server has loaded anyway."""

import asyncio
import json
from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import h11

from lbadmin.client import PREFIX, ROLE_HEADER, SOCKET, TIMEOUT_S, USER_HEADER
from lbadmin.roles import ROLES, Role

CLIENT_HEADER = b"x-lbadmin-client"
Headers = Iterable[tuple[bytes, bytes]]


class BackendError(Exception):
    """lbadmind does not answer."""


@dataclass(frozen=True)
class Reply:
    """What lbadmind answered."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes

    @property
    def revision(self) -> str:
        """The document's revision as a write gives it back (ETag), "" when the reply is about none."""
        return next((value.decode() for name, value in self.headers if name.lower() == b"etag"), "")

    @property
    def asker(self) -> tuple[str, Role]:
        """As whom the request was answered: user and role; nobody, who may only read, if that is not told."""
        told = {name.decode().lower(): value.decode() for name, value in self.headers}
        role = told.get(ROLE_HEADER)
        return told.get(USER_HEADER, ""), next((each for each in ROLES if each == role), "read-only")

    @property
    def is_refused(self) -> bool:
        """Tell whether lbadmind did not carry the request out: the body is a problem."""
        return self.status >= HTTPStatus.BAD_REQUEST

    def json(self) -> Any:  # noqa: ANN401 - JSON is any shape
        """Return the decoded body, None when there is none."""
        return json.loads(self.body) if self.body else None


class Backend:
    """Requests to lbadmind on behalf of remote clients."""

    def __init__(self, path: str = SOCKET) -> None:
        self._path = path

    async def send(self, method: str, target: str, headers: Headers, body: bytes, client: str) -> Reply:
        """Send a request for a full target and return the reply. Raises BackendError."""
        request = h11.Request(
            method=method,
            target=target,
            headers=[
                (b"host", b"localhost"),
                (b"connection", b"close"),
                (b"content-length", str(len(body)).encode()),
                (CLIENT_HEADER, client.encode("ascii", "replace")),
                *headers,
            ],
        )
        try:
            async with asyncio.timeout(TIMEOUT_S):
                return await _exchange(self._path, request, body)
        except (OSError, TimeoutError, h11.RemoteProtocolError) as error:
            raise BackendError(f"lbadmind does not answer: {error}") from error

    async def call(
        self,
        method: str,
        path: str,
        client: str,
        token: str | None = None,
        *,
        body: object = None,
        revision: str | None = None,
    ) -> Reply:
        """Send a JSON request for a path below the API's, in a session. Raises BackendError.

        `revision` is the ETag that a write expects (If-Match).
        """
        headers = [(b"content-type", b"application/json")]
        if token is not None:
            headers.append((b"authorization", f"Bearer {token}".encode()))
        if revision is not None:
            headers.append((b"if-match", revision.encode("ascii", "replace")))
        data = b"" if body is None else json.dumps(body).encode()
        return await self.send(method, PREFIX + path, headers, data, client)


async def _exchange(path: str, request: h11.Request, body: bytes) -> Reply:
    reader, writer = await asyncio.open_unix_connection(path)
    try:
        protocol = h11.Connection(our_role=h11.CLIENT)
        for event in (request, h11.Data(data=body), h11.EndOfMessage()):
            writer.write(protocol.send(event) or b"")
        await writer.drain()
        return await _reply(protocol, reader)
    finally:
        writer.close()


async def _reply(protocol: h11.Connection, reader: asyncio.StreamReader) -> Reply:
    status, headers, data = 0, [], bytearray()
    while True:
        event = protocol.next_event()
        if event is h11.NEED_DATA:
            protocol.receive_data(await reader.read(65536))
        elif isinstance(event, h11.Response):
            status, headers = event.status_code, list(event.headers)
        elif isinstance(event, h11.Data):
            data += event.data
        elif isinstance(event, h11.EndOfMessage):
            return Reply(status, headers, bytes(data))
