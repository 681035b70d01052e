"""The kernel's IPVS by generic netlink: each service and real server with its counters. Needs CAP_NET_ADMIN.

Layouts: linux/netlink.h, linux/genetlink.h and linux/ip_vs.h. What the kernel fills in is in
net/netfilter/ipvs/ip_vs_ctl.c, ip_vs_genl_fill_service and ip_vs_genl_fill_dest.
"""

import errno
import os
import socket
import struct
import sys
import time
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address
from typing import Literal, NamedTuple

from lbadmin.addresses import Address
from lbadmin.errors import UnavailableError
from lbadmin.render.layer4 import TCP, UDP, ServiceKey

TIMEOUT_S = 5.0
"""For all answers together: 256 services are asked for one by one."""
MAX_ANSWERS = 10_000
"""Services, and real servers of one service: the appliance has 256 of each."""
MAX_MESSAGES = 65_536
"""Bytes that come at once: twice of what the kernel sends (netlink_dump)."""

NETLINK_GENERIC = 16
NLMSG_ERROR, NLMSG_DONE = 2, 3
NLM_F_REQUEST, NLM_F_DUMP = 0x1, 0x300
GENL_ID_CTRL, CTRL_CMD_GETFAMILY, CTRL_ATTR_FAMILY_ID, CTRL_ATTR_FAMILY_NAME = 16, 3, 1, 2
FAMILY = b"IPVS\0"

CMD_GET_SERVICE, CMD_GET_DEST = 4, 8
CMD_ATTR_SERVICE, CMD_ATTR_DEST = 1, 2
SVC_AF, SVC_PROTOCOL, SVC_ADDR, SVC_PORT, SVC_FWMARK, SVC_SCHED_NAME, SVC_STATS64 = 1, 2, 3, 4, 5, 6, 12
DEST_ADDR, DEST_PORT, DEST_FWD_METHOD, DEST_WEIGHT = 1, 2, 3, 4
DEST_ACTIVE, DEST_INACTIVE, DEST_PERSISTENT, DEST_ADDR_FAMILY, DEST_STATS64 = 7, 8, 9, 11, 12
IDENTITY = (SVC_AF, SVC_PROTOCOL, SVC_ADDR, SVC_PORT, SVC_FWMARK)
"""What a service is found by: the attributes that it has of these."""

Method = Literal["masq", "local", "tunnel", "route"]
METHODS: tuple[Method, ...] = ("masq", "local", "tunnel", "route")
"""By IP_VS_CONN_F_FWD_MASK of the connection flags."""
PROTOCOLS = {socket.IPPROTO_TCP: TCP, socket.IPPROTO_UDP: UDP}

_MESSAGE = struct.Struct("=IHHII")  # struct nlmsghdr
_COMMAND = struct.Struct("=BBH")  # struct genlmsghdr
_ATTRIBUTE = struct.Struct("=HH")  # struct nlattr
_TYPE_MASK = 0x3FFF  # without NLA_F_NESTED and NLA_F_NET_BYTEORDER
_STATS = (1, 2, 3, 4, 5)  # IPVS_STATS_ATTR_CONNS to OUTBYTES

Attributes = dict[int, bytes]


class LiveServer(NamedTuple):
    """A real server as it is in IPVS; connections, packets and bytes count since it came."""

    address: Address
    port: int
    forwarding: Method
    weight: int
    active: int
    inactive: int
    persistent: int
    connections: int
    packets_in: int
    packets_out: int
    bytes_in: int
    bytes_out: int


class LiveService(NamedTuple):
    """A service as it is in IPVS, with what it has carried since it came."""

    key: ServiceKey
    scheduler: str
    connections: int
    packets_in: int
    packets_out: int
    bytes_in: int
    bytes_out: int
    servers: tuple[LiveServer, ...]


def read_live() -> list[LiveService]:
    """Return what IPVS has now, nothing where the module is not loaded. Raises UnavailableError."""
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_GENERIC) as kernel:
            return ask(kernel)
    except OSError as error:
        raise UnavailableError(f"the kernel's IPVS can't be read: {error}; try again") from error


def ask(kernel: socket.socket) -> list[LiveService]:
    """Return the services that are told on this socket. Raises OSError."""
    deadline = time.monotonic() + TIMEOUT_S
    family = _family(kernel, deadline)
    if family is None:
        return []
    services = []
    for told in _dump(kernel, deadline, family, CMD_GET_SERVICE):
        service = attributes_of(told[CMD_ATTR_SERVICE])
        identity = packed({key: service[key] for key in IDENTITY if key in service})
        asked = packed({CMD_ATTR_SERVICE: identity})
        dests = _dump(kernel, deadline, family, CMD_GET_DEST, asked)
        servers = tuple(server_of(attributes_of(each[CMD_ATTR_DEST])) for each in dests)
        services.append(service_of(service, servers))
    return services


def attributes_of(data: bytes) -> Attributes:
    """Return the values of attributes that stand one after the other, by their types."""
    found, at = {}, 0
    while at + _ATTRIBUTE.size <= len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, at)
        if length < _ATTRIBUTE.size:
            break
        found[kind & _TYPE_MASK] = data[at + _ATTRIBUTE.size : at + length]
        at += _aligned(length)
    return found


def packed(attributes: Attributes) -> bytes:
    """Return attributes as netlink takes them."""
    return b"".join(_packed(kind, value) for kind, value in attributes.items())


def _packed(kind: int, value: bytes) -> bytes:
    length = _ATTRIBUTE.size + len(value)
    return (_ATTRIBUTE.pack(length, kind) + value).ljust(_aligned(length), b"\0")


def service_of(attributes: Attributes, servers: tuple[LiveServer, ...] = ()) -> LiveService:
    """Return the service that the attributes IPVS_SVC_ATTR_* tell of."""
    scheduler = attributes[SVC_SCHED_NAME].rstrip(b"\0").decode()
    return LiveService(_key(attributes), scheduler, *_stats(attributes[SVC_STATS64]), servers=servers)


def server_of(attributes: Attributes) -> LiveServer:
    """Return the real server that the attributes IPVS_DEST_ATTR_* tell of."""
    counts = (DEST_WEIGHT, DEST_ACTIVE, DEST_INACTIVE, DEST_PERSISTENT)
    weight, active, inactive, persistent = (_number(attributes[key]) for key in counts)
    return LiveServer(
        _address(attributes[DEST_ADDR], attributes[DEST_ADDR_FAMILY]),
        int.from_bytes(attributes[DEST_PORT], "big"),
        METHODS[_number(attributes[DEST_FWD_METHOD])],
        weight,
        active,
        inactive,
        persistent,
        *_stats(attributes[DEST_STATS64]),
    )


def _key(attributes: Attributes) -> ServiceKey:
    if SVC_FWMARK in attributes:
        return ServiceKey(_number(attributes[SVC_FWMARK]))
    protocol = _number(attributes[SVC_PROTOCOL])
    return ServiceKey(
        None,
        PROTOCOLS.get(protocol, str(protocol)),
        _address(attributes[SVC_ADDR], attributes[SVC_AF]),
        int.from_bytes(attributes[SVC_PORT], "big"),
    )


def _address(data: bytes, family: bytes) -> Address:
    """Return an address, which has 16 bytes whatever it is."""
    return IPv6Address(data[:16]) if _number(family) == socket.AF_INET6 else IPv4Address(data[:4])


def _number(data: bytes) -> int:
    """Return a number of the machine's byte order; ports alone have the network's."""
    return int.from_bytes(data, sys.byteorder)


def _stats(data: bytes) -> tuple[int, int, int, int, int]:
    """Return connections, packets in and out, bytes in and out."""
    found = attributes_of(data)
    connections, packets_in, packets_out, bytes_in, bytes_out = (_number(found[key]) for key in _STATS)
    return connections, packets_in, packets_out, bytes_in, bytes_out


def _family(kernel: socket.socket, deadline: float) -> int | None:
    """Return the number that IPVS has among the families of this boot, None without the module."""
    asked = packed({CTRL_ATTR_FAMILY_NAME: FAMILY})
    _send(kernel, GENL_ID_CTRL, NLM_F_REQUEST, CTRL_CMD_GETFAMILY, asked)
    try:
        ((_, body),) = _received(kernel, deadline)
    except FileNotFoundError:
        return None
    return _number(_answer(body)[CTRL_ATTR_FAMILY_ID])


def _dump(
    kernel: socket.socket, deadline: float, family: int, command: int, attributes: bytes = b""
) -> list[Attributes]:
    """Return the attributes of each answer to a request for all there is. Raises OSError."""
    _send(kernel, family, NLM_F_REQUEST | NLM_F_DUMP, command, attributes)
    answers: list[Attributes] = []
    while len(answers) <= MAX_ANSWERS:
        for kind, body in _received(kernel, deadline):
            if kind == NLMSG_DONE:
                return answers
            answers.append(_answer(body))
    raise OSError(errno.EMSGSIZE, os.strerror(errno.EMSGSIZE))


def _send(kernel: socket.socket, family: int, flags: int, command: int, attributes: bytes) -> None:
    body = _COMMAND.pack(command, 1, 0) + attributes
    kernel.send(_MESSAGE.pack(_MESSAGE.size + len(body), family, flags, 0, 0) + body)


def _received(kernel: socket.socket, deadline: float) -> list[tuple[int, bytes]]:
    """Return types and bodies of the messages that come next. Raises OSError, also for the kernel's own."""
    kernel.settimeout(max(0.001, deadline - time.monotonic()))
    messages = list(_messages(kernel.recv(MAX_MESSAGES)))
    for kind, body in messages:
        if kind == NLMSG_ERROR:
            number = -struct.unpack_from("=i", body)[0]
            raise OSError(number, os.strerror(number))
    return messages


def _answer(body: bytes) -> Attributes:
    return attributes_of(body[_COMMAND.size :])


def _messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield type and body of each message."""
    at = 0
    while at + _MESSAGE.size <= len(data):
        length, kind, *_ = _MESSAGE.unpack_from(data, at)
        if length < _MESSAGE.size:
            return
        yield kind, data[at + _MESSAGE.size : at + length]
        at += _aligned(length)


def _aligned(length: int) -> int:
    return (length + 3) & ~3
