"""IPVS by netlink: messages as the kernel writes them (linux/ip_vs.h), from a kernel that is played here."""

import contextlib
import errno
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from ipaddress import IPv4Address, IPv6Address

import pytest

from lbadmin import ipvs_netlink
from lbadmin.errors import UnavailableError
from lbadmin.ipvs_netlink import LiveServer, LiveService, ask
from lbadmin.render.layer4 import ServiceKey

FAMILY = 0x1C
NESTED = 0x8000
Answer = Callable[[int, bytes], list[bytes]]


def attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), kind) + value + b"\0" * (-len(value) % 4)


def number(kind: int, value: int) -> bytes:
    return attribute(kind, struct.pack("=I", value))


def word(kind: int, value: int) -> bytes:
    return attribute(kind, struct.pack("=H", value))


def stats64(kind: int, *values: int) -> bytes:
    """Counters and rates, with an attribute for alignment (PAD, 11) before each number of 64 bits."""
    counters = ((at, struct.pack("=Q", value)) for at, value in enumerate((*values, *[0] * 5), 1))
    return attribute(kind, b"".join(attribute(11, b"") + attribute(*each) for each in counters))


def message(kind: int, body: bytes) -> bytes:
    return struct.pack("=IHHII", 16 + len(body), kind, 2, 0, 4711) + body + b"\0" * (-len(body) % 4)


def told(command: int, attributes: bytes) -> bytes:
    return message(FAMILY, struct.pack("=BBH", command, 1, 0) + attributes)


def failure(number: int) -> bytes:
    return message(2, struct.pack("=i", -number) + b"\0" * 16)


DONE = message(3, struct.pack("=i", 0))
GET_SERVICE, GET_DEST, NEW_SERVICE, NEW_DEST = 4, 8, 1, 5

VIP = socket.inet_aton("192.168.10.30") + b"\xaa" * 12
BY_ADDRESS = word(1, 2) + word(2, 6) + attribute(3, VIP) + attribute(4, b"\x13\xc4")
BY_MARK = word(1, 10) + number(5, 65_537)


def service(identity: bytes, scheduler: bytes, *stats: int) -> bytes:
    rest = attribute(6, scheduler + b"\0") + attribute(7, b"\1\0\0\0\xff\xff\xff\xff") + number(8, 300)
    attributes = identity + rest + number(9, 0xFFFFFFFF) + attribute(10, b"") + stats64(12, *stats)
    return told(NEW_SERVICE, attribute(1 | NESTED, attributes))


def server(family: int, address: bytes, method: int, numbers: tuple[int, ...], *stats: int) -> bytes:
    """`numbers`: weight, thresholds, and active, inactive and persistent connections."""
    attributes = attribute(1, address.ljust(16, b"\0")) + attribute(2, b"\x13\xc5") + number(3, method)
    attributes += attribute(13, b"\0") + attribute(14, b"\0\0") + word(15, 0)
    attributes += b"".join(number(kind, value) for kind, value in enumerate(numbers, 4))
    attributes += word(11, family) + attribute(10, b"") + stats64(12, *stats)
    return told(NEW_DEST, attribute(2, attributes))


SERVERS = {
    BY_ADDRESS: [
        server(2, socket.inet_aton("10.0.0.1"), 0, (100, 0, 0, 3, 2, 1), 2**33, 6, 5, 2**40, 4),
        server(2, socket.inet_aton("10.0.0.2"), 3, (0, 0, 0, 0, 0, 0), 0, 0, 0, 0, 0),
    ],
    BY_MARK: [server(10, IPv6Address("2001:db8::1").packed, 2, (7, 0, 0, 0, 0, 0), 0, 0, 0, 0, 0)],
}


def kernel(command: int, attributes: bytes) -> list[bytes]:
    """Answer as a kernel does, which gives what does not fit into one piece in several."""
    if command == GET_SERVICE:
        first, second = service(BY_ADDRESS, b"wlc", 9, 8, 7, 6, 5), service(BY_MARK, b"sh", 0, 0, 0, 0, 0)
        return [first, second + DONE]
    (asked,) = [each for each in SERVERS if attributes == attribute(1, each)]
    return [b"".join(SERVERS[asked]), DONE]


@contextlib.contextmanager
def played(answer: Answer, family: list[bytes] | None = None) -> Iterator[socket.socket]:
    """Give a socket to a kernel; `family` is what it says instead of the number of IPVS."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    known = [message(16, struct.pack("=BBH", 1, 2, 0) + attribute(2, b"IPVS\0") + word(1, FAMILY))]

    def serve() -> None:
        with contextlib.suppress(ConnectionResetError):
            respond()

    def respond() -> None:
        while request := theirs.recv(65536):
            length, kind, flags, *_ = struct.unpack_from("=IHHII", request)
            command, attributes = request[16], request[20:]
            assert length == len(request)
            if kind == 16:
                assert (command, flags, attributes) == (3, 1, attribute(2, b"IPVS\0"))
                answers = known if family is None else family
            else:
                assert (kind, flags) == (FAMILY, 0x301)
                answers = answer(command, attributes)
            for each in answers:
                theirs.send(each)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    with theirs:
        with ours:
            yield ours
        thread.join(5)


def test_services_and_real_servers_are_read_with_64_bit_counters() -> None:
    with played(kernel) as ours:
        found = ask(ours)
    by_address = ServiceKey(None, "tcp", IPv4Address("192.168.10.30"), 5060)
    first, second = IPv4Address("10.0.0.1"), IPv4Address("10.0.0.2")
    assert found == [
        LiveService(
            by_address, "wlc", 9, 8, 7, 6, 5,
            (
                LiveServer(first, 5061, "masq", 100, 3, 2, 1, 2**33, 6, 5, 2**40, 4),
                LiveServer(second, 5061, "route", 0, 0, 0, 0, 0, 0, 0, 0, 0),
            ),
        ),
        LiveService(
            ServiceKey(65_537), "sh", 0, 0, 0, 0, 0,
            (LiveServer(IPv6Address("2001:db8::1"), 5061, "tunnel", 7, 0, 0, 0, 0, 0, 0, 0, 0),),
        ),
    ]  # fmt: skip


def test_without_the_module_there_are_no_services() -> None:
    with played(kernel, family=[failure(errno.ENOENT)]) as ours:
        assert ask(ours) == []


def test_a_service_that_goes_meanwhile_has_no_real_servers() -> None:
    def gone(command: int, attributes: bytes) -> list[bytes]:
        return kernel(command, attributes) if command == GET_SERVICE else [DONE]

    with played(gone) as ours:
        assert [each.servers for each in ask(ours)] == [(), ()]


def test_a_refusal_is_told_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_: int, __: bytes) -> list[bytes]:
        return [failure(errno.EPERM)]

    with played(refused) as ours:
        monkeypatch.setattr(socket, "socket", lambda *_: ours)
        with pytest.raises(UnavailableError, match=r"IPVS can't be read: .*Operation not permitted"):
            ipvs_netlink.read_live()


def test_a_kernel_that_does_not_answer_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ipvs_netlink, "TIMEOUT_S", 0.05)
    with played(lambda *_: []) as ours, pytest.raises(TimeoutError):
        ask(ours)


def test_an_answer_without_end_is_broken_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ipvs_netlink, "MAX_ANSWERS", 1)
    endless = [service(BY_ADDRESS, b"wlc", 0, 0, 0, 0, 0)] * 3
    with played(lambda *_: endless) as ours, pytest.raises(OSError, match="too long"):
        ask(ours)
