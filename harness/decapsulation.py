"""The tunnel's end of a real server: IP in IP (RFC 2003) unpacked in user space, as a process on its host.

Linux does this in its module ipip, which the computer that runs the lab need not have. What comes in
packets of protocol 4 for this host goes to a card called as the module's, tunl0; all else about the real
server is what it would be with the module: the virtual address is on that card, answers leave as ever.
"""

import argparse
import contextlib
import fcntl
import os
import socket
import struct
import sys

ARGV = (sys.executable, "-m", "harness.decapsulation")
CARD = "tunl0"
_MOST = 65_535
_TUNSETIFF = 0x400454CA  # linux/if_tun.h
_IFF_TUN, _IFF_NO_PI, _IFF_VNET_HDR = 0x0001, 0x1000, 0x4000
_CHECKSUM_AT = {socket.IPPROTO_TCP: 16, socket.IPPROTO_UDP: 6}
_NEEDS_CHECKSUM = 1  # linux/virtio_net.h, VIRTIO_NET_HDR_F_NEEDS_CSUM
_HEADER = struct.Struct("=BBHHHH")  # struct virtio_net_hdr
_LEAST = 20  # bytes of an IPv4 header without options (RFC 791, 3.1)


def inner(packet: bytes) -> bytes | None:
    """The IPv4 packet within one of protocol 4, None when there is none. Pure."""
    length = (packet[0] & 0x0F) * 4 if packet else 0
    within = packet[length:]
    if length < _LEAST or len(within) < _LEAST or within[0] >> 4 != 4:  # noqa: PLR2004 - IP version 4
        return None
    return within


def offload(packet: bytes) -> bytes:
    """The word to the kernel about an IPv4 packet's checksum: the cards of one computer leave it out. Pure.

    Between cards without wires nobody fills it in, so it is not looked at, as between any two of them.
    """
    length = (packet[0] & 0x0F) * 4
    at = _CHECKSUM_AT.get(packet[9])
    fragment = int.from_bytes(packet[6:8]) & 0x3FFF
    if at is None or fragment:
        return _HEADER.pack(0, 0, 0, 0, 0, 0)
    return _HEADER.pack(_NEEDS_CHECKSUM, 0, 0, 0, length, at)


def main() -> None:
    """Unpack until killed."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    card = os.open("/dev/net/tun", os.O_RDWR)
    flags = _IFF_TUN | _IFF_NO_PI | _IFF_VNET_HDR
    fcntl.ioctl(card, _TUNSETIFF, struct.pack("16sH22x", CARD.encode(), flags))
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_IPIP) as wire:
        while True:
            if packet := inner(wire.recv(_MOST)):
                # As a kernel loses what comes before the card is up, or when its queue is full.
                with contextlib.suppress(OSError):
                    os.write(card, offload(packet) + packet)


if __name__ == "__main__":
    main()
