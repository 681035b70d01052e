"""What an administrator wishes to pair, held against both nodes; each refusal is a sentence at its field."""

from dataclasses import dataclass

from lbadmin.errors import Fault, LbadminError, PairError, RefusedError
from lbadmin.fields import Address
from lbadmin.model import NodeConfig
from lbadmin.pair.identity import fingerprint_of
from lbadmin.pair.model import PairConfig
from lbadmin.pair.protocol import Introduction
from lbadmin.pair.rules import own_addresses
from lbadmin.pair.website import AnsweredNoError, stranger

WRONG_LOGIN, NOT_FOUND = 401, 404


@dataclass(frozen=True)
class Wish:
    """What the administrator gives to pair: the addresses, the peer's password, its website's fingerprint."""

    local_ip: Address
    peer_ip: Address
    password: str
    fingerprint: str | None = None

    def __repr__(self) -> str:
        """Keep the password out of every log."""
        return f"Wish({self.local_ip}, {self.peer_ip})"


def check_wish(wish: Wish, node: NodeConfig, pair: PairConfig | None) -> None:
    """Raise PairError or RefusedError when this node can't make that pair."""
    if pair is not None:
        raise PairError(f"this node is in a pair with {pair.peer_ip} already; break that one first")
    own = own_addresses(node)
    if wish.local_ip not in own:
        has = ", ".join(sorted(map(str, own))) or "none"
        raise fault(
            "local_ip", wish.local_ip, f"{wish.local_ip} is not an address of this node; it has {has}"
        )
    if wish.peer_ip in own:
        raise _itself(wish.peer_ip)
    if wish.peer_ip.version != wish.local_ip.version:
        raise fault(
            "peer_ip",
            wish.peer_ip,
            f"{wish.peer_ip} is not of {wish.local_ip}'s kind; give two IPv4 or two IPv6 addresses",
        )


def check_peer(wish: Wish, peer: Introduction, *, own_certificate: str, version: str) -> None:
    """Raise RefusedError when the node that was found there is none to pair with."""
    ip = wish.peer_ip
    if fingerprint_of(peer.certificate) == fingerprint_of(own_certificate):
        raise _itself(ip)
    if peer.version != version:
        raise fault("peer_ip", ip, version_differs(ip, peer.version, version))
    if not peer.single:
        raise fault("peer_ip", ip, in_a_pair(ip))
    if peer.services:
        raise fault("peer_ip", ip, has_services(ip, peer.services))


def refusal(error: AnsweredNoError, ip: Address) -> LbadminError:
    """Return what the peer's refusal means to whoever wants to pair."""
    if error.code == WRONG_LOGIN:
        return fault("password", None, f"{ip} does not take the password; give the loadbalancer user's there")
    if error.code == NOT_FOUND:
        return stranger(ip)
    return PairError(f"{ip} refuses: {error}")


def version_differs(ip: Address, its: str, other: str) -> str:
    """Return the sentence about two versions."""
    return f"{ip} runs version {its} and the node to pair it with {other}; update one of them first"


def in_a_pair(ip: Address) -> str:
    """Return the sentence about a node that is in a pair."""
    return f"{ip} is in a pair already; break that one first"


def has_services(ip: Address, count: int) -> str:
    """Return the sentence about a node that would lose virtual services by joining."""
    services = "a virtual service" if count == 1 else f"{count} virtual services"
    return f"{ip} has {services}, which joining would remove; remove them there, or pair from that node"


def fault(field: str, value: object, message: str) -> RefusedError:
    """Return the refusal of one field."""
    return RefusedError([Fault(field, None if value is None else str(value), message)])


def _itself(ip: Address) -> RefusedError:
    return fault("peer_ip", ip, f"{ip} is this node itself, or a copy of it; give another node's address")
