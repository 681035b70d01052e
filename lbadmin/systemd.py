"""What the daemons speak with systemd: sockets passed in (sd_listen_fds(3)), readiness (sd_notify(3))."""

import os
import socket

_FIRST_FD = 3


def passed_sockets() -> list[socket.socket]:
    """Return the listening sockets that systemd passed to this process, none without socket activation."""
    if os.environ.get("LISTEN_PID") != str(os.getpid()):
        return []
    count = int(os.environ.get("LISTEN_FDS", "0"))
    return [socket.socket(fileno=_FIRST_FD + number) for number in range(count)]


def notify_ready() -> None:
    """Tell systemd that the service is up; without systemd, do nothing."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):
        address = f"\0{address[1:]}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notifier:
        notifier.sendto(b"READY=1", address)
