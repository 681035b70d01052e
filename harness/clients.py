"""Mock OCS clients in the lab's client network, each with an address of its own."""

import contextlib
from collections.abc import Iterator

from harness.deadline import Deadline
from harness.lab import Lab
from harness.ocs.client import SipClient, secure
from harness.topology import VIP

SIP_TCP_PORT = 5060
SIP_TLS_PORT = 5061
FIRST_ADDRESS = 100
"""The lab's clients have 192.168.10.100 to .250."""


class OcsClient:
    """One user's machine: opens connections to the pool's virtual address from its own address."""

    def __init__(self, lab: Lab, address: str) -> None:
        self.lab = lab
        self.address = address

    @contextlib.contextmanager
    def connected(self, port: int, *, timeout_s: float = 20) -> Iterator[SipClient]:
        """A connection to the virtual address; TLS on the TLS port. Closed behind the block.

        Raises OSError when it can't be made.
        """
        connection = self.lab.connect("client", (str(VIP), port), source=self.address, timeout_s=timeout_s)
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

    def wait_until_served(self, deadline: Deadline, port: int = SIP_TCP_PORT) -> str:
        """Register until it succeeds; return the name of the front end."""
        return deadline.wait_until(
            lambda: self.register(port), f"{self.address} to be served at {VIP}:{port}", ignoring=(OSError,)
        )


def clients(lab: Lab, count: int) -> list[OcsClient]:
    """Return so many clients, each with its own address."""
    return [OcsClient(lab, f"192.168.10.{FIRST_ADDRESS + number}") for number in range(count)]
