"""What an administrator wishes to pair, and the sentence at its field when that can't be."""

from ipaddress import ip_address

import pytest
from pydantic import ValidationError

from lbadmin.api.pair import NewPair
from lbadmin.errors import LbadminError, PairError, RefusedError
from lbadmin.model import NodeConfig
from lbadmin.pair.protocol import Introduction
from lbadmin.pair.website import AnsweredNoError
from lbadmin.pair.wishes import Wish, check_peer, check_wish, refusal
from tests.unit.lbadmin.pairing import CERTIFICATE, pair_config

PEER = ip_address("192.168.2.22")
OTHER_CERTIFICATE = CERTIFICATE.replace("YQ==", "Yg==")
SECRET = "Zaunkoenig-92-Abend"


def wish(**fields: str) -> Wish:
    given = {"local_ip": "192.168.2.21", "peer_ip": str(PEER), "password": SECRET, **fields}
    return NewPair.model_validate(given).wish()


def introduction(**fields: object) -> Introduction:
    about: dict[str, object] = {"version": "1", "hostname": "lb2", "single": True, "services": 0}
    rest: dict[str, object] = {"cluster_revision": 3, "certificate": OTHER_CERTIFICATE}
    return Introduction.model_validate({**about, **rest, **fields})


def refused(error: LbadminError) -> tuple[str, str]:
    """Return field and sentence of a refusal of one field."""
    assert isinstance(error, RefusedError)
    ((field, _, sentence),) = error.faults
    return field, sentence


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"local_ip": "192.168.2.99"}, "local_ip", "192.168.2.99 is not an address of this node"),
        ({"peer_ip": "192.168.2.21"}, "peer_ip", "this node itself"),
        ({"peer_ip": "2001:db8::22"}, "peer_ip", "two IPv4 or two IPv6"),
    ],
)
def test_addresses_that_make_no_pair_are_refused_at_their_field(
    fields: dict[str, str], field: str, words: str
) -> None:
    with pytest.raises(RefusedError) as caught:
        check_wish(wish(**fields), NodeConfig(), None)
    told, sentence = refused(caught.value)
    assert told == field
    assert words in sentence


def test_a_node_in_a_pair_makes_no_other() -> None:
    check_wish(wish(), NodeConfig(), None)
    with pytest.raises(PairError, match="already"):
        check_wish(wish(), NodeConfig(), pair_config())


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"certificate": CERTIFICATE}, "a copy of it"),
        ({"version": "2"}, "runs version 2 and the node to pair it with 1"),
        ({"single": False}, "in a pair already"),
        ({"services": 1}, "has a virtual service"),
        ({"services": 12}, "has 12 virtual services"),
    ],
)
def test_a_node_that_can_not_join_is_refused_with_the_reason(fields: dict[str, object], words: str) -> None:
    check_peer(wish(), introduction(), own_certificate=CERTIFICATE, version="1")
    with pytest.raises(RefusedError) as caught:
        check_peer(wish(), introduction(**fields), own_certificate=CERTIFICATE, version="1")
    told, sentence = refused(caught.value)
    assert told == "peer_ip"
    assert str(PEER) in sentence
    assert words in sentence


def test_a_later_version_may_tell_more_of_itself() -> None:
    assert introduction(version="9", mood="sunny").version == "9"


def test_a_refused_login_is_told_at_the_password_which_is_not_repeated() -> None:
    error = refusal(AnsweredNoError("user or password is not right; check both", 401), PEER)
    field, sentence = refused(error)
    assert field == "password"
    assert str(PEER) in sentence
    assert isinstance(error, RefusedError)
    assert error.faults[0].value is None


def test_who_does_not_know_of_pairs_is_a_stranger_and_any_other_refusal_is_in_the_peers_words() -> None:
    assert refused(refusal(AnsweredNoError("there is nothing", 404), PEER))[0] == "peer_ip"
    assert "try again in 9 s" in str(refusal(AnsweredNoError("wait, try again in 9 s", 429), PEER))


def test_a_wish_keeps_its_password_out_of_logs() -> None:
    assert SECRET not in repr(wish())
    assert SECRET not in f"{wish()}"


@pytest.mark.parametrize(
    "typed",
    ["ab" * 32, "AB" * 32, ":".join(["aB"] * 32), f" {' '.join(['abab'] * 16)} ", "-".join(["ab"] * 32)],
)
def test_a_fingerprint_may_be_typed_in_any_grouping(typed: str) -> None:
    assert wish(fingerprint=typed).fingerprint == "ab" * 32


@pytest.mark.parametrize("typed", ["", "ab" * 31, "ab" * 33, "xy" * 32, "ab" * 32 + "\u0661" * 2, ":" * 500])
def test_what_is_no_fingerprint_is_refused(typed: str) -> None:
    with pytest.raises(ValidationError, match="64 hexadecimal digits"):
        wish(fingerprint=typed)
