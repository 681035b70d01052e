"""Making and breaking a pair, on the node where that is asked for.

The decisive step of pairing is the other node's: it joins in one commit. Until that is proved this node is
"pairing", and whatever happens in between, `step` finds out how it ended: over the channel, which only a node
that has joined has, or by its website, where it says that it has not and then never does.
"""

import contextlib
import logging
import secrets
import time
from typing import Any

from pydantic import ValidationError

from lbadmin.certificate import TLS_FOLDER
from lbadmin.change import Changes, Point
from lbadmin.errors import LbadminError, PairError, UnavailableError
from lbadmin.pair.channel import Channel, PeerRefusedError
from lbadmin.pair.identity import fingerprint_of, node_certificate, one_certificate
from lbadmin.pair.membership import BUSY_S, BusyError, Membership
from lbadmin.pair.model import PairConfig
from lbadmin.pair.progress import Journey, Progress
from lbadmin.pair.protocol import Introduction, Invitation, SentPoint, sent_cluster
from lbadmin.pair.website import AnsweredNoError, Website, stranger
from lbadmin.pair.wishes import Wish, check_peer, check_wish, fault, refusal
from lbadmin.render.keepalived import interface_of, router_id
from lbadmin.render.peer import PEER_PORT
from lbadmin.system import System

JOIN_S = 180.0
"""The peer checks the configuration and reloads HAProxy; under software emulation that is many seconds."""

LEAVE_S = 60.0
"""The peer takes everything down, and its channel last but one."""

SETTLE_S, BREAK_S = 20.0, 10.0
"""How long a request waits for the end of what it began; `step` goes on after it."""
PATIENCE_S = 5.0
"""How long a request waits for what is just ending, such as the breaking of the last pair."""

PAUSE_S, QUESTION_S, ASK_S = 0.3, 20.0, 3.0
WEB_FILE = f"{TLS_FOLDER}/web.pem"
CLIENT_ERRORS = range(400, 500)
BY_ITSELF = "lbadmind"

log = logging.getLogger(__name__)


class Joining:
    """Makes and breaks pairs. Safe to use from several threads."""

    def __init__(self, system: System, changes: Changes, channel: Channel, membership: Membership) -> None:
        self._system = system
        self._changes = changes
        self._channel = channel
        self._membership = membership
        self._journey = Journey()
        self._next_question = 0.0
        self._trouble = ""

    @property
    def progress(self) -> Progress | None:
        """How far the last attempt to pair has come; None before any, and when the pair is broken."""
        return self._journey.progress

    def pair(self, wish: Wish, who: str) -> None:
        """Make this node the primary of a pair, and the peer its secondary.

        Raises RefusedError at a field of the wish, PairError or UnavailableError in one sentence, and what
        `Changes.change_pair` raises. Both nodes are then as they were, unless the sentence says otherwise.
        """
        with self._membership.alone(PATIENCE_S):
            check_wish(wish, self._changes.current.node, self._changes.current.pair)
            self._journey.begin(
                f"Find {wish.peer_ip}",
                "Log in there, and see that it can join",
                "Prepare this node",
                f"Give {wish.peer_ip} the configuration",
                "Talk over mutually authenticated TLS",
            )
            website = Website(wish.peer_ip, wish.fingerprint)
            with self._journey.step(0):
                _meet(website)
            with self._journey.step(1):
                peer = self._introduced(website, wish)
            with self._journey.step(2):
                pair, invitation = self._prepared(website, wish, peer, who)
            with self._journey.step(3):
                self._invite(website, wish.password, pair, invitation)
            with self._journey.step(4):
                self._settle(pair)

    def unpair(self, who: str) -> None:
        """Break the pair: the peer leaves it without services, this node stays as it is.

        A peer that can't be told is told later, by `step`; asked for again, it is forgotten instead.
        Raises PairError, NotMasterError, and what `Changes.change_pair` raises.
        """
        with self._membership.alone(BUSY_S):
            pair = self._changes.current.pair
            if pair is None:
                raise PairError("this node is in no pair; there is nothing to break")
            self._journey.end()
            if pair.state == "leaving":
                self._changes.change_pair(None, who, f"forget {pair.peer_ip}")
                return
            if pair.state == "paired":
                self._changes.may_change_cluster()
            if pair.state == "pairing" and self._has_left(pair):
                return
            pair = pair.model_copy(update={"state": "leaving"})
            self._changes.change_pair(pair, who, f"break the pair with {pair.peer_ip}")
            deadline = time.monotonic() + BREAK_S
            while not self._has_left(pair) and time.monotonic() < deadline:
                time.sleep(PAUSE_S)

    def step(self) -> None:
        """Go on with what a request could not finish, on either node.

        lbadmind calls it every few seconds unless the channel works and nothing is left to do.
        Raises what `Changes.change_pair` raises.
        """
        with contextlib.suppress(BusyError), self._membership.alone():
            pair = self._changes.current.pair
            if pair is None:
                return
            if pair.state == "leaving":
                self._has_left(pair)
            elif pair.state == "pairing":
                if not self._has_joined(pair) and _denies(pair):
                    self._changes.change_pair(None, BY_ITSELF, f"{pair.peer_ip} has not joined")
            elif self._was_broken(pair):
                self._changes.leave(str(pair.peer_ip))

    def _introduced(self, website: Website, wish: Wish) -> Introduction:
        """Return what the peer tells of itself. Raises when it is no node to pair with."""
        try:
            answer = website.call("POST", "/pair/identity", {}, password=wish.password)
            peer = Introduction.model_validate(answer)
        except ValidationError:
            raise stranger(wish.peer_ip) from None
        except AnsweredNoError as error:
            raise refusal(error, wish.peer_ip) from None
        peer = peer.model_copy(update={"certificate": one_certificate(self._system, peer.certificate)})
        check_peer(wish, peer, own_certificate=node_certificate(self._system), version=self._system.version())
        return peer

    def _prepared(
        self, website: Website, wish: Wish, peer: Introduction, who: str
    ) -> tuple[PairConfig, Invitation]:
        """Become "pairing", with a ClusterConfig that the peer can take; return that and the invitation."""
        what = f"pair with {wish.peer_ip}"
        current = self._changes.current
        if current.cluster_revision <= peer.cluster_revision:
            self._changes.renumber(peer.cluster_revision + 1, who, what)
        pair = PairConfig(
            state="pairing",
            id=secrets.token_hex(16),
            primary=True,
            local_ip=wish.local_ip,
            peer_ip=wish.peer_ip,
            router_id=router_id(interface_of(wish.local_ip, current.node)),
            local_certificate=node_certificate(self._system),
            peer_certificate=peer.certificate,
            peer_web_fingerprint=website.fingerprint or "",
        )
        invitation = Invitation(
            id=pair.id,
            local_ip=pair.peer_ip,
            peer_ip=pair.local_ip,
            router_id=pair.router_id,
            certificate=pair.local_certificate,
            web_fingerprint=fingerprint_of(self._system.path(WEB_FILE).read_text(encoding="ascii")),
            version=self._system.version(),
            cluster=sent_cluster(self._changes),
        )
        self._changes.change_pair(pair, who, what)
        return pair, invitation

    def _invite(self, website: Website, password: str, pair: PairConfig, invitation: Invitation) -> None:
        """Have the peer join. Raises when it has not, back as before unless that is uncertain."""
        body = invitation.model_dump(mode="json")
        try:
            website.call("POST", "/pair/join", body, password=password, timeout_s=JOIN_S)
        except LbadminError as error:
            log.warning("%s was to join: %s", pair.peer_ip, error)
            refused = isinstance(error, AnsweredNoError) and error.code in CLIENT_ERRORS
            member = False if refused else self._membership_in_time(pair)
            if member:
                return
            if member is None:
                raise PairError(
                    f"{pair.peer_ip} has vanished while it joined; this node finds out how that ended "
                    "when it is back, or break the pair to give up"
                ) from error
            self._changes.change_pair(None, BY_ITSELF, f"{pair.peer_ip} has not joined")
            if isinstance(error, AnsweredNoError):
                raise refusal(error, pair.peer_ip) from None
            raise PairError(
                f"{pair.peer_ip} was gone for a moment and has not joined; both are as they were, try again"
            ) from error

    def _settle(self, pair: PairConfig) -> None:
        """Wait until the peer has proved that it has joined. Raises PairError when that takes too long."""
        deadline = time.monotonic() + SETTLE_S
        while not self._has_joined(pair):
            if time.monotonic() > deadline:
                raise PairError(
                    f"{pair.peer_ip} has not answered on port {PEER_PORT} yet; this node goes on trying, "
                    "break the pair to give up"
                )
            time.sleep(PAUSE_S)

    def _has_joined(self, pair: PairConfig) -> bool:
        """Tell whether the peer proves that it has joined; become "paired" then."""
        try:
            answer = self._channel.call("POST", "/peer/prove", {"id": pair.id})
            self._complete(pair, SentPoint.model_validate(answer).point())
        except (UnavailableError, PeerRefusedError, ValidationError) as error:
            self._note(f"{pair.peer_ip} has not proved yet that it has joined: {error}")
            return False
        paired = pair.model_copy(update={"state": "paired"})
        self._changes.change_pair(paired, BY_ITSELF, f"paired with {pair.peer_ip}")
        return True

    def _complete(self, pair: PairConfig, theirs: Point) -> None:
        """Give a peer that was cut off while it joined the ClusterConfig that it has missed."""
        if self._changes.knows(theirs):
            return
        if self._changes.current.cluster_revision <= theirs.revision:
            self._changes.renumber(theirs.revision + 1, BY_ITSELF, "pair")
        body = {
            **sent_cluster(self._changes).model_dump(mode="json"),
            "id": pair.id,
            "replaces": {"revision": theirs.revision, "hash": theirs.hash},
        }
        self._channel.call("PUT", "/peer/cluster", body, timeout_s=JOIN_S)

    def _has_left(self, pair: PairConfig) -> bool:
        """Tell whether the peer has left the pair; be single then."""
        try:
            self._channel.call("POST", "/peer/leave", {"id": pair.id}, timeout_s=LEAVE_S)
        except LbadminError as error:
            # It ends the channel as it leaves.
            if not _denies(pair):
                self._note(f"{pair.peer_ip} does not say that it has left the pair: {error}")
                return False
        self._changes.change_pair(None, BY_ITSELF, f"{pair.peer_ip} has left the pair")
        return True

    def _note(self, trouble: str) -> None:
        """Log what keeps `step` from getting on, once."""
        if trouble != self._trouble:
            log.info("%s", trouble)
        self._trouble = trouble

    def _membership_in_time(self, pair: PairConfig) -> bool | None:
        """Tell whether the peer says that it is in the pair; None when it says nothing for some time."""
        deadline = time.monotonic() + SETTLE_S
        while time.monotonic() < deadline:
            answer = _ask(pair)
            if answer is not None:
                return answer.get("member") is not False
            time.sleep(PAUSE_S)
        return None

    def _was_broken(self, pair: PairConfig) -> bool:
        """Tell whether the pair was broken on the peer, which has not told this node and forgotten it.

        Asked when the channel is gone, and not often. A peer that has lost its memory does not say so: a
        master must not go because of a slave that was set back.
        """
        if time.monotonic() < self._next_question:
            return False
        self._next_question = time.monotonic() + QUESTION_S
        return (_ask(pair) or {}).get("broken") is True


def _denies(pair: PairConfig) -> bool:
    """Tell whether the peer says that it is not in the pair; it never joins that one then."""
    return (_ask(pair) or {}).get("member") is False


def _ask(pair: PairConfig) -> dict[str, Any] | None:
    """Return what the peer's website says of the pair, None when it can't be asked."""
    website = Website(pair.peer_ip, pair.peer_web_fingerprint)
    try:
        answer: dict[str, Any] = website.call("GET", f"/pair/members/{pair.id}", connect_s=ASK_S)
    except LbadminError as error:
        log.debug("%s can't be asked: %s", pair.peer_ip, error)
        return None
    return answer


def _meet(website: Website) -> None:
    try:
        website.meet()
    except UnavailableError as error:
        raise fault("peer_ip", website.ip, error.sentence) from error
