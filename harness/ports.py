"""Which ports of a machine are open, as another host on its network finds out by trying each of them."""

import errno
import select
import socket
from collections.abc import Iterable
from functools import partial

from harness.deadline import Deadline, DeadlineExceededError
from harness.lab import Lab

ALL_PORTS = range(1, 65536)
_AT_ONCE = 250
_SILENCE_S = 5.0


def open_tcp_ports(
    lab: Lab, address: str, ports: Iterable[int] = ALL_PORTS, *, host: str = "lab", deadline: Deadline
) -> set[int]:
    """Return the TCP ports that accept a connection; all others refuse one.

    Raises DeadlineExceededError when some do neither.
    """
    found: set[int] = set()
    left = list(ports)
    while left:
        batch, left = left[:_AT_ONCE], left[_AT_ONCE:]
        accepted, silent = lab.on(host, partial(_try, address, batch))
        found |= accepted
        left = [*silent, *left]
        if left and deadline.expired():
            raise DeadlineExceededError(f"{address} has not answered at {len(left)} TCP ports: {left[:10]}…")
    return found


def _try(address: str, ports: list[int]) -> tuple[set[int], list[int]]:
    """Return which of the ports accept a connection, and which neither accept nor refuse one."""
    waiting: dict[int, tuple[int, socket.socket]] = {}
    accepted: set[int] = set()
    poll = select.poll()
    for port in ports:
        connection = socket.socket()
        connection.setblocking(False)
        status = connection.connect_ex((address, port))
        if status == errno.EINPROGRESS:
            waiting[connection.fileno()] = (port, connection)
            poll.register(connection, select.POLLOUT)
        else:
            accepted |= {port} if status == 0 else set()
            connection.close()
    while waiting and (ready := poll.poll(_SILENCE_S * 1000)):
        for number, _ in ready:
            port, connection = waiting.pop(number)
            poll.unregister(number)
            if connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0:
                accepted.add(port)
            connection.close()
    for _, connection in waiting.values():
        connection.close()
    return accepted, [port for port, _ in waiting.values()]


def closed_udp_ports(
    lab: Lab, address: str, ports: Iterable[int], *, host: str = "lab", deadline: Deadline
) -> set[int]:
    """Return the UDP ports that refuse a datagram; each is tried until it does, or until the deadline.

    Linux refuses a few at once and then one a second (icmp(7), icmp_ratelimit).
    """
    closed: set[int] = set()
    for port in ports:
        with lab.socket(host, socket.SOCK_DGRAM) as datagrams:
            datagrams.settimeout(0.5)
            datagrams.connect((address, port))
            while deadline.remaining() > 0:
                try:
                    datagrams.send(b"\n")
                    datagrams.recv(1500)
                except ConnectionRefusedError:
                    closed.add(port)
                    break
                except TimeoutError:
                    continue
                break
    return closed
