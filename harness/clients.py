"""Mock OCS clients, each with an address of its own: in the lab's client network unless told otherwise."""

import contextlib
import socket
from collections.abc import Iterator
from ipaddress import IPv4Address

from harness import topology
from harness.deadline import Deadline
from harness.lab import Lab
from harness.ocs import datagrams
from harness.ocs.client import SipClient, secure
from harness.topology import VIP

SIP_TCP_PORT = 5060
SIP_TLS_PORT = 5061
FIRST_ADDRESS = 100
"""The lab's clients have 192.168.10.100 to .250."""


class OcsClient:
    """One user's machine: opens connections to the virtual address `vip` from its own address on `host`."""

    def __init__(
        self, lab: Lab, address: str, *, vip: IPv4Address = VIP, host: str = topology.CLIENT.name
    ) -> None:
        self.lab = lab
        self.address = address
        self.vip = vip
        self._host = host

    @contextlib.contextmanager
    def connected(self, port: int, *, timeout_s: float = 20) -> Iterator[SipClient]:
        """A connection to the virtual address; TLS on the TLS port. Closed behind the block.

        Raises OSError when it can't be made.
        """
        target = (str(self.vip), port)
        connection = self.lab.connect(self._host, target, source=self.address, timeout_s=timeout_s)
        with contextlib.closing(connection):
            tls = secure(connection, self.lab.authority) if port != SIP_TCP_PORT else connection
            with SipClient(tls, user=f"user-{self.address.rpartition('.')[2]}") as client:
                yield client

    def register(self, port: int = SIP_TCP_PORT) -> str:
        """Register over a connection of its own and return the name of the front end that answered."""
        with self.connected(port) as client:
            answer = client.register()
        if answer.status != 200:  # noqa: PLR2004 - RFC 3261, 21.2.1
            raise ConnectionError(f"REGISTER from {self.address} was answered {answer.status}")
        return answer.front_end

    def ask_by_datagram(self, port: int = datagrams.PORT, *, timeout_s: float = 10) -> str:
        """Send a datagram and return the name of the front end that answered; raises OSError."""
        with self.lab.socket(self._host, socket.SOCK_DGRAM) as flow:
            flow.settimeout(timeout_s)
            flow.bind((self.address, 0))
            flow.connect((str(self.vip), port))
            flow.send(b"?")
            return flow.recv(100).decode().removesuffix(" ?")

    def wait_until_served(self, deadline: Deadline, port: int = SIP_TCP_PORT) -> str:
        """Register until it succeeds; return the name of the front end."""
        return deadline.wait_until(
            lambda: self.register(port),
            f"{self.address} to be served at {self.vip}:{port}",
            ignoring=(OSError,),
        )


def clients(lab: Lab, count: int) -> list[OcsClient]:
    """Return so many clients, each with its own address."""
    return [OcsClient(lab, f"192.168.10.{FIRST_ADDRESS + number}") for number in range(count)]
