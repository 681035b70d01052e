import contextlib
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.ocs.answers import answer, refusal
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


def test_register_is_answered_as_ocs_does() -> None:
    response = answer(only_request(REGISTER), "FE-1", "192.168.10.21")
    assert response is not None
    (again,) = frame(response.encode())
    assert isinstance(again, Response)
    assert (again.status, again.get("server"), again.get("expires")) == (200, "FE-1", "7200")
    assert again.get("ms-keep-alive") == "UAS; tcp=no; hop-hop=yes; end-end=no; timeout=300"
    assert again.get("to") == "<sip:alice@ocs.lab>;tag=FE-1"
    for name in ("from", "call-id", "cseq", "contact"):
        assert again.all(name) == only_request(REGISTER).all(name)


@pytest.mark.parametrize(("peer", "marked"), [("192.168.10.117", False), ("192.168.10.21", True)])
def test_the_top_via_is_marked_when_the_peer_is_another(peer: str, marked: bool) -> None:
    response = answer(only_request(REGISTER), "FE-1", peer)
    assert response is not None
    assert [f";received={peer}" in via for via in response.all("via")] == [marked, False]


@pytest.mark.parametrize(("method", "status"), [("OPTIONS", 200), ("INVITE", 501), ("MESSAGE", 501)])
def test_other_methods(method: str, status: int) -> None:
    response = answer(only_request(REGISTER.replace(b"REGISTER", method.encode())), "FE-1", "192.168.10.21")
    assert response is not None
    assert response.status == status
    assert response.get("allow") == "REGISTER, OPTIONS"


def test_an_ack_is_not_answered() -> None:
    assert answer(only_request(REGISTER.replace(b"REGISTER", b"ACK")), "FE-1", "192.168.10.21") is None


def test_a_refusal_is_a_message_itself() -> None:
    (message,) = frame(refusal("FE-1", "Bad Start Line").encode())
    assert isinstance(message, Response)
    assert (message.status, message.get("server")) == (400, "FE-1")
