"""Does the gateway answer? A ping each time it is asked, heard the time after: nobody waits for it."""

import contextlib
import socket
import struct
from ipaddress import IPv4Address, IPv6Address

LOST_AFTER = 3
"""Pings in a row without an answer."""

_ECHO = {4: 8, 6: 128}
"""Type of an echo request (RFC 792, RFC 4443). The kernel adds identifier and checksum (icmp(7))."""
_HEADER = struct.Struct("!BBHHH")
_MAX_ANSWERS = 64


class Gateway:
    """One gateway. Raises nothing: one that can't even be asked does not answer."""

    def __init__(self, address: IPv4Address | IPv6Address) -> None:
        self.address = address
        self._number = 0
        self._unanswered = 0
        self._socket: socket.socket | None = None

    def answers(self) -> bool:
        """Look for the last ping's answer, send another, and tell whether the gateway is there."""
        self._unanswered = 0 if self._heard() else self._unanswered + 1
        self._ask()
        # The first ping has not been sent yet when the first answer is looked for.
        return self._unanswered <= LOST_AFTER

    def close(self) -> None:
        """Ask no more."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _ask(self) -> None:
        self._number = self._number % 0xFFFF + 1
        message = _HEADER.pack(_ECHO[self.address.version], 0, 0, 0, self._number)
        try:
            if self._socket is None:
                self._socket = self._opened()
            self._socket.send(message)
        except OSError:
            # A route that was lost does not come back to a connected socket.
            self.close()

    def _opened(self) -> socket.socket:
        four = isinstance(self.address, IPv4Address)
        family, protocol = (
            (socket.AF_INET, socket.IPPROTO_ICMP) if four else (socket.AF_INET6, socket.IPPROTO_ICMPV6)
        )
        made = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK, protocol)
        try:
            made.connect((str(self.address), 0))
        except OSError:
            made.close()
            raise
        return made

    def _heard(self) -> bool:
        """Tell whether the last ping was answered; older answers are passed over."""
        if self._socket is None:
            return False
        heard = False
        with contextlib.suppress(OSError):
            for _ in range(_MAX_ANSWERS):
                answer = self._socket.recv(1024)
                heard |= len(answer) >= _HEADER.size and _HEADER.unpack_from(answer)[4] == self._number
        return heard
