"""Which pair this node is in, and the way into one and out of it when the other node asks for it."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from lbadmin.change import Changes
from lbadmin.errors import PairError
from lbadmin.pair.identity import node_certificate, one_certificate
from lbadmin.pair.model import PairConfig
from lbadmin.pair.protocol import Introduction, Invitation, SentPoint
from lbadmin.pair.rules import own_addresses
from lbadmin.pair.wishes import has_services, in_a_pair, version_differs
from lbadmin.system import System

BUSY_S = 20.0
"""How long a question waits for joining or leaving to end, so that the answer holds."""

JOIN_PATIENCE_S = 5.0
"""How long an invitation waits for what is just ending. Two nodes that invite each other wait in vain."""

MAX_DENIED = 1000
"""Ids remembered at most; each was asked for by somebody who had to know it."""

log = logging.getLogger(__name__)


class BusyError(PairError):
    """A pair is being made or broken on this node just now."""


class Membership:
    """This node's place in a pair, as the other node may ask for it. Safe to use from several threads."""

    def __init__(self, system: System, changes: Changes) -> None:
        self._system = system
        self._changes = changes
        self._lock = threading.Lock()
        self._denied: dict[str, None] = {}

    @contextmanager
    def alone(self, wait_s: float = 0.0) -> Iterator[None]:
        """Let nothing else make or break a pair during the block. Raises BusyError when something does."""
        if not self._lock.acquire(timeout=wait_s):
            raise BusyError("this node is joining or leaving a pair just now; wait until that has ended")
        try:
            yield
        finally:
            self._lock.release()

    def introduce(self) -> Introduction:
        """Tell who this node is, with a certificate made now if need be. Raises as `node_certificate`."""
        current = self._changes.current
        return Introduction(
            version=self._system.version(),
            hostname=current.node.hostname,
            single=current.pair is None,
            services=len(current.cluster.services),
            cluster_revision=current.cluster_revision,
            certificate=node_certificate(self._system),
        )

    def join(self, invitation: Invitation, who: str) -> None:
        """Become the secondary of a pair, with its ClusterConfig, in one step.

        Raises PairError when this node can't join, and what `Changes.adopt` raises; nothing is changed then.
        """
        with self.alone(JOIN_PATIENCE_S):
            self._check(invitation)
            pair = PairConfig(
                state="paired",
                id=invitation.id,
                primary=False,
                local_ip=invitation.local_ip,
                peer_ip=invitation.peer_ip,
                router_id=invitation.router_id,
                local_certificate=node_certificate(self._system),
                peer_certificate=one_certificate(self._system, invitation.certificate),
                peer_web_fingerprint=invitation.web_fingerprint,
            )
            log.warning("%s joins this node to the pair with %s", who, pair.peer_ip)
            self._changes.adopt(invitation.cluster.given(), self._changes.point(), pair)

    def _check(self, invitation: Invitation) -> None:
        current = self._changes.current
        if current.pair is not None:
            raise PairError(in_a_pair(invitation.local_ip))
        if invitation.id in self._denied:
            raise PairError("the other node has been told that this one does not join; pair again")
        if invitation.version != self._system.version():
            raise PairError(version_differs(invitation.local_ip, self._system.version(), invitation.version))
        if len(current.cluster.services):
            raise PairError(has_services(invitation.local_ip, len(current.cluster.services)))
        if invitation.local_ip not in own_addresses(current.node):
            raise PairError(
                f"{invitation.local_ip} is not an address of {current.node.hostname} itself; "
                "pair by one that it has on an interface"
            )

    def is_member(self, pair_id: str) -> bool:
        """Tell whether this node is in the pair; if not, it will not join that one any more.

        Raises BusyError when it takes long to join or leave one.
        """
        with self.alone(BUSY_S):
            pair = self._changes.current.pair
            if pair is not None and pair.id == pair_id:
                return True
            self._denied[pair_id] = None
            if len(self._denied) > MAX_DENIED:
                self._denied.pop(next(iter(self._denied)))
            return False

    def has_broken(self, pair_id: str) -> bool:
        """Tell whether the pair was broken on this node, which one that has lost its memory does not say."""
        pairs = self._changes.pairs
        documents = (revision.document for revision in map(pairs.read, pairs.numbers()) if revision)
        return any((each.get("id"), each.get("state")) == (pair_id, "leaving") for each in documents)

    def prove(self, pair_id: str) -> SentPoint:
        """Answer the other node of the pair with the ClusterConfig in effect. Raises PairError."""
        pair = self._changes.current.pair
        if pair is None or pair.id != pair_id:
            raise PairError("this node is not in that pair; break it and pair again")
        point = self._changes.point()
        return SentPoint(revision=point.revision, hash=point.hash)

    def leave(self, pair_id: str) -> None:
        """Leave the pair as the other node asks, without services; nothing is done in another pair.

        Raises PairError, and StorageError with nothing changed.
        """
        with self.alone(BUSY_S):
            pair = self._changes.current.pair
            if pair is None or pair.id != pair_id:
                return
            # Broken on both nodes at once: were both to obey, nobody would serve.
            if pair.state == "leaving" and pair.primary:
                raise PairError("this node has broken the pair itself; the other one leaves")
            self._changes.leave(str(pair.peer_ip))
