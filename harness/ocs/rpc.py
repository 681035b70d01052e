"""DCE/RPC's endpoint mapper as far as clients of port 135 need it: it can be bound to, and maps nothing.

C706 (DCE 1.1: Remote Procedure Call), chapter 12: the connection-oriented PDUs. Both sides, pure but for the
protocol at the end.
"""

import asyncio
import struct
import uuid
from dataclasses import dataclass
from typing import Protocol

from harness.ocs import tls
from harness.ocs.behaviour import Behaviour

REQUEST, RESPONSE, FAULT, BIND, BIND_ACK, BIND_NAK = 0, 2, 3, 11, 12, 13  # C706, 12.6.4
FIRST_AND_LAST = 0x03
MAX_PDU = 5840
"""Of Windows' servers; C706 wants 1432 at least (12.6.3.1)."""

ENDPOINT_MAPPER = (uuid.UUID("e1af8308-5d1f-11c9-91a4-08002b14a0fa"), 3)  # C706, appendix O
NDR = (uuid.UUID("8a885d04-1ceb-11c9-9fe8-08002b104860"), 2)  # C706, appendix I
NOT_KNOWN = 0x1C010002  # nca_op_rng_error, C706, appendix E
_ACCEPTED, _PROVIDER_REJECTION = 0, 2  # C706, 12.6.3.1, p_cont_def_result_t
_UNKNOWN_INTERFACE, _NO_TRANSFER_SYNTAX = 1, 2
_HEADER = struct.Struct("<BBBB4sHHI")
_VERSION, _MINOR, _LITTLE_ENDIAN = 5, 0, b"\x10\0\0\0"
_SYNTAX = struct.Struct("<16sI")

Syntax = tuple[uuid.UUID, int]


class RpcError(ValueError):
    """Bytes that are no PDU of DCE/RPC, or not one that was expected."""


@dataclass(frozen=True)
class Pdu:
    """A protocol data unit: its type, the call that it belongs to, and what follows the common header."""

    kind: int
    call: int
    body: bytes

    def encode(self) -> bytes:
        """The unit as bytes, in one fragment."""
        size = _HEADER.size + len(self.body)
        head = _HEADER.pack(_VERSION, _MINOR, self.kind, FIRST_AND_LAST, _LITTLE_ENDIAN, size, 0, self.call)
        return head + self.body


def take(data: bytes) -> tuple[Pdu | None, bytes]:
    """The first unit of a stream, None while it is incomplete, and the bytes behind it. Raises RpcError."""
    if len(data) < _HEADER.size:
        return None, data
    version, minor, kind, flags, order, size, _auth, call = _HEADER.unpack_from(data)
    if (version, minor, order[:1]) != (_VERSION, _MINOR, _LITTLE_ENDIAN[:1]):
        raise RpcError("not version 5.0 in little endian")
    if flags & FIRST_AND_LAST != FIRST_AND_LAST or not _HEADER.size <= size <= MAX_PDU:
        raise RpcError("fragmented, or of a bad length")
    if len(data) < size:
        return None, data
    return Pdu(kind, call, data[_HEADER.size : size]), data[size:]


def _syntax(syntax: Syntax) -> bytes:
    return _SYNTAX.pack(syntax[0].bytes_le, syntax[1])


def bind(call: int, interface: Syntax = ENDPOINT_MAPPER) -> Pdu:
    """A client's bind to an interface, in NDR."""
    context = struct.pack("<HBx", 0, 1) + _syntax(interface) + _syntax(NDR)
    return Pdu(BIND, call, struct.pack("<HHIB3x", MAX_PDU, MAX_PDU, 0, 1) + context)


def bind_ack(asked: Pdu, name: str) -> Pdu:
    """The answer to a bind; the secondary address, the port of Windows' servers, is the front end's name.

    Raises RpcError when it can't be read.
    """
    try:
        results = b"".join(_results(asked.body))
    except struct.error as error:
        raise RpcError("a bind that ends too early") from error
    address = name.encode() + b"\0"
    head = struct.pack("<HHIH", MAX_PDU, MAX_PDU, 1, len(address)) + address
    head += bytes(-(_HEADER.size + len(head)) % 4)
    return Pdu(BIND_ACK, asked.call, head + struct.pack("<B3x", len(results) // 24) + results)


def _results(body: bytes) -> list[bytes]:
    """One result for each presentation context that a bind offers."""
    (count,) = struct.unpack_from("<B", body, 8)
    place, results = 12, []
    for _ in range(count):
        _context, transfers = struct.unpack_from("<HB", body, place)
        offered = [
            _SYNTAX.unpack_from(body, place + 4 + number * _SYNTAX.size) for number in range(1 + transfers)
        ]
        place += 4 + _SYNTAX.size * (1 + transfers)
        results.append(_result(offered))
    return results


def _result(offered: list[tuple[bytes, int]]) -> bytes:
    interface, *transfers = [_SYNTAX.pack(*each) for each in offered]
    if interface != _syntax(ENDPOINT_MAPPER):
        return struct.pack("<HH", _PROVIDER_REJECTION, _UNKNOWN_INTERFACE) + bytes(_SYNTAX.size)
    if _syntax(NDR) not in transfers:
        return struct.pack("<HH", _PROVIDER_REJECTION, _NO_TRANSFER_SYNTAX) + bytes(_SYNTAX.size)
    return struct.pack("<HH", _ACCEPTED, 0) + _syntax(NDR)


def server_of(answer: Pdu) -> str:
    """The name of the front end in a bind_ack that accepts; raises RpcError for anything else."""
    if answer.kind != BIND_ACK:
        raise RpcError(f"the bind was answered by a PDU of type {answer.kind}")
    try:
        (length,) = struct.unpack_from("<H", answer.body, 8)
        name = answer.body[10 : 10 + length].rstrip(b"\0").decode("ascii")
        place = 10 + length + -(_HEADER.size + 10 + length) % 4
        (result,) = struct.unpack_from("<H", answer.body, place + 4)
    except (struct.error, UnicodeDecodeError) as error:
        raise RpcError("a bind_ack that can't be read") from error
    if result != _ACCEPTED:
        raise RpcError("the bind was refused")
    return name


def fault(asked: Pdu) -> Pdu:
    """The answer to a call of an operation: that it is not known."""
    return Pdu(FAULT, asked.call, struct.pack("<IHBxI4x", 0, 0, 0, NOT_KNOWN))


class Owner(Protocol):
    """What a connection needs of its front end."""

    name: str
    behaviour: Behaviour


class RpcConnection(asyncio.Protocol):
    """A client's connection; what is no DCE/RPC ends it."""

    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self._data = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for a bind."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - of a stream it is
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer each unit that is complete."""
        behaviour = self._owner.behaviour
        self._data += data
        if self._transport.get_write_buffer_size() > tls.MAX_UNREAD:
            self._transport.abort()
            return
        try:
            while True:
                unit, self._data = take(self._data)
                if unit is None:
                    return
                answer = self._answer(unit).encode()
                if behaviour.kind == "slow":
                    loop = asyncio.get_running_loop()
                    loop.call_later(behaviour.delay_s, self._transport.write, answer)
                else:
                    self._transport.write(answer)
        except RpcError:
            self._transport.close()

    def _answer(self, unit: Pdu) -> Pdu:
        if unit.kind == BIND and self._owner.behaviour.kind == "overloaded":
            # local_limit_exceeded, and no versions that it would rather have (C706, 12.6.3.1)
            return Pdu(BIND_NAK, unit.call, struct.pack("<HB", 2, 0))
        if unit.kind == BIND:
            return bind_ack(unit, self._owner.name)
        if unit.kind == REQUEST:
            return fault(unit)
        raise RpcError(f"no client sends a PDU of type {unit.kind}")
