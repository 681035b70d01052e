"""Front ends that answer at a virtual address themselves, as real servers behind layer 4 do."""

import contextlib
import socket
import struct
from collections.abc import Iterator

import pytest

from harness import topology
from harness.lab import Lab
from harness.layer4 import DIRECT, OPERATING_SYSTEM, TUNNEL
from harness.ocs import datagrams
from harness.ocs.client import SipClient
from harness.real_servers import set_up
from lbadmin.layer4_setup import setup_of
from lbadmin.model import Layer4Service

VIP = "192.168.10.70"
CLIENT = "192.168.10.105"


def setup_text(forwarding: str) -> str:
    """What the appliance's help tells the administrator of a real server that runs Linux."""
    service = Layer4Service.model_validate(
        {"label": "Calls", "ip": VIP, "ports": "5060", "forwarding": forwarding}
    )
    return next(text.commands for text in setup_of(service, (), ()).texts if text.system == OPERATING_SYSTEM)


def encapsulated(source: str, to: str, packet: bytes) -> bytes:
    """A UDP packet from the client to the virtual address, for a socket that adds the outer header."""
    header = struct.pack(
        "!BBHHHBBH4s4s", 0x45, 0, 20 + len(packet), 1, 0, 64, socket.IPPROTO_UDP, 0,
        socket.inet_aton(source), socket.inet_aton(to),
    )  # fmt: skip
    total = sum(struct.unpack("!10H", header))
    total = (total & 0xFFFF) + (total >> 16)
    return (
        header[:10] + struct.pack("!H", ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF) + header[12:] + packet
    )


@contextlib.contextmanager
def known(lab: Lab, number: int) -> Iterator[None]:
    """The client takes front end `number` for who has the virtual address, as a director makes it look."""
    card = topology.mac_address(topology.front_end_host(number).name, 0)
    entry = [VIP, "dev", "eth0"]
    lab.run("client", ["ip", "neighbour", "replace", *entry, "lladdr", card, "nud", "permanent"])
    try:
        yield
    finally:
        lab.run("client", ["ip", "neighbour", "del", *entry])


def test_direct_routing_the_front_end_answers_from_the_virtual_address_and_is_silent_to_arp(
    lab: Lab,
) -> None:
    with set_up(lab, [setup_text(DIRECT)]):
        for number, front_end in enumerate(lab.front_ends, 1):
            with known(lab, number):
                with SipClient(lab.connect("client", (VIP, 5060), source=CLIENT)) as client:
                    assert client.register().front_end == front_end.name
                with lab.socket("client", socket.SOCK_DGRAM) as flow:
                    flow.settimeout(10)
                    flow.connect((VIP, datagrams.PORT))
                    flow.send(b"1")
                    assert flow.recv(100) == datagrams.answer(front_end.name, b"1")
        with pytest.raises(OSError, match=r"No route to host|timed out"):
            lab.connect("client", (VIP, 5060), source=CLIENT, timeout_s=5)
    with known(lab, 1), pytest.raises(OSError, match="timed out"):
        lab.connect("client", (VIP, 5060), source=CLIENT, timeout_s=2)


def test_tunnel_the_front_end_unpacks_ip_in_ip_and_answers_the_client_itself(lab: Lab) -> None:
    with set_up(lab, [setup_text(TUNNEL)], tunnel=True), lab.socket("client", socket.SOCK_DGRAM) as flow:
        flow.settimeout(10)
        flow.bind((CLIENT, 0))
        port = flow.getsockname()[1]
        for front_end in lab.front_ends:
            data = b"hello"
            udp = struct.pack("!HHHH", port, datagrams.PORT, 8 + len(data), 0) + data
            packet = encapsulated(CLIENT, VIP, udp)
            raw = lab.on("lab", lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_IPIP))
            with raw:
                raw.sendto(packet, (str(front_end.address), 0))
            assert flow.recvfrom(100) == (datagrams.answer(front_end.name, data), (VIP, datagrams.PORT))
