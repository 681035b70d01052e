"""The endpoint mapper, asked by scapy's client of DCE/RPC as well as by ours."""

import contextlib
import struct
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.ocs import Service, rpc
from tests.unit.harness.ocs.conftest import Running


def exchange(running: Running, data: bytes) -> rpc.Pdu | None:
    """Send bytes and read one unit, None when the connection is closed."""
    with running.connect(Service.RPC) as connection:
        connection.sendall(data)
        answer = b""
        while (unit := rpc.take(answer)[0]) is None:
            piece = connection.recv(4096)
            if not piece:
                return None
            answer += piece
        return unit


def test_a_bind_is_acknowledged_by_name(running: Running) -> None:
    answer = exchange(running, rpc.bind(7).encode())
    assert answer is not None
    assert (answer.call, rpc.server_of(answer)) == (7, "FE-1")


def test_another_interface_is_refused(running: Running) -> None:
    answer = exchange(running, rpc.bind(7, (uuid.UUID(int=1), 1)).encode())
    assert answer is not None
    with pytest.raises(rpc.RpcError, match="refused"):
        rpc.server_of(answer)


def test_a_call_is_answered_by_a_fault(running: Running) -> None:
    answer = exchange(running, rpc.Pdu(rpc.REQUEST, 9, bytes(8)).encode())
    assert answer is not None
    assert (answer.kind, answer.call) == (rpc.FAULT, 9)
    assert struct.unpack_from("<I", answer.body, 8) == (rpc.NOT_KNOWN,)


@given(st.binary(min_size=1, max_size=200))
def test_any_bytes_are_units_or_refused(data: bytes) -> None:
    with contextlib.suppress(rpc.RpcError):
        unit, rest = rpc.take(data)
        assert (unit is None) == (rest == data)


@given(st.binary(max_size=300))
def test_any_bind_is_answered_or_refused(body: bytes) -> None:
    with contextlib.suppress(rpc.RpcError):
        rpc.bind_ack(rpc.Pdu(rpc.BIND, 1, body), "FE-1")


def test_what_is_no_rpc_ends_the_connection(running: Running) -> None:
    assert exchange(running, b"GET / HTTP/1.1\r\n\r\n") is None
