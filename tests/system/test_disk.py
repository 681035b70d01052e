"""The disk that ships, on both firmwares: what stands after a boot, what lasts, what does not."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness import report
from harness.appliance import API, Appliance
from harness.deadline import Deadline
from harness.hardware import KVM_UEFI
from harness.lab import Lab
from harness.libvirt_machine import LibvirtMachine
from tests.system.conftest import BOOT_S, IMAGE

GIB = 2**30


@pytest.fixture(scope="module")
def uefi_lab() -> Iterator[Lab]:
    """A lab of its own beside the other one: both appliances have the factory address."""
    with Lab.start(f"uefi-{os.getpid()}", front_ends=0) as running:
        yield running


@pytest.fixture(scope="module")
def uefi(uefi_lab: Lab) -> LibvirtMachine:
    machine = uefi_lab.add_machine("lb1", IMAGE, hardware=KVM_UEFI)
    machine.power_on()
    Appliance(uefi_lab, machine).wait_until_up(Deadline(BOOT_S))
    return machine


def units_that_failed(machine: LibvirtMachine) -> str:
    return machine.run("systemctl list-units --failed --plain --no-legend").stdout


def test_it_boots_from_bios(lab: Lab, fresh: Appliance, downloaded: LibvirtMachine) -> None:
    assert units_that_failed(downloaded) == ""
    assert downloaded.run("test -d /sys/firmware/efi", check=False).status != 0


def test_it_boots_from_uefi(uefi: LibvirtMachine) -> None:
    assert units_that_failed(uefi) == ""
    assert uefi.run("test -d /sys/firmware/efi", check=False).status == 0
    assert report.known_bad_lines(uefi.console_text()) == []


def test_the_console_and_the_screen_tell_where_the_web_interface_is(
    fresh: Appliance, downloaded: LibvirtMachine, tmp_path: Path
) -> None:
    console = downloaded.files.console_log.read_text(errors="replace")
    assert "https://192.168.2.21:9443/lbadmin/" in console
    picture = tmp_path / "screen.png"
    downloaded.screenshot(picture)
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_the_disk_has_two_slots_and_a_data_partition_that_grew_to_its_end(
    fresh: Appliance, downloaded: LibvirtMachine
) -> None:
    devices = json.loads(downloaded.run("lsblk --json --bytes --output NAME,SIZE,PARTLABEL /dev/vda").stdout)
    disk = devices["blockdevices"][0]
    parts = {part["partlabel"]: part["size"] for part in disk["children"]}
    assert list(parts) == ["esp", "bios", "root-a", "root-b", "data"]
    assert disk["size"] == 8 * GIB

    def grown() -> bool:
        size = int(downloaded.run("df --block-size=1 --output=size /data | tail -1").stdout)
        return size > 5 * GIB

    # Growing waits until everything serves.
    Deadline(120).wait_until(grown, "the data partition to grow")


def test_the_root_forgets_and_the_state_lasts(uefi_lab: Lab, uefi: LibvirtMachine) -> None:
    appliance = Appliance(uefi_lab, uefi)
    identity = uefi.run(
        "cat /etc/machine-id; ssh-keygen -lf /var/lib/lbadmin/ssh/ssh_host_ed25519_key"
    ).stdout
    appliance.call("PATCH", "/layer7/settings", {"client_timeout_ms": "31m"})
    uefi.run("touch /usr/vandal /etc/vandal")
    assert uefi.run("touch /run/volatile-root/lower/vandal", check=False).status != 0
    uefi.shutdown(Deadline(120))
    uefi.power_on()
    appliance.wait_until_up(Deadline(BOOT_S))
    assert uefi.run("ls /usr/vandal /etc/vandal", check=False).stdout == ""
    assert appliance.get("/layer7/settings")["client_timeout_ms"] == 31 * 60_000
    again = uefi.run("cat /etc/machine-id; ssh-keygen -lf /var/lib/lbadmin/ssh/ssh_host_ed25519_key").stdout
    assert again == identity


def test_nothing_listens_that_is_not_needed(fresh: Appliance, downloaded: LibvirtMachine) -> None:
    lines = downloaded.run("ss --no-header --listening --numeric --tcp --udp").stdout.splitlines()
    listening = {line.split()[4] for line in lines}
    assert listening == {"*:22", "*:9443", "127.0.0.1:10000"}


def test_the_web_process_has_no_privileges(fresh: Appliance, downloaded: LibvirtMachine) -> None:
    pid = downloaded.run("systemctl show --property MainPID --value lbadmin-web").stdout.strip()
    status = downloaded.run(f"cat /proc/{pid}/status").stdout
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert "0" not in fields["Uid"].split()
    assert int(fields["CapEff"], 16) == 0
    assert int(fields["CapBnd"], 16) == 0
    assert fields["NoNewPrivs"] == "1"
    reach = (
        f"nsenter --target {pid} --mount --setuid $(id -u lbadmin-web) -- ls /var/lib/lbadmin/cluster /data"
    )
    assert downloaded.run(reach, check=False).status != 0


def test_ssh_lets_nobody_in_without_a_key(fresh: Appliance, lab: Lab, downloaded: LibvirtMachine) -> None:
    offered = lab.run(
        "lab",
        ["ssh", "-o", "PreferredAuthentications=none", "-o", "StrictHostKeyChecking=no",
         "-o", "UserKnownHostsFile=/dev/null", "-o", "BatchMode=yes", f"root@{downloaded.address}", "true"],
        check=False,
    )  # fmt: skip
    assert offered.status != 0
    assert "Permission denied (publickey)" in offered.stderr


def test_the_api_describes_itself(fresh: Appliance) -> None:
    description = fresh.http.get(f"{API}/openapi.json").json()
    assert description["openapi"].startswith("3.")
    assert f"{API}/layer7/virtual-services" in description["paths"]
