"""/pair: made and broken by an administrator, and joined as another node asks for it."""

import re
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, BeforeValidator, Field, WithJsonSchema

from lbadmin.access import PASSWORD_MAX
from lbadmin.api.auth import Caller, FromPeer, Person, SenderDep
from lbadmin.api.context import ContextDep
from lbadmin.api.problems import RESPONSES
from lbadmin.client import PREFIX
from lbadmin.fields import Address
from lbadmin.pair.model import PairId
from lbadmin.pair.protocol import Introduction, Invitation, Message, SentPoint
from lbadmin.pair.status import PairStatus
from lbadmin.pair.wishes import Wish

router = APIRouter(prefix=PREFIX, responses=RESPONSES, tags=["pair"])

MAX_TYPED = 200
_GROUPING = re.compile(r"[\s:-]")
_DIGITS = re.compile(r"[0-9a-f]{64}", re.ASCII)


def _fingerprint(value: object) -> str:
    """Return a fingerprint's digits, however they are grouped."""
    digits = _GROUPING.sub("", value).lower() if isinstance(value, str) and len(value) <= MAX_TYPED else ""
    if _DIGITS.fullmatch(digits) is None:
        raise ValueError("is not a SHA-256 fingerprint; it has 64 hexadecimal digits")
    return digits


Fingerprint = Annotated[
    str, BeforeValidator(_fingerprint), WithJsonSchema({"type": "string", "pattern": "^[0-9a-f]{64}$"})
]


class NewPair(Message):
    """The peer by its address, the password of its loadbalancer user, and this node's address towards it.

    `fingerprint` is the SHA-256 of the certificate that the peer's website shows, grouped in any way: give
    it, and the password is sent to nobody else.
    """

    local_ip: Address
    peer_ip: Address
    password: Annotated[str, Field(max_length=PASSWORD_MAX)]
    fingerprint: Fingerprint | None = None

    def wish(self) -> Wish:
        """Return it as `Joining.pair` takes it."""
        return Wish(self.local_ip, self.peer_ip, self.password, self.fingerprint)


class Member(BaseModel):
    """Whether this node is in a pair, and "broken" when it is not because it was broken here."""

    member: bool
    broken: bool = False


class Named(Message):
    """A pair, by its id."""

    id: PairId


@router.post("/pair", operation_id="pair", summary="Make a pair", status_code=201)
def make_pair(context: ContextDep, who: Person, new: NewPair) -> PairStatus:
    """Adds the peer to this node, which keeps all that it has; the peer takes over the cluster configuration.

    The peer must be single, without virtual services, and of the same version. Answers when it is done; GET
    /pair tells how far it is meanwhile. Restart the heartbeat afterwards: the roles are given out then.
    """
    context.changes.may_change()
    context.pair.joining.pair(new.wish(), who)
    return context.pair.status()


@router.delete("/pair", operation_id="breakPair", summary="Break the pair")
def break_pair(context: ContextDep, who: Caller) -> PairStatus:
    """This node stays as it is; the other one leaves, without virtual services, so that they never fight.

    Asked of the master. When the peer can't be told now, the state is "leaving" until it has been; asked for
    once more, this node forgets the peer, which leaves by itself if it ever comes back.
    """
    context.pair.joining.unpair(who)
    return context.pair.status()


@router.post("/pair/identity", operation_id="identify", summary="Tell who this node is, for pairing")
def identify(context: ContextDep, _: Person) -> Introduction:
    """What another node needs to know before it pairs with this one."""
    return context.pair.membership.introduce()


@router.post("/pair/join", operation_id="joinPair", summary="Join the pair of another node")
def join_pair(context: ContextDep, who: Person, invitation: Invitation) -> Member:
    """Sent by the node where the pair is made; its cluster configuration comes with it, in one step."""
    context.pair.membership.join(invitation, who)
    return Member(member=True)


@router.get(
    "/pair/members/{id}",
    operation_id="isMember",
    summary="Tell whether this node is in that pair",
    response_model_exclude_defaults=True,
)
def is_member(context: ContextDep, _: SenderDep, pair_id: Annotated[PairId, Path(alias="id")]) -> Member:
    """Needs no login: the id is known to the two nodes alone. A node that says no does not join any more."""
    membership = context.pair.membership
    member = membership.is_member(pair_id)
    return Member(member=member, broken=not member and membership.has_broken(pair_id))


@router.post("/peer/prove", dependencies=[FromPeer], include_in_schema=False)
def prove(context: ContextDep, named: Named) -> SentPoint:
    """Prove to the other node that this one has joined."""
    return context.pair.membership.prove(named.id)


@router.post("/peer/leave", dependencies=[FromPeer], include_in_schema=False)
def leave(context: ContextDep, named: Named) -> Member:
    """Leave the pair, which was broken on the other node."""
    context.pair.membership.leave(named.id)
    return Member(member=False)
