"""Every fault of the lab is seen from where it hurts, and gone when it is undone."""

import subprocess
import sys
import time

import pytest

from harness.appliance import RestError
from harness.at_once import at_once
from harness.deadline import Deadline
from harness.errors import LabError
from harness.fault_kinds.system import UNITS
from harness.faults import Faults
from harness.machine import Machine
from harness.pair import Pair
from harness.topology import service_address
from tests.system.conftest import BOOT_S

SSH = 22
SIP = 5060
FIRST_RETRANSMISSION_S = 1.0
"""After so long a SYN, or the answer to it, is sent again (RFC 6298, section 2)."""


def boot_of(machine: Machine) -> str:
    return machine.run("cat /proc/sys/kernel/random/boot_id").stdout.strip()


def reaches(machine: Machine, address: str, port: int = SSH) -> bool:
    command = ["timeout", "3", "bash", "-c", f"exec 3<>/dev/tcp/{address}/{port}"]
    return machine.run(command, check=False).status == 0


def on_service_network(machine: Machine) -> str:
    return str(service_address(machine.name).ip)


def time_to_connect(pair: Pair, machine: Machine, timeout_s: float = 10) -> float:
    begin = time.monotonic()
    pair.lab.connect("client", (on_service_network(machine), SSH), timeout_s=timeout_s).close()
    return time.monotonic() - begin


@pytest.mark.nightly
def test_a_crash_and_a_panic_end_a_boot_each_and_the_next_one_comes(pair: Pair) -> None:
    first, second = pair.machines
    before = [boot_of(machine) for machine in pair.machines]
    with Faults(pair.lab) as faults:
        back = faults.kernel_panic(first)
        faults.crash(second)
        assert first.is_on()
        assert not second.is_on()
        with pytest.raises(TimeoutError):
            pair.lab.connect("lab", (first.address, SSH), timeout_s=1)
        back()
        # Nobody has switched it on: kernel.panic has.
        assert boot_of(first) != before[0]
    assert boot_of(second) != before[1]
    pair.wait_until_settled(Deadline(BOOT_S))


@pytest.mark.nightly
def test_both_lose_their_power_and_come_back(pair: Pair) -> None:
    with Faults(pair.lab) as faults:
        faults.both_down()
        assert [machine.is_on() for machine in pair.machines] == [False, False]
    pair.wait_until_settled(Deadline(BOOT_S))


@pytest.mark.nightly
def test_a_reboot_is_undone_by_its_end(pair: Pair) -> None:
    machine = pair.slave().machine
    before = boot_of(machine)
    with Faults(pair.lab) as faults:
        faults.reboot(machine)
    assert boot_of(machine) != before
    pair.wait_until_settled(Deadline(BOOT_S))


@pytest.mark.nightly
def test_a_frozen_machine_is_silent_until_it_goes_on(pair: Pair) -> None:
    machine = pair.machines[1]
    before = boot_of(machine)
    with Faults(pair.lab) as faults:
        thaw = faults.freeze(machine)
        with pytest.raises(TimeoutError):
            machine.run("true", timeout_s=2)
        with pytest.raises(LabError, match="of the same part is active"):
            faults.freeze(machine)
        thaw()
        thaw()
        assert boot_of(machine) == before


@pytest.mark.nightly
@pytest.mark.parametrize("service", UNITS)
def test_a_killed_service_comes_back_or_stays_away(pair: Pair, service: str) -> None:
    machine, unit = pair.machines[1], UNITS[service][0]

    def process() -> str:
        return machine.run(f"systemctl show --property MainPID --value {unit}").stdout.strip()

    def active() -> str:
        return machine.run(["systemctl", "is-active", unit], check=False).stdout.strip()

    with Faults(pair.lab) as faults:
        before = process()
        faults.kill_service(machine, service, comes_back=True)()
        Deadline(60).wait_until(lambda: active() == "active" and process() != before, f"a new {service}")
        faults.kill_service(machine, service, comes_back=False)
        Deadline(60).wait_until(lambda: active() in {"failed", "inactive"}, f"{service} to be dead")
        assert machine.run(["systemctl", "start", unit], check=False).status != 0
        assert active() != "active"
    assert active() == "active"


def test_a_pulled_cable_cuts_one_network(pair: Pair) -> None:
    machine = pair.machines[1]

    def carriers() -> str:
        return machine.run("cat /sys/class/net/eth0/carrier /sys/class/net/eth1/carrier").stdout

    with Faults(pair.lab) as faults:
        faults.link_down(machine, 1)
        Deadline(20).wait_until(lambda: carriers() == "1\n0\n", "eth1 to lose its carrier")
    Deadline(20).wait_until(lambda: carriers() == "1\n1\n", "eth1 to have its carrier again")


def test_a_partition_parts_the_nodes_and_nothing_else(pair: Pair) -> None:
    first, second = pair.machines
    places = [second.address, on_service_network(second)]
    assert [reaches(first, place) for place in places] == [True, True]
    with Faults(pair.lab) as faults:
        faults.partition(first, second)
        assert [reaches(first, place) for place in places] == [False, False]
        for machine in pair.machines:
            assert reaches(machine, str(pair.lab.front_ends[0].address), SIP)
            time_to_connect(pair, machine)
        with pytest.raises(LabError, match="of the same part is active"):
            faults.partition_from_front_ends(second)
    assert [reaches(first, place) for place in places] == [True, True]


@pytest.mark.nightly
def test_a_node_without_front_ends_still_reaches_its_peer(pair: Pair) -> None:
    first, second = pair.machines
    front_ends = [str(front_end.address) for front_end in pair.lab.front_ends]
    with Faults(pair.lab) as faults:
        faults.partition_from_front_ends(first)
        assert [reaches(first, address, SIP) for address in front_ends] == [False, False]
        assert [reaches(second, address, SIP) for address in front_ends] == [True, True]
        assert reaches(first, on_service_network(second))
        time_to_connect(pair, first)
    assert [reaches(first, address, SIP) for address in front_ends] == [True, True]


@pytest.mark.nightly
def test_a_slow_card_delays_every_answer(pair: Pair) -> None:
    machine, delay_s = pair.machines[1], 0.6
    with Faults(pair.lab) as faults:
        faults.slow(machine, 1, delay_s * 1000)
        assert min(time_to_connect(pair, machine) for _ in range(3)) >= delay_s
    Deadline(20).wait_until(lambda: time_to_connect(pair, machine) < delay_s, "the delay to be gone")


@pytest.mark.nightly
def test_a_flaky_card_loses_some_answers(pair: Pair) -> None:
    machine = pair.machines[1]
    with Faults(pair.lab) as faults:
        faults.flaky(machine, 1, 50)
        times = at_once(lambda _number: time_to_connect(pair, machine, timeout_s=120), range(20))
        assert max(times) >= FIRST_RETRANSMISSION_S
        assert "loss 50%" in machine.run("tc qdisc show dev eth1").stdout
        with pytest.raises(LabError, match="a loss of 60 % on card 0 is not within 0 and 50 %"):
            faults.flaky(machine, 0, 60)
    assert "netem" not in machine.run("tc qdisc show dev eth1").stdout


def test_a_full_disk_takes_no_change_until_there_is_room(pair: Pair) -> None:
    master = pair.master()
    change = {"client_timeout_ms": "29m"}
    with Faults(pair.lab) as faults:
        faults.fill_disk(master.machine)
        with pytest.raises(RestError, match="could not be written") as refused:
            master.call("PATCH", "/layer7/settings", change)
        assert refused.value.status == 507
    assert master.call("PATCH", "/layer7/settings", change)["client_timeout_ms"] == 29 * 60 * 1000


@pytest.mark.nightly
@pytest.mark.parametrize("seconds", [86_400, -3600])
def test_a_clock_goes_wrong_and_right_again(pair: Pair, seconds: int) -> None:
    machine = pair.machines[1]

    def error_s() -> float:
        return float(machine.run("date +%s").stdout) - time.time()

    with Faults(pair.lab) as faults:
        faults.skew_clock(machine, seconds)
        assert abs(error_s() - seconds) < 30
    assert abs(error_s()) < 5


def test_what_breaks_in_the_block_undoes_everything_and_is_told(pair: Pair) -> None:
    first, second = pair.machines

    def break_two_things_and_fail() -> None:
        with Faults(pair.lab) as faults:
            faults.freeze(first)
            faults.link_down(second, 1)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        break_two_things_and_fail()
    assert not first.is_frozen()
    assert Faults(pair.lab).mend() == []


def test_one_process_breaks_and_another_mends(pair: Pair) -> None:
    def lab(*arguments: str) -> str:
        argv = [sys.executable, "-m", "harness.cli", *arguments, "--name", pair.lab.folder.name]
        return subprocess.run(argv, check=True, capture_output=True, text=True).stdout

    machine = pair.machines[1]
    lab("fault", "freeze", "lb2")
    lab("fault", "link_down", "lb1", "1")
    assert machine.is_frozen()
    assert lab("mend") == "link_down: undone\nfreeze: undone\n"
    assert not machine.is_frozen()
    assert lab("mend") == "no fault is active\n"
