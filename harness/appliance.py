"""An appliance as its administrator holds it: the REST API, and the deployment guide applied through it."""

from typing import Any, TypeAlias

import httpx

from harness.deadline import Deadline
from harness.errors import LabError
from harness.lab import Lab
from harness.machine import Machine
from harness.topology import LAB, VIP, service_address

Json: TypeAlias = Any

API = "/lbadmin/api/v1"
HTTPS_PORT = 9443
FACTORY_LOGIN = ("loadbalancer", "loadbalancer")
"""User and password of an untouched appliance (the guide, section 7)."""

ANSWER_S = 120.0
"""How long an emulated appliance on a busy computer may take over an answer, unless told otherwise."""

SERVICE_LABEL = "OCS-Front-End"
OCS_PORTS = (5060, 5061, 135, 443, 444, 5065, 5069, 5071, 5072, 5073, 5074, 8404)
"""The guide, section 6, "Port Requirements"."""

GUIDE_TIMEOUT = "30m"
SERVICE_ADDRESS = service_address("lb1")
"""The lab's first appliance on the service network."""


class RestError(LabError):
    """The appliance refused a request; the message is the sentence it gave."""

    def __init__(self, response: httpx.Response) -> None:
        self.status = response.status_code
        self.problem: dict[str, Any] = _json(response) or {}
        detail = self.problem.get("detail", response.text[:500])
        super().__init__(f"{response.request.method} {response.request.url.path}: {self.status}: {detail}")


def _json(response: httpx.Response) -> Json:
    is_json = "json" in response.headers.get("content-type", "")
    return response.json() if is_json and response.content else None


class Appliance:
    """The REST API of one machine, as a script in the management network uses it."""

    def __init__(
        self, lab: Lab, machine: Machine, *, host: str = LAB, login: tuple[str, str] = FACTORY_LOGIN
    ) -> None:
        self.machine = machine
        self._lab = lab
        self._host = host
        self.http = self._client(httpx.BasicAuth(*login))

    def _client(self, auth: httpx.Auth) -> httpx.Client:
        client = self._lab.http(f"https://{self.machine.address}:{HTTPS_PORT}", host=self._host)
        client.auth = auth
        return client

    def hang_up(self) -> None:
        """Close the connections to a machine that knows nothing of them any more."""
        self.http.close()
        self.http = self._client(self.http.auth or httpx.Auth())

    def call(
        self,
        method: str,
        path: str,
        body: Json = None,
        *,
        if_match: str | None = None,
        timeout_s: float = ANSWER_S,
    ) -> Json:
        """Return the answer's JSON, which may take up to `timeout_s` between two of its pieces.

        Raises RestError when the appliance refuses, httpx.HTTPError when it does not answer.
        """
        headers = {"If-Match": if_match} if if_match else {}
        response = self.http.request(method, f"{API}{path}", json=body, headers=headers, timeout=timeout_s)
        if response.is_error:
            raise RestError(response)
        return _json(response)

    def get(self, path: str) -> Json:
        """Read a resource."""
        return self.call("GET", path)

    def wait_until_up(self, deadline: Deadline) -> None:
        """Wait until the management plane answers an administrator."""
        deadline.wait_until(
            lambda: self.get("/status"),
            f"the REST API of {self.machine.name}",
            ignoring=(httpx.HTTPError, RestError, OSError),
        )

    def join_service_network(self) -> None:
        """Give the appliance its address on the network of the front ends (the guide, section 7)."""
        node = self.get("/node")
        node["interfaces"] = [
            *(interface for interface in node["interfaces"] if interface["name"] != "eth1"),
            {"name": "eth1", "addresses": [str(service_address(self.machine.name))]},
        ]
        self.call("PUT", "/node", node)

    def set_guide_timeouts(self) -> None:
        """The guide, section 8, step 1: the time-outs that OCS needs."""
        settings = {"client_timeout_ms": GUIDE_TIMEOUT, "real_server_timeout_ms": GUIDE_TIMEOUT}
        self.call("PATCH", "/layer7/settings", settings)

    def add_guide_service(self, lab: Lab) -> None:
        """The guide, section 8, step 2: the virtual service with its check port, and its real servers."""
        service = {"label": SERVICE_LABEL, "ip": str(VIP), "ports": ",".join(map(str, OCS_PORTS))}
        self.call("POST", "/layer7/virtual-services", {**service, "protocol": "tcp"})
        changes = {"persistence": {"mode": "source_ip"}, "health_check": {"check_ports": 5061}}
        self.call("PATCH", f"/layer7/virtual-services/{SERVICE_LABEL}", changes)
        for front_end in lab.front_ends:
            server = {"label": front_end.name, "ip": str(front_end.address), "port": None, "weight": 100}
            self.call("POST", f"/layer7/virtual-services/{SERVICE_LABEL}/real-servers", server)

    def restart_haproxy(self) -> None:
        """The guide, section 8, step 3."""
        self.call("POST", "/services/haproxy/restart")

    def real_servers(self) -> dict[str, dict[str, Any]]:
        """Return the live state of the guide's service: each real server by its label."""
        services = self.get("/status")["virtual_services"]
        service = next(service for service in services if service["label"] == SERVICE_LABEL)
        return {server["label"]: server for server in service["real_servers"]}

    def wait_for_health(self, label: str, health: str, deadline: Deadline) -> None:
        """Wait until a real server's health is `up` or `down`."""
        deadline.wait_until(
            lambda: self.real_servers()[label]["health"] == health,
            f"{label} to be {health}",
            ignoring=(httpx.HTTPError, RestError),
            interval_s=0.5,
        )
