"""What the appliance has acknowledged survives the loss of its power at any moment."""

import threading

import httpx
import pytest

from harness.appliance import Appliance
from harness.deadline import Deadline
from harness.lab import Lab
from harness.libvirt_machine import LibvirtMachine
from tests.system.conftest import BOOT_S

BASE_MS = 100_000


@pytest.mark.parametrize("changes_before_the_cut", [1, pytest.param(7, marks=pytest.mark.nightly)])
def test_a_power_cut_in_a_stream_of_changes_leaves_the_last_acknowledged_one(
    lab: Lab, fresh: Appliance, downloaded: LibvirtMachine, changes_before_the_cut: int
) -> None:
    acknowledged: list[int] = []
    sent: list[int] = []
    enough = threading.Event()

    def change_until_the_lights_go_out() -> None:
        try:
            for number in range(BASE_MS, BASE_MS + 10_000):
                sent.append(number)
                body = {"client_timeout_ms": number}
                answer = fresh.call("PATCH", "/layer7/settings", body, timeout_s=30)
                acknowledged.append(answer["client_timeout_ms"])
                if len(acknowledged) == changes_before_the_cut:
                    enough.set()
        except httpx.HTTPError:
            return

    stream = threading.Thread(target=change_until_the_lights_go_out)
    stream.start()
    assert enough.wait(120), "the appliance took too long over its changes"
    downloaded.power_off()
    fresh.http.close()
    stream.join(60)
    assert not stream.is_alive()

    downloaded.power_on()
    again = Appliance(lab, downloaded)
    again.wait_until_up(Deadline(BOOT_S))
    found = again.get("/layer7/settings")["client_timeout_ms"]
    assert found in {acknowledged[-1], sent[-1]}
    assert f"timeout client {found}" in downloaded.run("cat /etc/haproxy/haproxy.cfg").stdout
    assert downloaded.run("systemctl is-active haproxy").stdout.strip() == "active"


def test_a_power_cut_right_after_the_first_boot_leaves_the_ways_in(
    lab: Lab, fresh: Appliance, downloaded: LibvirtMachine
) -> None:
    fresh.http.close()
    downloaded.power_off()
    downloaded.power_on()
    Appliance(lab, downloaded).wait_until_up(Deadline(BOOT_S))
    assert downloaded.run("systemctl --failed --no-legend").stdout == ""
