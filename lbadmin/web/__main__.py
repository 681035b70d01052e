"""Runs lbadmin-web: HTTPS on 9443, without privileges."""

import argparse
import logging
import os
import socket
import sys
from pathlib import Path

import uvicorn

from lbadmin.client import SOCKET
from lbadmin.serving import Server
from lbadmin.systemd import notify_ready, passed_sockets
from lbadmin.web import create_app
from lbadmin.web.backend import Backend
from lbadmin.web.protocol import CONNECTIONS, BoundedProtocol

PORT = 9443


def listen(port: int) -> socket.socket:
    """Return a socket that hears IPv6 and IPv4, or IPv4 alone where the kernel has no IPv6."""
    if socket.has_dualstack_ipv6():
        return socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True)
    return socket.create_server(("", port))


def main() -> None:
    """Run lbadmin-web. The certificate is systemd's credential (LoadCredential=) or named by options."""
    credentials = Path(os.environ.get("CREDENTIALS_DIRECTORY", "/var/lib/lbadmin/tls"))
    parser = argparse.ArgumentParser(prog="lbadmin-web", description=__doc__)
    parser.add_argument("--cert", type=Path, default=credentials / "web.pem")
    parser.add_argument("--key", type=Path, default=credentials / "web.key")
    parser.add_argument("--port", type=int, default=PORT)
    parser.add_argument("--socket", default=SOCKET, help="lbadmind's socket")
    options = parser.parse_args()
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    config = uvicorn.Config(
        create_app(Backend(options.socket)),
        ssl_certfile=options.cert,
        ssl_keyfile=options.key,
        http=BoundedProtocol,
        ws="none",
        loop="asyncio",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=30,
        limit_concurrency=CONNECTIONS,
    )
    sockets = passed_sockets() or [listen(options.port)]
    notify_ready()
    Server(config).run(sockets)


if __name__ == "__main__":
    main()
