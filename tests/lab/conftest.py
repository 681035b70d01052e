"""The lab itself, tried out. Needs root, libvirt and QEMU, and a small guest: build/plain.raw.

The guest is a plain Debian image without any network configuration; the lab's own SSH key and an
address come to it as systemd credentials.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness import topology
from harness.deadline import Deadline
from harness.domain import Firmware
from harness.lab import Lab
from harness.libvirt_machine import LibvirtMachine
from harness.machine import Machine
from harness.state import REPOSITORY

GUEST = REPOSITORY / "build" / "plain.raw"
BOOT_S = 280.0  # a plain Debian, emulated, on a machine that is busy with other things

AddGuest = Callable[[Lab, Firmware], LibvirtMachine]
Boot = Callable[[Machine], None]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # Under emulation everything costs about ten times its native time.
    for item in items:
        item.add_marker(pytest.mark.timeout(600))


@pytest.fixture(scope="session")
def guest_image() -> Path:
    if not GUEST.exists():
        pytest.fail("build/plain.raw is missing: build the plain Debian guest first", pytrace=False)
    return GUEST


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    with Lab.start(f"test-{os.getpid()}") as running:
        yield running


@pytest.fixture(scope="session")
def add_guest(guest_image: Path) -> AddGuest:
    """Adds a guest with its management address to a lab; it is off."""
    network = f"[Match]\nMACAddress={topology.mac_address('lb1', 0)}\n"
    network += f"[Network]\nAddress={topology.MACHINE_ADDRESSES['lb1']}/24\n"

    def add(lab: Lab, firmware: Firmware) -> LibvirtMachine:
        credentials = {"network.network.10-mgmt": network}
        return lab.add_machine("lb1", guest_image, firmware=firmware, credentials=credentials)

    return add


@pytest.fixture(scope="session")
def boot() -> Boot:
    """Switches a guest on and waits until it lets root in."""

    def power_on(guest: Machine) -> None:
        guest.power_on()
        guest.ssh(Deadline(BOOT_S)).close()

    return power_on


@pytest.fixture(scope="session")
def booted(lab: Lab, add_guest: AddGuest, boot: Boot) -> LibvirtMachine:
    """The guest, booted once and kept as the snapshot `fresh`."""
    guest = add_guest(lab, "bios")
    boot(guest)
    guest.snapshot("fresh")
    return guest


@pytest.fixture
def guest(booted: LibvirtMachine) -> Machine:
    """The guest as it was after its boot."""
    booted.restore("fresh", Deadline(60), set_clock=False)
    return booted
