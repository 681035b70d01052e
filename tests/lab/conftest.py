"""The lab itself, tried out. Needs root, libvirt and QEMU, and a guest: the appliance, build/lbva.raw."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.deadline import Deadline
from harness.lab import Lab
from harness.libvirt_machine import LibvirtMachine
from harness.machine import Machine
from harness.state import REPOSITORY

GUEST = REPOSITORY / "build" / "lbva.raw"
BOOT_S = 280.0  # emulated, on a machine that is busy with other things

Boot = Callable[[Machine], None]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # Under emulation everything costs about ten times its native time.
    for item in items:
        item.add_marker(pytest.mark.timeout(600))


@pytest.fixture(scope="session")
def guest_image() -> Path:
    if not GUEST.exists():
        pytest.fail("build/lbva.raw is missing: `make image` builds it", pytrace=False)
    return GUEST


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    with Lab.start(f"test-{os.getpid()}") as running:
        yield running


@pytest.fixture(scope="session")
def boot() -> Boot:
    """Switches a guest on and waits until it lets root in."""

    def power_on(guest: Machine) -> None:
        guest.power_on()
        guest.ssh(Deadline(BOOT_S)).close()

    return power_on


@pytest.fixture(scope="session")
def booted(lab: Lab, guest_image: Path, boot: Boot) -> LibvirtMachine:
    """The guest, booted once and kept as the snapshot `fresh`."""
    guest = lab.add_machine("lb1", guest_image)
    boot(guest)
    guest.snapshot("fresh")
    return guest


@pytest.fixture
def guest(booted: LibvirtMachine) -> Machine:
    """The guest as it was after its boot."""
    booted.restore("fresh", Deadline(60), set_clock=False)
    return booted
