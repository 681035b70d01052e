"""The image that ships, booted in a lab beside mock OCS front ends.

Needs root, QEMU, libvirt and build/lbva.raw.

The appliance boots once; each test starts from a snapshot: `fresh` (as downloaded) or `guide` (the deployment
guide applied). A pair has a lab of its own, which comes from the cache that `lab up --pair` uses. What a
failed test saw is kept in build/report.
"""

import os
import re
from collections.abc import Generator, Iterator, Mapping

import pytest

from harness import report
from harness.appliance import Appliance
from harness.clients import OcsClient
from harness.deadline import Deadline
from harness.lab import Lab
from harness.libvirt_machine import LibvirtMachine
from harness.pair import READY, Pair, start
from harness.state import REPOSITORY

IMAGE = REPOSITORY / "build" / "lbva.raw"
REPORT = REPOSITORY / "build" / "report"
BOOT_S = 300.0
"""An emulated boot takes well under a minute; on a machine that is busy it may take some."""

RESTORE_S = 60.0


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/system" in item.nodeid:
            item.add_marker(pytest.mark.timeout(900))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keep what the lab has to tell when a test fails, before fixtures tidy up."""
    outcome = yield
    if outcome.failed:
        for lab in _labs(getattr(item, "funcargs", {})):
            folder = REPORT / re.sub(r"[^\w.-]+", "_", item.nodeid)
            findings = report.collect(lab, folder)
            outcome.sections.append(("lab", "\n".join([f"kept in {folder}", *findings])))
    return outcome


def _labs(arguments: Mapping[str, object]) -> list[Lab]:
    """The labs that a test has been using: its own, or its pair's."""
    held = (arguments.get(name) for name in ("lab", "pair", "paired"))
    return [each.lab if isinstance(each, Pair) else each for each in held if isinstance(each, Lab | Pair)]


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    if not IMAGE.exists():
        pytest.fail("build/lbva.raw is missing: `make image` builds it", pytrace=False)
    with Lab.start(f"system-{os.getpid()}") as running:
        yield running


@pytest.fixture(scope="session")
def downloaded(lab: Lab) -> LibvirtMachine:
    """The appliance, booted for the first time (BIOS) and kept as the snapshot `fresh`."""
    machine = lab.add_machine("lb1", IMAGE)
    machine.power_on()
    Appliance(lab, machine).wait_until_up(Deadline(BOOT_S))
    machine.snapshot("fresh")
    return machine


@pytest.fixture(scope="session")
def guided(lab: Lab, downloaded: LibvirtMachine) -> LibvirtMachine:
    """The appliance with the deployment guide applied, as the snapshot `guide`."""
    downloaded.restore("fresh", Deadline(RESTORE_S))
    appliance = Appliance(lab, downloaded)
    appliance.join_service_network()
    appliance.set_guide_timeouts()
    appliance.add_guide_service(lab)
    appliance.restart_haproxy()
    for front_end in lab.front_ends:
        appliance.wait_for_health(front_end.name, "up", Deadline(60))
    OcsClient(lab, "192.168.10.250").wait_until_served(Deadline(60))
    downloaded.snapshot("guide")
    return downloaded


@pytest.fixture
def fresh(lab: Lab, downloaded: LibvirtMachine) -> Iterator[Appliance]:
    """An appliance as it is after its first boot."""
    yield from restored(lab, downloaded, "fresh")


@pytest.fixture
def balancing(lab: Lab, guided: LibvirtMachine) -> Iterator[Appliance]:
    """An appliance that balances the lab's front ends, all of them up."""
    for front_end in lab.front_ends:
        front_end.resume()
        front_end.start()
    yield from restored(lab, guided, "guide")


def restored(lab: Lab, machine: LibvirtMachine, snapshot: str) -> Iterator[Appliance]:
    """Yield the appliance as it was; afterwards its console must tell of nothing broken."""
    machine.restore(snapshot, Deadline(RESTORE_S))
    appliance = Appliance(lab, machine)
    appliance.wait_until_up(Deadline(RESTORE_S))
    yield appliance
    appliance.http.close()
    if machine.is_on():
        # Nobody looks at it until the next test: it takes no time from a pair meanwhile.
        machine.freeze()
    assert report.known_bad_lines(machine.console_text()) == []


@pytest.fixture(scope="module")
def paired() -> Iterator[Pair]:
    """Two appliances that balance the lab's front ends, from the cache if it has them."""
    if not IMAGE.exists():
        pytest.fail("build/lbva.raw is missing: `make image` builds it", pytrace=False)
    both = start(f"pair-{os.getpid()}", IMAGE, Deadline(2 * BOOT_S), load_hosts=2)
    with both.lab:
        yield both


@pytest.fixture
def pair(paired: Pair) -> Iterator[Pair]:
    """A pair that has settled, lb1 being master, all front ends up; nothing broken is told of afterwards."""
    for front_end in paired.lab.front_ends:
        front_end.resume()
        front_end.start()
    paired.restore(READY, Deadline(RESTORE_S))
    paired.wait_until_settled(Deadline(RESTORE_S))
    yield paired
    for machine in paired.machines:
        assert report.known_bad_lines(machine.console_text()) == [], machine.name
