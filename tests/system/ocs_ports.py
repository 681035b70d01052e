"""What answers on each port of the guide's service, asked as OCS' own clients ask it."""

from harness.clients import OcsClient
from harness.lab import Lab
from harness.ocs import rpc
from harness.topology import VIP

HTTPS_PORTS = (443, 444)
RPC_PORT = 135
CONFERENCING_PORT = 8404


def answer_of(lab: Lab, port: int, source: str) -> str:
    """The answer at a port of the virtual address, which names the front end that gave it. Raises OSError."""
    if port in HTTPS_PORTS:
        with lab.http(f"https://{VIP}:{port}", host="client", source=source) as web:
            return web.get("/").text
    if port == RPC_PORT:
        with lab.connect("client", (str(VIP), port), source=source, timeout_s=20) as connection:
            connection.sendall(rpc.bind(1).encode())
            return connection.recv(4096).decode(errors="replace")
    if port == CONFERENCING_PORT:
        to = f"OPENSSL:{VIP}:{port},bind={source},verify=0,cert={lab.certificate}"
        return lab.run("client", ["socat", "-t", "20", "-", to]).stdout
    return OcsClient(lab, source).register(port)
