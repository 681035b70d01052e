"""A front end's answers to datagrams: its name, and what was asked. SIP over UDP is not spoken here."""

import asyncio
import socket
from typing import Protocol

from harness.ocs.behaviour import Behaviour

PORT = 5060
_PIECE = 2048
_IP_PKTINFO = 8  # linux/in.h: which address a datagram came to, and which one an answer leaves from
_ANSWERING = frozenset({"normal", "slow"})


class Owner(Protocol):
    """What the responder needs of its front end."""

    name: str
    behaviour: Behaviour

    def record(self, event: str, **values: object) -> None:
        """Write an event down."""


class Responder:
    """Answers each datagram from the address that it came to, as who waits for it expects."""

    def __init__(self, owner: Owner, address: str, port: int = PORT) -> None:
        self._owner = owner
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
        self._socket.setblocking(False)
        self._socket.bind((address, port))
        self.port: int = self._socket.getsockname()[1]
        asyncio.get_running_loop().add_reader(self._socket, self._heard)

    def close(self) -> None:
        """Answer no more."""
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()

    def _heard(self) -> None:
        try:
            data, ancillary, _flags, (source, source_port) = self._socket.recvmsg(_PIECE, 64)
        except OSError:
            return  # an answer of before could not be delivered: the error of that comes here
        self._owner.record("datagram", port=self.port, source=source, source_port=source_port)
        if self._owner.behaviour.kind not in _ANSWERING:
            return
        sender = [(level, kind, _from_there(value)) for level, kind, value in ancillary]
        try:
            self._socket.sendmsg([answer(self._owner.name, data)], sender, 0, (source, source_port))
        except OSError:
            return  # nobody there, as who asked will notice


def answer(name: str, data: bytes) -> bytes:
    """What the front end of that name answers. Pure."""
    return f"{name} ".encode() + data


def _from_there(value: bytes) -> bytes:
    """The kernel's in_pktinfo of a datagram as one for its answer: no interface, that same address."""
    return bytes(4) + value[8:12] + bytes(4)
