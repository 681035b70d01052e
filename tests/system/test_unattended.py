"""Appliances deployed with credentials: their network is set before anybody has seen them."""

import os
from collections.abc import Iterator

import pytest

from harness.appliance import Appliance
from harness.deadline import Deadline
from harness.lab import Lab
from harness.pair import credentials_of
from tests.system.conftest import BOOT_S, IMAGE


@pytest.fixture(scope="module")
def deployed() -> Iterator[Lab]:
    """lb1 with an address that can't be, lb2 with good credentials, booting at the same time."""
    with Lab.start(f"unattended-{os.getpid()}", front_ends=0) as lab:
        wrong = {**credentials_of("lb1"), "lbva.address": "192.168.2.400/24"}
        for name, credentials in (("lb1", wrong), ("lb2", credentials_of("lb2"))):
            lab.add_machine(name, IMAGE, credentials=credentials).power_on()
        yield lab


def test_an_appliance_comes_up_where_its_credentials_say(deployed: Lab) -> None:
    machine = deployed.machine("lb2")
    appliance = Appliance(deployed, machine)
    appliance.wait_until_up(Deadline(BOOT_S))
    node = appliance.get("/node")
    assert node["hostname"] == "lb2"
    assert node["gateway"] == "192.168.2.1"
    assert node["dns"] == ["192.168.2.1"]
    assert machine.run("hostname").stdout == "lb2\n"
    assert "default via 192.168.2.1 dev eth0" in machine.run("ip route").stdout


def test_credentials_are_taken_at_the_first_boot_alone(deployed: Lab) -> None:
    machine = deployed.machine("lb2")
    appliance = Appliance(deployed, machine)
    appliance.wait_until_up(Deadline(BOOT_S))
    appliance.call("PATCH", "/node", {"hostname": "chosen"})
    machine.power_off()
    machine.power_on()
    appliance.wait_until_up(Deadline(BOOT_S))
    assert appliance.get("/node")["hostname"] == "chosen"
    assert machine.run("hostname").stdout == "chosen\n"


def test_a_bad_value_is_told_on_the_console_and_the_factory_default_stays(deployed: Lab) -> None:
    machine = deployed.machine("lb1")
    machine.wait_for_console("unattended deployment: address 192.168.2.400/24", Deadline(BOOT_S))
    appliance = Appliance(deployed, machine)
    appliance.wait_until_up(Deadline(BOOT_S))
    assert appliance.get("/node")["hostname"] == "lbva"
    journal = machine.run("journalctl --boot --unit lbadmin-boot --priority err --output cat").stdout
    assert journal.count("unattended deployment: ") <= 1
    every_line = machine.run("journalctl --boot --unit lbadmin-boot --output cat").stdout.splitlines()
    assert len([line for line in every_line if "192.168.2.400/24" in line]) == 1
