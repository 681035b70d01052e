"""lbadmin-web's connections: silent, slow and too many ones end, and the others are answered."""

import asyncio
import socket
from collections.abc import Iterator

import pytest
import uvicorn
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from lbadmin.web.protocol import BoundedProtocol
from tests.image.servers import served

REQUEST = b"GET / HTTP/1.1\r\nHost: lbva\r\n\r\n"
SLOW_S = 1.5


class Hasty(BoundedProtocol):
    """The protocol with bounds that a test can wait for."""

    request_s = 1.0
    per_client = 3


async def answer(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer when the body is there; /slow takes longer than a request may take to arrive."""
    await Request(scope, receive).body()
    if scope["path"] == "/slow":
        await asyncio.sleep(SLOW_S)
    await PlainTextResponse("here")(scope, receive, send)


@pytest.fixture
def port() -> Iterator[int]:
    config = uvicorn.Config(answer, http=Hasty, ws="none", lifespan="off", log_config=None)
    listener = socket.create_server(("127.0.0.1", 0))
    with served(config, listener):
        yield listener.getsockname()[1]


def connected(port: int, sent: bytes = b"") -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=10)
    connection.sendall(sent)
    return connection


def is_ended(connection: socket.socket) -> bool:
    """Wait until something comes; tell whether it is the end."""
    try:
        return connection.recv(1000) == b""
    except ConnectionResetError:
        return True


@pytest.mark.parametrize(
    "sent",
    [b"", b"GET / HTTP/1.1\r\nX-Slow", b"POST / HTTP/1.1\r\nHost: lbva\r\nContent-Length: 9\r\n\r\nhalf"],
)
def test_a_request_that_does_not_arrive_ends_its_connection(port: int, sent: bytes) -> None:
    with connected(port, sent) as connection:
        assert is_ended(connection)


def test_an_answer_may_take_longer_and_the_connection_goes_on(port: int) -> None:
    with connected(port, REQUEST.replace(b"/ ", b"/slow ", 1)) as connection:
        for _ in range(2):
            assert not is_ended(connection)
            connection.sendall(REQUEST)


def test_a_client_that_opens_too_many_connections_loses_the_last_ones(port: int) -> None:
    with connected(port) as one, connected(port) as two, connected(port, REQUEST) as three:
        assert not is_ended(three)
        with connected(port) as four:
            assert is_ended(four)
        one.sendall(REQUEST)
        assert not is_ended(one)
        two.close()
