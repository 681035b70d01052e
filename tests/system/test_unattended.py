"""Appliances deployed with credentials or OVF properties, and the agents by which their hosts see them."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import libvirt
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
            lab.add_machine(name, IMAGE, credentials=credentials, agent=name == "lb2").power_on()
        yield lab


ENVIRONMENT = """<?xml version="1.0" encoding="UTF-8"?>
<Environment xmlns="http://schemas.dmtf.org/ovf/environment/1"
             xmlns:oe="http://schemas.dmtf.org/ovf/environment/1">
  <PropertySection>
    <Property oe:key="lbva.address" oe:value="192.168.2.22"/>
    <Property oe:key="lbva.prefix" oe:value="24"/>
    <Property oe:key="lbva.gateway" oe:value="192.168.2.1"/>
    <Property oe:key="lbva.dns" oe:value="192.168.2.1, 192.168.2.3"/>
    <Property oe:key="lbva.hostname" oe:value="by-ovf"/>
  </PropertySection>
</Environment>
"""


@pytest.fixture(scope="module")
def disc(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CD image as VMware makes it for an appliance with OVF properties."""
    folder = tmp_path_factory.mktemp("disc")
    (folder / "ovf-env.xml").write_text(ENVIRONMENT, encoding="utf-8")
    image = tmp_path_factory.mktemp("cd") / "ovf-env.iso"
    subprocess.run(["xorrisofs", "-quiet", "-joliet", "-output", image, folder], check=True)
    return image


@pytest.fixture(scope="module")
def by_ovf(disc: Path) -> Iterator[Lab]:
    """lb2 in a machine of VMware's with that disc in its drive."""
    with Lab.start(f"ovf-{os.getpid()}", front_ends=0) as lab:
        lab.add_machine("lb2", IMAGE, vendor="VMware, Inc.", cdrom=disc).power_on()
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


@pytest.mark.nightly
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
    messages = [message["text"] for message in appliance.get("/messages")["messages"]]
    assert [text for text in messages if text.startswith("Unattended deployment: address 192.168.2.400/24")]
    journal = machine.run("journalctl --boot --unit lbadmin-boot --priority err --output cat").stdout
    assert journal.count("unattended deployment: ") <= 1
    every_line = machine.run("journalctl --boot --unit lbadmin-boot --output cat").stdout.splitlines()
    assert len([line for line in every_line if "192.168.2.400/24" in line]) == 1


@pytest.mark.nightly
def test_an_appliance_on_vmware_comes_up_where_its_ovf_properties_say(by_ovf: Lab) -> None:
    machine = by_ovf.machine("lb2")
    appliance = Appliance(by_ovf, machine)
    appliance.wait_until_up(Deadline(BOOT_S))
    node = appliance.get("/node")
    assert node["hostname"] == "by-ovf"
    assert node["gateway"] == "192.168.2.1"
    assert node["dns"] == ["192.168.2.1", "192.168.2.3"]
    assert machine.run("hostname").stdout == "by-ovf\n"
    assert machine.run("findmnt --types iso9660", check=False).stdout == ""
    assert machine.run("systemctl --failed --no-legend").stdout == ""


AGENTS = ("open-vm-tools", "qemu-guest-agent", "hv-kvp-daemon", "hv-vss-daemon")


def active(lab: Lab, name: str) -> list[str]:
    """The guest agents that run when all devices have been looked for."""
    machine = lab.machine(name)
    Appliance(lab, machine).wait_until_up(Deadline(BOOT_S))
    Deadline(BOOT_S).wait_until(
        lambda: machine.run("systemctl is-system-running", check=False).stdout == "running\n",
        f"{name} to have started all",
    )
    machine.run("udevadm settle --timeout=60", timeout_s=90)
    return [unit for unit in AGENTS if machine.run(f"systemctl is-active {unit}", check=False).status == 0]


def test_a_machine_without_a_way_to_its_host_runs_no_guest_agent(deployed: Lab) -> None:
    assert active(deployed, "lb1") == []


def test_on_kvm_the_one_agent_is_qemus_and_it_does_what_an_appliance_needs(deployed: Lab) -> None:
    assert active(deployed, "lb2") == ["qemu-guest-agent"]
    machine, domain = deployed.machine("lb2"), deployed.libvirt().lookupByName("lb2")
    addresses = domain.interfaceAddresses(libvirt.VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_AGENT)
    assert "192.168.2.22" in [address["addr"] for address in addresses["eth0"]["addrs"]]
    frozen = domain.fsFreeze()
    assert domain.fsThaw() == frozen >= 1
    machine.run("touch /data/touched && rm /data/touched")
    domain.setTime({"seconds": 1_900_000_000, "nseconds": 0})
    assert machine.run("date +%Y").stdout == "2030\n"
    machine.set_clock(Deadline(60))


def test_the_agent_takes_no_password_from_the_host(deployed: Lab) -> None:
    assert active(deployed, "lb2") == ["qemu-guest-agent"]
    with pytest.raises(libvirt.libvirtError, match="guest-set-user-password"):
        deployed.libvirt().lookupByName("lb2").setUserPassword("root", "secret")


def test_the_host_shuts_an_appliance_down_through_the_agent(deployed: Lab) -> None:
    assert active(deployed, "lb2") == ["qemu-guest-agent"]
    machine = deployed.machine("lb2")
    deployed.libvirt().lookupByName("lb2").shutdownFlags(libvirt.VIR_DOMAIN_SHUTDOWN_GUEST_AGENT)
    Deadline(BOOT_S).wait_until(lambda: not machine.is_on(), "lb2 to shut down")
