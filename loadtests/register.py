"""OCS clients that sign in through the virtual address, each from an address of its own.

Runs inside the lab's client network, as a process of its own:
`lab exec client -- build/venv/bin/locust -f loadtests/register.py --headless -u 20 -r 5 -t 30s`.
A client that is answered by another front end than before counts as a failure: "affinity".
"""

import itertools
import socket
import time

from locust import User, constant_pacing, task

from harness.clients import FIRST_ADDRESS, SIP_TCP_PORT
from harness.ocs.client import SipClient
from harness.topology import CLIENT, VIP

ADDRESSES = len(CLIENT.links[0].addresses)
TIMEOUT_S = 30


class AffinityError(Exception):
    """A client was sent to another front end than before."""


class OcsClient(User):
    """Signs in over a new connection every few seconds."""

    wait_time = constant_pacing(2)
    numbers = itertools.count()

    def on_start(self) -> None:
        """Take the next address of the lab's clients."""
        number = next(self.numbers)
        self.name = f"user-{number}"
        self.address = f"192.168.10.{FIRST_ADDRESS + number % ADDRESSES}"
        self.front_end = ""

    @task
    def sign_in(self) -> None:
        """Connect, register, and compare the front end with the one before."""
        started = time.perf_counter()
        error: Exception | None = None
        try:
            front_end = self._register()
            if self.front_end not in {"", front_end}:
                error = AffinityError(f"{self.address} went from {self.front_end} to {front_end}")
            self.front_end = front_end
        except OSError as failure:
            error = failure
        self.environment.events.request.fire(
            request_type="SIP",
            name="REGISTER",
            response_time=(time.perf_counter() - started) * 1000,
            response_length=0,
            exception=error,
        )

    def _register(self) -> str:
        connection = socket.create_connection((str(VIP), SIP_TCP_PORT), TIMEOUT_S, (self.address, 0))
        with SipClient(connection, user=self.name) as client:
            return client.register().front_end
