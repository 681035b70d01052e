"""Interfaces and routes of the booted appliance, as what is on its networks sees them."""

import contextlib
import os
import socket
from collections.abc import Callable, Iterator
from ipaddress import IPv4Interface
from typing import Any, TypeAlias

import httpx
import pytest

from harness.appliance import API, FACTORY_LOGIN, HTTPS_PORT, Appliance
from harness.deadline import Deadline
from harness.hardware import THREE_CARDS
from harness.lab import Lab
from harness.libvirt_machine import LibvirtMachine
from harness.topology import CLIENT, LAB, MANAGEMENT, SERVICE
from tests.packets import is_answered, is_heard, sniffer
from tests.system.conftest import BOOT_S, IMAGE, restored

Json: TypeAlias = Any

OWN = "192.168.2.21"
MOVED = "192.168.2.60"
SERVED = str(SERVICE.interface(21).ip)
ROUTER = str(CLIENT.links[0].addresses[0].ip)
"""The client's first address on the service network: a router as far as the appliance knows."""

FAR, FARTHER = "10.99.0.1", "172.30.0.1"
ETH0 = {"name": "eth0", "addresses": [f"{OWN}/24"]}
TRUNK = [{"name": "eth1", "addresses": []}, {"name": "eth2", "addresses": []}]
VLAN = 20
VIRTUAL = "192.168.20.30"
GONE = (httpx.HTTPError, OSError)
ANSWER_S = 60.0
TAKEN_BACK_S = 150.0
"""A minute, and time for an emulated machine to follow."""


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with Lab.start(f"network-{os.getpid()}", front_ends=0) as running:
        yield running


@pytest.fixture(scope="module")
def machine(lab: Lab) -> LibvirtMachine:
    """An appliance with a third card, booted for the first time."""
    made = lab.add_machine("lb1", IMAGE, hardware=THREE_CARDS)
    made.power_on()
    Appliance(lab, made).wait_until_up(Deadline(BOOT_S))
    made.snapshot("fresh")
    return made


@pytest.fixture
def appliance(lab: Lab, machine: LibvirtMachine) -> Iterator[Appliance]:
    """The appliance as it left the factory."""
    yield from restored(lab, machine, "fresh")


def answers(lab: Lab, address: str) -> bool:
    """Tell whether the WebUI's API answers an administrator at an address."""
    with lab.http(f"https://{address}:{HTTPS_PORT}", timeout_s=10) as http:
        return http.get(f"{API}/node", auth=FACTORY_LOGIN).status_code == httpx.codes.OK


def wait_until_answers(lab: Lab, address: str, deadline_s: float = ANSWER_S) -> None:
    Deadline(deadline_s).wait_until(lambda: answers(lab, address), f"the API at {address}", ignoring=GONE)


def patch_node(appliance: Appliance, **changes: Json) -> None:
    """Change the node for good."""
    appliance.call("PATCH", "/node?confirmed=true", changes)


def listening(lab: Lab, host: str, device: str) -> contextlib.closing[socket.socket]:
    """Hear all packets of a host's device within the block."""
    return contextlib.closing(lab.on(host, lambda: sniffer(device)))


def is_in_vlan(heard: socket.socket, address: str) -> bool:
    """Tell whether an address answers in the VLAN."""
    return is_answered(heard, address, "192.168.20.9", VLAN)


@pytest.mark.nightly
def test_a_vlan_on_a_bond_speaks_with_its_tag_and_carries_virtual_addresses(
    lab: Lab, appliance: Appliance, machine: LibvirtMachine
) -> None:
    bond = {"name": "bond0", "addresses": [], "bond": {"members": ["eth1", "eth2"]}}
    tagged = {"name": "bond0.20", "vlan": {"parent": "bond0", "id": VLAN}, "addresses": ["192.168.20.21/24"]}
    patch_node(appliance, interfaces=[ETH0, *TRUNK, bond, tagged])
    appliance.call("POST", "/layer7/virtual-services", {"label": "web", "ip": VIRTUAL, "ports": [80]})
    with listening(lab, LAB, SERVICE.bridge) as heard:
        for address in ("192.168.20.21", VIRTUAL):
            Deadline(ANSWER_S).wait_until(
                lambda asked=address: is_in_vlan(heard, asked),  # type: ignore[misc]
                f"{address} in VLAN {VLAN}",
            )
        # Another id is another network: what was made before goes.
        other = {**tagged, "vlan": {"parent": "bond0", "id": VLAN + 1}}
        patch_node(appliance, interfaces=[ETH0, *TRUNK, bond, other])
        Deadline(ANSWER_S).wait_until(lambda: not is_in_vlan(heard, VIRTUAL), f"silence in VLAN {VLAN}")
    appliance.http.close()
    machine.power_off()
    machine.power_on()
    again = Appliance(lab, machine)
    again.wait_until_up(Deadline(BOOT_S))
    links = {each["name"]: each for each in again.get("/interfaces")["interfaces"]}
    assert f"{VIRTUAL}/32" in links["bond0.20"]["addresses"]
    patch_node(again, interfaces=[ETH0])
    Deadline(ANSWER_S).wait_until(
        lambda: {each["name"] for each in again.get("/interfaces")["interfaces"]} == {"eth0", "eth1", "eth2"},
        "bond and VLAN to be gone",
        ignoring=GONE,
    )


@pytest.mark.nightly
def test_a_bond_goes_on_serving_whichever_link_is_cut(
    lab: Lab, appliance: Appliance, machine: LibvirtMachine
) -> None:
    bond = {"name": "bond0", "addresses": [f"{SERVED}/24"], "bond": {"members": ["eth1", "eth2"]}}
    patch_node(appliance, interfaces=[ETH0, *TRUNK, bond])
    wait_until_answers(lab, SERVED)
    for card in (1, 2):
        machine.link(card, up=False)
        wait_until_answers(lab, SERVED)
        machine.link(card, up=True)
        carrier = f"grep -q 1 /sys/class/net/eth{card}/carrier"
        Deadline(ANSWER_S).wait_until(
            lambda up=carrier: machine.run(up, check=False).status == 0,  # type: ignore[misc]
            f"the link of eth{card}",
        )


def segment_size(lab: Lab, address: str) -> int:
    """The largest piece of TCP that may be sent to an address, as it says itself when it is called."""
    with lab.connect(LAB, (address, HTTPS_PORT)) as connection:
        return connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG)


def test_packets_are_as_large_as_the_mtu_and_go_back_with_it(lab: Lab, appliance: Appliance) -> None:
    eth1 = {"name": "eth1", "addresses": [f"{SERVED}/24"]}
    patch_node(appliance, interfaces=[ETH0, {**eth1, "mtu": 1000}])
    Deadline(ANSWER_S).wait_until(
        lambda: 900 < segment_size(lab, SERVED) <= 960, "small packets", ignoring=(OSError,)
    )
    patch_node(appliance, interfaces=[ETH0, eth1])
    Deadline(ANSWER_S).wait_until(
        lambda: segment_size(lab, SERVED) > 1400, "full packets", ignoring=(OSError,)
    )


def test_each_of_several_addresses_answers(lab: Lab, appliance: Appliance) -> None:
    addresses = [f"{OWN}/24", f"{MOVED}/24", "192.168.2.61/24"]
    appliance.call("PATCH", "/node", {"interfaces": [{"name": "eth0", "addresses": addresses}]})
    # What is only added can't cut anybody off.
    assert appliance.get("/node/unconfirmed")["seconds_left"] is None
    for address in addresses:
        wait_until_answers(lab, str(IPv4Interface(address).ip))


def arrives(heard: socket.socket, machine: LibvirtMachine, source: str, target: str) -> Callable[[], bool]:
    """Whether what the appliance sends to an address, from one of its own, arrives where one listens."""

    def arrived() -> bool:
        machine.run(f"ping -c 1 -W 1 -I {source} {target}", check=False)
        return is_heard(heard, source, target)

    return arrived


@pytest.mark.nightly
def test_routes_lead_packets_to_their_routers(
    lab: Lab, appliance: Appliance, machine: LibvirtMachine
) -> None:
    patch_node(
        appliance,
        interfaces=[ETH0, {"name": "eth1", "addresses": [f"{SERVED}/24"]}],
        gateway=str(MANAGEMENT.lab_address.ip),
        routes=[f"10.99.0.0/16 via {ROUTER}", f"default via {ROUTER} from 192.168.10.0/24"],
    )
    with (
        listening(lab, CLIENT.name, "eth0") as router,
        listening(lab, LAB, MANAGEMENT.bridge) as gateway,
    ):
        for heard, source, target, where in (
            (router, OWN, FAR, "the static route's router"),
            (router, SERVED, FARTHER, "the policy route's router"),
            (gateway, OWN, FARTHER, "the default gateway"),
        ):
            Deadline(ANSWER_S).wait_until(arrives(heard, machine, source, target), f"a packet at {where}")
    # The node's own networks are reached as before, also from the policy's addresses.
    wait_until_answers(lab, SERVED)


def move(appliance: Appliance) -> None:
    """Move the appliance to another address; its answer may get lost on the way."""
    body = {"interfaces": [{"name": "eth0", "addresses": [f"{MOVED}/24"]}]}
    with contextlib.suppress(httpx.HTTPError):
        appliance.call("PATCH", "/node", body, timeout_s=15)
    appliance.hang_up()


@pytest.mark.nightly
def test_a_move_that_nobody_confirms_is_taken_back_and_the_page_tells_it(
    lab: Lab, appliance: Appliance
) -> None:
    move(appliance)
    wait_until_answers(lab, MOVED)
    wait_until_answers(lab, OWN, TAKEN_BACK_S)
    with pytest.raises(GONE):
        answers(lab, MOVED)
    texts = [each["text"] for each in appliance.get("/messages")["messages"]]
    assert any("taken back" in text for text in texts), texts


@pytest.mark.nightly
def test_a_reboot_takes_back_what_nobody_has_confirmed_and_a_confirmed_move_stays(
    lab: Lab, appliance: Appliance, machine: LibvirtMachine
) -> None:
    move(appliance)
    wait_until_answers(lab, MOVED)
    machine.power_off()
    machine.power_on()
    wait_until_answers(lab, OWN, BOOT_S)
    texts = [each["text"] for each in appliance.get("/messages")["messages"]]
    assert any("taken back" in text for text in texts), texts

    move(appliance)
    wait_until_answers(lab, MOVED)
    with lab.http(f"https://{MOVED}:{HTTPS_PORT}") as http:
        http.post(f"{API}/node/confirm", auth=FACTORY_LOGIN, timeout=60).raise_for_status()
    machine.power_off()
    machine.power_on()
    wait_until_answers(lab, MOVED, BOOT_S)
