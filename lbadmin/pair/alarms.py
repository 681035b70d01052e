"""What the administrator should know of the pair: on every page of both nodes, and once in the journal."""

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta

from lbadmin.messages import Message
from lbadmin.pair.failovers import Failover
from lbadmin.pair.status import PairStatus

RECENT = timedelta(days=1)
"""How long a change of the master is told on every page."""

SETTLED = timedelta(seconds=2)
"""How long both nodes have to be master: what was heard of a planned take-over may be older than it."""

LEARNT = timedelta(seconds=5)
"""How long the old master may take to say why it left: a planned take-over is then told as one."""

PLANNED = ("take-over", "hand-over", "start", "fail-back")
"""Beginnings of the causes that are no reason to worry."""

log = logging.getLogger(__name__)


def pair_messages(pair: PairStatus, version: str, now: datetime, *, lasting: bool) -> list[Message]:
    """Return what there is to tell; `lasting`: the two are out of sync for longer than a change takes."""
    if pair.state == "single":
        return []
    if pair.state == "pairing":
        text = f"{pair.peer_ip} has not confirmed yet that it is this node's peer."
        return [Message(level="warning", text=text, action="pair")]
    return [*_of_roles(pair, now), *_of_sync(pair, lasting=lasting), *_of_nodes(pair, version, now)]


class Journal:
    """Keeps the journal's readers informed: each alarm once when it begins and once when it is over."""

    def __init__(self) -> None:
        self._known: frozenset[str] = frozenset()

    def note(self, messages: list[Message]) -> None:
        """Log what is new among these, and what is no more."""
        texts = frozenset(each.text for each in messages if each.level != "info")
        for text in sorted(texts - self._known):
            log.warning("%s", text)
        for text in sorted(self._known - texts):
            log.info("over: %s", text)
        self._known = texts


def _of_roles(pair: PairStatus, now: datetime) -> Iterator[Message]:
    if _both_are_master(pair, now):
        yield Message(
            level="danger",
            text="Both nodes are master, because they do not hear each other's advertisements: let VRRP "
            f"(IP protocol 112) pass between {pair.local_ip} and {pair.peer_ip}.",
            action="pair",
        )
    if pair.restart_heartbeat:
        yield Message(
            level="info",
            text="The nodes back each other up as soon as heartbeat is restarted: Restart Heartbeat on the "
            "master restarts it on the slave, too.",
            action="restart-heartbeat",
        )
    elif pair.role == "slave":
        yield Message(
            level="info",
            text=f"This is the slave; changes are made on the master, {_peer(pair)}.",
            action="pair",
        )


def _both_are_master(pair: PairStatus, now: datetime) -> bool:
    peer = pair.peer
    if pair.role != "master" or pair.role_since is None or peer is None or peer.role != "master":
        return False
    heard = now - timedelta(seconds=peer.heard_s_ago + 1)
    return pair.sync != "unreachable" and heard - pair.role_since > SETTLED


def _of_sync(pair: PairStatus, *, lasting: bool) -> Iterator[Message]:
    if pair.state == "leaving":
        yield Message(
            level="warning",
            text=f"The pair was broken here, and {_peer(pair)} has not been told yet: it will be as "
            "soon as it can be reached. If it never returns, remove it once more to forget it.",
            action="pair",
        )
    elif not lasting:
        return
    elif pair.sync == "unreachable":
        yield Message(
            level="danger",
            text=f"{_peer(pair)} can't be reached, so it neither backs this node up nor gets its changes: "
            "see that it runs, and that TCP port 9444 is open between the two. It catches up by itself.",
            action="pair",
        )
    elif pair.sync == "conflict":
        yield Message(
            level="danger",
            text=f"Both nodes were changed while they were apart: {pair.sync_detail}.",
            action="resolve-conflict",
        )
    elif pair.sync == "behind":
        yield Message(level="danger", text=f"The nodes are not in sync: {pair.sync_detail}.", action="pair")


def _of_nodes(pair: PairStatus, version: str, now: datetime) -> Iterator[Message]:
    peer = pair.peer if pair.sync != "unreachable" else None
    for reason in [] if pair.restart_heartbeat else pair.not_ready:
        yield Message(level="danger", text=f"This node can't serve: {reason}.", action="pair")
    for reason in [] if pair.restart_heartbeat or peer is None else peer.not_ready:
        yield Message(level="danger", text=f"{_peer(pair)} can't serve: {reason}.", action="pair")
    if peer is not None and peer.version != version:
        yield Message(
            level="warning",
            text=f"{_peer(pair)} runs version {peer.version} and this node {version}: "
            "update the older one soon, because it may refuse the other's configuration.",
            action="pair",
        )
    last = pair.last_failover
    if last is not None and now - last.when < RECENT and (last.settled or now - last.when > LEARNT):
        level = "info" if last.cause.startswith(PLANNED) else "warning"
        yield Message.model_validate({"level": level, "text": _told(last), "action": "pair"})


def _told(failover: Failover) -> str:
    what = f"took over from {failover.from_}" if failover.from_ else "became the master"
    after = "" if failover.duration_ms is None else f", after {failover.duration_ms} ms without a master"
    return f"{failover.to} {what} on {failover.when:%Y-%m-%d at %H:%M:%S} UTC{after}: {failover.cause}."


def _peer(pair: PairStatus) -> str:
    """Return how the peer is called."""
    return f"{pair.peer.hostname} ({pair.peer_ip})" if pair.peer is not None else f"The peer {pair.peer_ip}"
