"""A machine under libvirt: power, console, screen, snapshots, and what a power cut does to its disk."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from harness.deadline import Deadline
from harness.errors import LabError
from harness.lab import Lab
from harness.libvirt_machine import LibvirtMachine
from harness.machine import Machine
from harness.report import collect
from harness.result import CommandFailedError

Boot = Callable[[Machine], None]
BOOT_S = 120


def test_the_console_is_logged(booted: LibvirtMachine) -> None:
    log = booted.files.console_log
    Deadline(BOOT_S).wait_until(lambda: "/lbadmin/" in log.read_text(errors="replace"), "the screen")


def test_commands_run_as_root_with_input_output_and_status(guest: Machine) -> None:
    assert guest.run("id -u").stdout == "0\n"
    assert guest.run(["echo", "a  b", "$HOME"]).stdout == "a  b $HOME\n"
    assert guest.run("cat; echo problem >&2", data="input").stdout == "input"
    with pytest.raises(CommandFailedError, match="status 7"):
        guest.run("exit 7")
    assert guest.run("exit 7", check=False).status == 7


def test_a_snapshot_is_restored_twice_with_memory_disk_and_the_right_time(guest: Machine) -> None:
    guest.run("echo before > /data/file; echo before > /dev/shm/file; sync")
    guest.snapshot("twice")
    for _ in range(2):
        guest.run("echo after > /data/file; echo after > /dev/shm/file; sync")
        guest.restore("twice", Deadline(60))
        assert guest.run("cat /data/file /dev/shm/file").stdout == "before\nbefore\n"
        assert abs(float(guest.run("date +%s.%N").stdout) - time.time()) < 5


def test_a_snapshot_that_was_never_taken_is_named(guest: Machine) -> None:
    with pytest.raises(LabError, match="no snapshot 'never'"):
        guest.restore("never", Deadline(5))


def test_a_screenshot_is_a_picture_of_the_screen(guest: Machine, tmp_path: Path) -> None:
    path = tmp_path / "screen.png"
    guest.screenshot(path)
    with Image.open(path) as picture:
        assert picture.format == "PNG"
        assert picture.width >= 640
        assert picture.height >= 400
        assert len(picture.getcolors(maxcolors=1 << 24) or []) > 1  # not a blank screen


def test_a_frozen_machine_is_silent_and_goes_on_when_thawed(guest: Machine) -> None:
    guest.run("echo 1 > /dev/shm/kept")
    guest.freeze()
    try:
        with pytest.raises(TimeoutError):
            guest.run("true", timeout_s=2)
    finally:
        guest.thaw()
    assert guest.run("cat /dev/shm/kept").stdout == "1\n"


def test_a_pulled_cable_cuts_one_network(guest: Machine) -> None:
    guest.run("ip link set eth1 up")

    def carrier() -> str:
        return guest.run("cat /sys/class/net/eth1/carrier").stdout.strip()

    guest.link(1, up=False)
    Deadline(20).wait_until(lambda: carrier() == "0", "the guest to lose its carrier")
    guest.link(1, up=True)
    Deadline(20).wait_until(lambda: carrier() == "1", "the guest to get its carrier back")


def test_a_report_holds_console_screen_journal_and_logs(lab: Lab, guest: Machine, tmp_path: Path) -> None:
    collect(lab, tmp_path)
    assert not (tmp_path / "missing.txt").exists(), (tmp_path / "missing.txt").read_text()
    for name in (
        "lb1/console.log",
        "lb1/screen.png",
        "lb1/journal.txt",
        "logs/fe1.jsonl",
        "logs/supervisor.log",
    ):
        assert (tmp_path / name).stat().st_size > 0, name


def test_a_power_cut_keeps_what_was_flushed_and_loses_what_was_not(guest: Machine, boot: Boot) -> None:
    guest.run("echo flushed > /data/flushed; sync; echo unwritten > /data/unwritten")
    guest.power_off()
    assert not guest.is_on()
    boot(guest)
    assert guest.run("cat /data/flushed").stdout == "flushed\n"
    assert guest.run("cat /data/unwritten", check=False).stdout == ""
