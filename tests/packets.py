"""What goes over a network, heard and said below IP: packets with their VLAN tags."""

import contextlib
import socket
import struct
from collections.abc import Iterator
from ipaddress import IPv4Address

ETH_ALL, ETH_ARP, ETH_IP, ETH_VLAN = 0x0003, 0x0806, 0x0800, 0x8100
ARP_REPLY = 2
_SOL_PACKET, _AUXDATA = 263, 8
_HEARD = struct.Struct("=IIIHHHH")
"""packet(7), tpacket_auxdata: the kernel takes a packet's tag off, and tells it in the last but one."""
_TAG_VALID = 1 << 4


def sniffer(device: str) -> socket.socket:
    """Return a socket that hears all packets of a device, and can send to it."""
    heard = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_ALL))
    heard.bind((device, ETH_ALL))
    heard.setsockopt(_SOL_PACKET, _AUXDATA, 1)
    heard.settimeout(0.5)
    return heard


def packets(heard: socket.socket) -> Iterator[tuple[int, bytes]]:
    """Yield the VLAN (0: none) and the frame without its tag of each packet until half a second is silent."""
    with contextlib.suppress(TimeoutError):
        while True:
            frame, extra, _, _ = heard.recvmsg(65536, socket.CMSG_SPACE(_HEARD.size))
            for level, kind, data in extra:
                if (level, kind) == (_SOL_PACKET, _AUXDATA):
                    status, _, _, _, _, tag, _ = _HEARD.unpack(data)
                    yield tag & 0xFFF if status & _TAG_VALID else 0, frame


def is_answered(heard: socket.socket, asked: str, asker: str, vlan: int) -> bool:
    """Ask in a VLAN who has an address (RFC 826), and tell whether a packet with its tag says it."""
    # A bridge hands up what is for its own MAC address alone.
    own = heard.getsockname()[4]
    ask = struct.pack("!HHBBH", 1, ETH_IP, 6, 4, 1) + own + IPv4Address(asker).packed
    ask += bytes(6) + IPv4Address(asked).packed
    heard.send(b"\xff" * 6 + own + struct.pack("!HHH", ETH_VLAN, vlan, ETH_ARP) + ask)
    wanted = struct.pack("!H", ARP_REPLY)
    return any(
        tag == vlan
        and frame[12:14] == struct.pack("!H", ETH_ARP)
        and frame[20:22] == wanted
        and frame[28:32] == IPv4Address(asked).packed
        for tag, frame in packets(heard)
    )


def is_heard(heard: socket.socket, source: str, target: str) -> bool:
    """Tell whether a packet from one IPv4 address to another has come by."""
    wanted = IPv4Address(source).packed + IPv4Address(target).packed
    return any(
        frame[12:14] == struct.pack("!H", ETH_IP) and frame[26:34] == wanted for _, frame in packets(heard)
    )
