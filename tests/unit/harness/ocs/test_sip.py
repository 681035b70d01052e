import contextlib
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.ocs import digest
from harness.ocs.answers import (
    MAX_CONTACTS,
    Binding,
    contacts_of,
    handed_on,
    refusal,
    respond,
    user_of,
    way_back,
)
from harness.ocs.sip import MAX_BODY, MAX_HEADER, Framer, KeepAlive, Message, Request, Response, SipError

REGISTER = (
    b"REGISTER sip:ocs.lab SIP/2.0\r\n"
    b"v: SIP/2.0/TLS 192.168.10.117:5000;branch=z9hG4bK1\r\n"
    b"Via: SIP/2.0/TLS 10.0.0.1;branch=z9hG4bK0\r\n"
    b"f: <sip:alice@ocs.lab>;tag=1\r\n"
    b"To: <sip:alice@ocs.lab>\r\n"
    b"i: abc\r\n"
    b"CSeq: 1\r\n  REGISTER\r\n"
    b"m: <sip:alice@192.168.10.117:5000>\r\n"
    b"l: 4\r\n"
    b"\r\nbody"
)


def frame(data: bytes) -> list[Message | KeepAlive]:
    return list(Framer().feed(data))


def only_request(data: bytes) -> Request:
    (message,) = frame(data)
    assert isinstance(message, Request)
    return message


@given(st.lists(st.integers(0, len(REGISTER) * 2 + 4), max_size=8))
def test_messages_come_out_however_the_stream_is_cut(cuts: list[int]) -> None:
    stream = REGISTER + b"\r\n\r\n" + REGISTER
    framer = Framer()
    edges = [0, *sorted(cuts), len(stream)]
    items = [item for start, end in pairwise(edges) for item in framer.feed(stream[start:end])]
    assert [type(item) for item in items] == [Request, KeepAlive, KeepAlive, Request]
    assert items[0] == items[3] == only_request(REGISTER)


@given(st.binary(max_size=400))
def test_any_bytes_are_messages_or_refused(data: bytes) -> None:
    with contextlib.suppress(SipError):
        frame(data)


def test_compact_and_folded_headers_are_read() -> None:
    request = only_request(REGISTER)
    assert request.get("cseq") == "1 REGISTER"
    assert request.get("call-id") == "abc"
    assert len(request.all("via")) == 2
    assert request.body == b"body"


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b"l: 4\r\n", b"", "Content-Length"),
        (b"l: 4\r\n", b"l: 4\r\nContent-Length: 5\r\n", "Content-Length"),
        (b"l: 4", b"l: -4", "Content-Length"),
        (b"l: 4", "l: ٤".encode(), "Content-Length"),
        (b"l: 4", b"l: %d" % (MAX_BODY + 1), "Body Too Large"),
        (b"l: 4", b"l: 9" + b"9" * 5000, "Content-Length"),
        (b"i: abc\r\n", b"", "Call-Id"),
        (b"SIP/2.0\r\n", b"SIP/3.0\r\n", "Version"),
        (b"\r\n  REGISTER", b" INVITE", "CSeq"),
        (b"CSeq: 1\r\n  REGISTER", b"CSeq: ", "CSeq"),
        (b"To:", b"no colon here\r\nTo:", "Header"),
        (b"REGISTER sip:ocs.lab SIP/2.0", b"GET", "Start Line"),
        (b"alice", b"\xff", "UTF-8"),
        (b"abc", b"a" * MAX_HEADER, "Too Large"),
    ],
)
def test_what_is_no_sip_is_refused_with_a_reason(old: bytes, new: bytes, reason: str) -> None:
    with pytest.raises(SipError, match=reason):
        frame(REGISTER.replace(old, new, 1))


def test_an_endless_header_is_refused_before_it_ends() -> None:
    with pytest.raises(SipError, match="Too Large"):
        frame(b"REGISTER " + b"x" * MAX_HEADER)


def respond_to(data: bytes, peer: str = "192.168.10.21") -> Response:
    response = respond(only_request(data), "FE-1", peer, 200, "OK", ("expires", "7200"))
    (again,) = frame(response.encode())
    assert isinstance(again, Response)
    return again


def test_a_response_copies_what_tells_whose_it_is() -> None:
    response = respond_to(REGISTER)
    assert (response.status, response.get("server"), response.get("expires")) == (200, "FE-1", "7200")
    assert response.get("to") == "<sip:alice@ocs.lab>;tag=FE-1"
    for name in ("from", "call-id", "cseq"):
        assert response.all(name) == only_request(REGISTER).all(name)


@pytest.mark.parametrize(("peer", "marked"), [("192.168.10.117", False), ("192.168.10.21", True)])
def test_the_top_via_is_marked_when_the_peer_is_another(peer: str, marked: bool) -> None:
    assert [f";received={peer}" in via for via in respond_to(REGISTER, peer).all("via")] == [marked, False]


def test_the_response_to_what_was_handed_on_finds_its_way_back() -> None:
    request = only_request(REGISTER)
    onward = handed_on(request, Binding("FE-2", 17), 3)
    assert onward is not None
    assert onward.get("max-forwards") == "69"
    response = respond(onward, "FE-1", "", 200, "OK")
    assert way_back(response) == Binding("FE-2", 17)
    assert response.without_first("via").all("via") == request.all("via")


@pytest.mark.parametrize("hops", ["0", "many", "-1", "9999"])
def test_what_has_no_hops_left_is_not_handed_on(hops: str) -> None:
    request = only_request(REGISTER).with_only("max-forwards", hops)
    assert handed_on(request, Binding("FE-2", 17), 3) is None


@pytest.mark.parametrize(
    ("uri", "user"),
    [
        ("sip:Alice@ocs.lab", "alice"),
        ("<sip:alice@ocs.lab>", "alice"),
        ("sips:a.b@ocs.lab;gruu", "a.b"),
        ("sip:alice@ocs.labs", ""),
        ("sip:alice@elsewhere", ""),
        ("sip:ocs.lab", ""),
        ("tel:+49", ""),
    ],
)
def test_a_user_is_named_by_an_address_of_the_domain(uri: str, user: str) -> None:
    assert user_of(uri) == user


def test_the_contacts_of_a_subscription_are_bounded() -> None:
    resources = b"".join(b'<resource uri="sip:u%d@ocs.lab"/>' % number for number in range(MAX_CONTACTS + 1))
    with pytest.raises(SipError, match="Too Many"):
        contacts_of(replace(only_request(REGISTER), body=resources))
    few = b'<resource uri="sip:Bob@ocs.lab"/><resource uri=\'sip:bob@ocs.lab\'/><resource uri="sip:x@y"/>'
    assert contacts_of(replace(only_request(REGISTER), body=few)) == ["bob"]


@given(st.binary(max_size=300))
def test_any_authorization_proves_nothing_unless_it_is_right(value: bytes) -> None:
    assert digest.user_of(value.decode(errors="replace"), "secret", "REGISTER", "nonce") is None


def test_digest_is_that_of_the_rfc() -> None:
    """RFC 2617, section 3.5, with the realm that is checked left to the arithmetic."""
    said = {
        "realm": "testrealm@host.com",
        "nonce": "dcd98b7102dd2f0e8b11d0f600bfb0c093",
        "uri": "/dir/index.html",
        "qop": "auth",
        "nc": "00000001",
        "cnonce": "0a4f113b",
    }
    answer = digest.response("Mufasa", "Circle Of Life", "GET", said)
    assert answer == "6629fae49393a05397450978507c4ef1"


def test_who_knows_the_password_proves_it_once() -> None:
    proof = digest.authorization("alice", "secret", "REGISTER", "sip:ocs.lab", digest.challenge("n1"))
    assert digest.user_of(proof, "secret", "REGISTER", "n1") == "alice"
    assert digest.user_of(proof, "secret", "REGISTER", "n2") is None
    assert digest.user_of(proof, "other", "REGISTER", "n1") is None
    assert digest.user_of(proof, "secret", "INVITE", "n1") is None


def test_a_refusal_is_a_message_itself() -> None:
    (message,) = frame(refusal("FE-1", "Bad Start Line").encode())
    assert isinstance(message, Response)
    assert (message.status, message.get("server")) == (400, "FE-1")
