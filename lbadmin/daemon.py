"""lbadmind: the only writer of state and the only one that touches services, behind a unix socket."""

import argparse
import contextlib
import logging
import os
import pwd
import socket
import struct
import sys
from asyncio import Transport
from pathlib import Path

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from lbadmin.access import Access
from lbadmin.alerts.alerts import Alerts
from lbadmin.api import create_app
from lbadmin.api.context import Context
from lbadmin.audit import audit_to
from lbadmin.change import Changes
from lbadmin.client import SOCKET
from lbadmin.console.reset import PasswordReset
from lbadmin.console.screen import Screen
from lbadmin.errors import LbadminError
from lbadmin.graphs.handover import hand_over
from lbadmin.haproxy import HAProxy
from lbadmin.licensing.licensing import Licensing
from lbadmin.pair import parts
from lbadmin.pair.model import joined
from lbadmin.parts import Parts
from lbadmin.serving import Server
from lbadmin.status import node_messages_of
from lbadmin.store import Store
from lbadmin.system import System
from lbadmin.systemd import notify_ready, passed_sockets
from lbadmin.timekeeping import Clock
from lbadmin.unixlogin import ACCESS
from lbadmin.worker import Worker

WEB_USER = "lbadmin-web"
PEER_USER = "lbadmin-peer"
"""Runs lbva-peer.service: whatever comes from it comes from the node that the pair is made with."""

log = logging.getLogger(__name__)


class PeerProtocol(H11Protocol):
    """HTTP over a unix socket; the ASGI scope's client host is the uid of the peer (unix(7), SO_PEERCRED)."""

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override] # uvicorn narrows asyncio's
        """Note who connected."""
        super().connection_made(transport)
        peer: socket.socket = transport.get_extra_info("socket")
        size = struct.calcsize("3i")
        _, uid, _ = struct.unpack("3i", peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
        self.client = (str(uid), 0)


def build(system: System) -> Context:
    """Put the parts together on the system's state."""
    haproxy = HAProxy(system)
    changes = Changes(system, haproxy)
    access = Access(Store(system.state / ACCESS), audit=audit_to(system))
    pair = parts.build(system, changes)
    licensing = Licensing(system)
    changes.may_change = licensing.check_change
    pair.witness.is_licensed = licensing.is_licensed
    licensing.in_pair = lambda: joined(changes.current.pair) is not None
    licensing.peer_is_licensed = pair.sync.peer_is_licensed
    told = Parts(system, changes, haproxy, access, pair, licensing, Clock(system))
    return Context(
        **vars(told),
        alerts=Alerts(told),
        password_reset=PasswordReset(system, access),
        web_uids=_uids(WEB_USER),
        peer_uids=_uids(PEER_USER),
    )


def _uids(name: str) -> frozenset[int]:
    """Return the ids of root and of a user, who may be missing on a build machine."""
    uids = {0}
    with contextlib.suppress(KeyError):
        uids.add(pwd.getpwnam(name).pw_uid)
    return frozenset(uids)


def screen_of(context: Context) -> Screen:
    """Return what keeps the consoles' screen."""
    return Screen(context.system, lambda: node_messages_of(context), lambda: context.changes.current.node)


def listen(path: Path) -> socket.socket:
    """Return the listening socket, open to root and to the web process's group."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    old_mask = os.umask(0o117)
    try:
        listener.bind(str(path))
    finally:
        os.umask(old_mask)
    with contextlib.suppress(KeyError):
        os.chown(path, 0, pwd.getpwnam(WEB_USER).pw_gid)
    listener.listen(128)
    return listener


def serve(context: Context, sockets: list[socket.socket]) -> None:
    """Serve the REST API on the sockets until told to stop."""
    try:
        context.changes.reconcile()
    except (LbadminError, OSError):
        # The API has to be there, so that the administrator can see and mend what is wrong.
        log.exception("the current configuration could not be put into effect")
    app = create_app(context, notify_ready)
    config = uvicorn.Config(
        app,
        http=PeerProtocol,
        loop="asyncio",
        ws="none",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        lifespan="on",
    )
    taking_back = Worker("unconfirmed", context.changes.take_back_unconfirmed)
    context.changes.on_unconfirmed = taking_back.wake
    screen = Worker("console", screen_of(context).tick)
    graphs = Worker("graphs of layer 4", lambda: hand_over(context))
    workers = (Worker("trial", context.licensing.tick), taking_back, screen, graphs)
    context.pair.start()
    for worker in workers:
        worker.start()
    context.alerts.start()
    try:
        Server(config).run(sockets)
    finally:
        context.alerts.stop()
        for worker in workers:
            worker.stop()
        context.pair.stop()


def main() -> None:
    """Run lbadmind on systemd's socket, or on its own."""
    parser = argparse.ArgumentParser(prog="lbadmind", description=__doc__)
    parser.add_argument("--root", type=Path, default=Path("/"), help="what stands for the appliance's /")
    options = parser.parse_args()
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    system = System(root=options.root)
    serve(build(system), passed_sockets() or [listen(system.path(SOCKET))])


if __name__ == "__main__":
    main()
