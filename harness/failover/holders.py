"""Who holds the virtual address, asked as every host on the network does: by ARP (RFC 826)."""

import asyncio
import socket
import struct
import time
from collections.abc import Callable

from harness.failover.events import Event

ASKED_EVERY_S = 0.05

ASKER = bytes.fromhex("024c42564101")
"""A card of nobody: answers to the clients' own would tell their kernel of a failover before the appliance
does. It asks as one that has no address yet (RFC 5227), so nobody remembers it."""

_NO_ADDRESS = "0.0.0.0"  # noqa: S104 - nothing is bound to it
_ETH_P_ARP = 0x0806
_REQUEST, _REPLY = 1, 2
_BROADCAST = b"\xff" * 6
_HEADER = struct.Struct("!6s6sHHHBBH6s4s6s4s")
_HARDWARE_ETHERNET, _PROTOCOL_IPV4 = 1, 0x0800


def request(target: str, mac: bytes = ASKER, source: str = _NO_ADDRESS) -> bytes:
    """The frame that asks everybody who has `target`, from the address `source` at the card `mac`."""
    return _HEADER.pack(
        _BROADCAST, mac, _ETH_P_ARP,
        _HARDWARE_ETHERNET, _PROTOCOL_IPV4, 6, 4, _REQUEST,
        mac, socket.inet_aton(source), bytes(6), socket.inet_aton(target),
    )  # fmt: skip


def holder(frame: bytes, target: str) -> str | None:
    """The MAC address that a frame says has `target`, or None when it is no such answer."""
    if len(frame) < _HEADER.size:
        return None
    fields = _HEADER.unpack_from(frame)
    operation, mac, address = fields[7], fields[8], fields[9]
    if operation != _REPLY or address != socket.inet_aton(target):
        return None
    return ":".join(f"{byte:02x}" for byte in mac)


async def watch(interface: str, target: str, record: Callable[[Event], None]) -> None:
    """Ask and record each answer, until cancelled.

    Each request is answered by every card that holds the address: two answers are a split brain.
    """
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ARP)) as wire:
        wire.bind((interface, _ETH_P_ARP))
        wire.setblocking(False)

        def heard() -> None:
            now = time.time()
            if card := holder(wire.recv(2048), target):
                record(Event("holder", now, now, source=card))

        loop.add_reader(wire, heard)
        try:
            while True:
                wire.send(request(target))
                await asyncio.sleep(ASKED_EVERY_S)
        finally:
            loop.remove_reader(wire)
