"""A data partition that is full, can't be written, or holds a damaged state: it balances on, and says so."""

from collections.abc import Iterator

import httpx
import pytest

from harness.appliance import API, SERVICE_LABEL, Appliance
from harness.clients import OcsClient
from harness.deadline import Deadline
from harness.faults import Faults
from harness.lab import Lab
from harness.libvirt_machine import LibvirtMachine
from tests.system.conftest import BOOT_S

CLIENT = "192.168.10.100"


def restarted(lab: Lab, before: Appliance, machine: LibvirtMachine, *, protected: bool = False) -> Appliance:
    before.http.close()
    if protected:
        # What a power cut leaves in the journal of the file system can't be read without writing.
        machine.shutdown(Deadline(120))
        machine.write_protect(on=True)
    else:
        machine.power_off()
    machine.power_on()
    again = Appliance(lab, machine)
    again.wait_until_up(Deadline(BOOT_S))
    return again


def serves(lab: Lab) -> None:
    OcsClient(lab, CLIENT).wait_until_served(Deadline(120))


def told(appliance: Appliance) -> str:
    return " ".join(each["text"] for each in appliance.get("/messages")["messages"])


@pytest.fixture
def protected(lab: Lab, balancing: Appliance, guided: LibvirtMachine) -> Iterator[Appliance]:
    """The guide's appliance, started on a disk that it can't write to."""
    yield restarted(lab, balancing, guided, protected=True)
    guided.power_off()
    guided.write_protect(on=False)


@pytest.mark.nightly
def test_it_starts_and_balances_with_a_full_data_partition(
    lab: Lab, balancing: Appliance, guided: LibvirtMachine
) -> None:
    with Faults(lab) as faults:
        faults.fill_disk(guided)
        again = restarted(lab, balancing, guided)
        serves(lab)
        assert "The data partition is full" in told(again)
        assert [each["label"] for each in again.get("/config")["virtual_services"]] == [SERVICE_LABEL]
    Deadline(60).wait_until(lambda: "partition" not in told(again), "the room to be seen")
    again.call("PATCH", "/layer7/settings", {"client_timeout_ms": "32m"})


def test_it_starts_and_balances_from_a_disk_that_it_can_not_write(lab: Lab, protected: Appliance) -> None:
    serves(lab)
    assert "The data partition can't be written" in told(protected)
    answer = protected.http.patch(f"{API}/layer7/settings", json={"client_timeout_ms": "32m"})
    assert answer.status_code == httpx.codes.INSUFFICIENT_STORAGE
    assert "nothing was changed" in answer.json()["detail"]
    assert protected.get("/layer7/settings")["client_timeout_ms"] == 30 * 60_000
    serves(lab)


@pytest.mark.nightly
def test_a_damaged_state_is_left_aside_for_the_last_good_one(
    lab: Lab, balancing: Appliance, guided: LibvirtMachine
) -> None:
    before = balancing.get("/config")
    balancing.call("PATCH", "/layer7/settings", {"client_timeout_ms": "33m"})
    guided.run("cd /var/lib/lbadmin/cluster; newest=$(ls | tail -1); echo broken >$newest; sync")
    again = restarted(lab, balancing, guided)
    serves(lab)
    assert again.get("/config") == before
    assert "of the cluster configuration is damaged" in told(again)
    again.call("PATCH", "/layer7/settings", {"client_timeout_ms": "34m"})
    assert "damaged" not in told(again)
