"""The peer's VRRP advertisements, as they come in: whether it is master, known within one interval.

That is the truth itself: the peer's lbadmind tells it a second or two later when all clients have just moved
there.
"""

import contextlib
import socket

from lbadmin.pair.model import PairConfig

PROTOCOL = 112
"""VRRP's number among IP's protocols (RFC 9568, section 5.1.1.4)."""
_VERSION_3_ADVERTISEMENT = 0x31
_IHL_WORD = 4
_MAX_WAITING = 256


def is_master(message: bytes, router_id: int) -> bool:
    """Tell whether an advertisement of that virtual router comes from a master that stays (priority not 0).

    `message` is VRRP's own (RFC 9568, section 5.2), without the IP header.
    """
    return message[:2] == bytes((_VERSION_3_ADVERTISEMENT, router_id)) and message[2:3] > b"\0"


class Advertisements:
    """Those that come in until it is closed. Raises OSError when there is no way to hear them."""

    def __init__(self, pair: PairConfig) -> None:
        self._pair = pair
        family = socket.AF_INET if pair.peer_ip.version == 4 else socket.AF_INET6  # noqa: PLR2004 - IPv4
        self._socket = socket.socket(family, socket.SOCK_RAW | socket.SOCK_NONBLOCK, PROTOCOL)

    def close(self) -> None:
        """Hear no more."""
        self._socket.close()

    def peer_is_master(self) -> bool:
        """Tell whether the peer has said so since this was asked last."""
        said = False
        with contextlib.suppress(BlockingIOError):
            for _ in range(_MAX_WAITING):
                message, place = self._socket.recvfrom(1024)
                if place[0] == str(self._pair.peer_ip):
                    said |= is_master(self._without_header(message), self._pair.router_id)
        return said

    def _without_header(self, message: bytes) -> bytes:
        """A raw socket of IPv4 hands out the IP header, too (raw(7)); one of IPv6 does not."""
        if self._socket.family == socket.AF_INET6:
            return message
        return message[(message[0] & 0xF) * _IHL_WORD :] if message else b""
