"""What a lab leaves behind: nothing, however it ends."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness import lifecycle
from harness.deadline import Deadline
from harness.errors import LabError
from harness.lab import Lab
from harness.process import ProcessId
from harness.state import Record, folder_of

COMMAND = [sys.executable, "-m", "harness.cli"]


def members(namespace: str) -> list[int]:
    """The processes whose network namespace it is."""
    found = []
    for path in Path("/proc").glob("[0-9]*/ns/net"):
        try:
            if str(path.readlink()) == namespace:
                found.append(int(path.parts[2]))
        except OSError:
            continue
    return found


@contextmanager
def lab_of_another_process(name: str) -> Iterator[tuple[subprocess.Popen[str], Record]]:
    """A lab that another process has started; it is up within the block, the process killed behind it."""
    text = f"import sys\nfrom harness.lab import Lab\nlab = Lab.start({name!r})\n"
    text += "print('up', flush=True)\nsys.stdin.read()\n"
    with subprocess.Popen(
        [sys.executable, "-c", text], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        record = Record.read(folder_of(name))
        assert record is not None
        yield process, record
        process.kill()


def test_killing_the_process_that_made_a_lab_ends_everything_in_it(guest_image: Path) -> None:
    with lab_of_another_process("test-killed") as (process, record):
        assert record.init is not None
        lab = Lab.attach("test-killed")
        lab.add_machine("lb1", guest_image).power_on()
        subprocess.Popen(lab.inside.argv("client", ["tail", "-f", "/dev/null"]))
        namespace = str(lab.inside.network("lab").readlink())
        deadline = Deadline(20)
        # supervisor, libvirtd and QEMU stand in the lab's own namespace.
        deadline.wait_until(lambda: len(members(namespace)) >= 3, "the lab's processes")
        process.send_signal(signal.SIGKILL)
        outer, init = record.outer, record.init
        deadline.wait_until(lambda: not (outer.alive() or init.alive()), "the lab to end")
        deadline.wait_until(lambda: not members(namespace), "the lab's network namespace to be empty")
    folder = folder_of("test-killed")
    status = subprocess.run([*COMMAND, "status"], capture_output=True, text=True, check=True).stdout
    assert "test-killed: left over" in status
    subprocess.run([*COMMAND, "down", "--name", "test-killed"], check=True)
    assert not folder.path.exists()


def test_the_real_network_is_not_touched(lab: Lab) -> None:
    names = {path.name for path in Path("/sys/class/net").iterdir()}
    assert not names & {"br-mgmt", "br-svc", "lb1-0", "client-0"}
    assert not list(Path("/run/netns").glob("fe*")) if Path("/run/netns").exists() else True
    inside = lab.run("lab", ["cat", "/proc/sys/net/ipv4/ip_forward"]).stdout.strip()
    assert inside == "0"


def test_two_labs_run_side_by_side_with_the_same_addresses(lab: Lab) -> None:
    with Lab.start("test-second", front_ends=1) as second:
        second.front_ends[0].stop()
        with lab.connect("client", ("192.168.10.31", 5060)):
            pass
        with pytest.raises(ConnectionRefusedError):
            second.connect("client", ("192.168.10.31", 5060))


def test_a_lab_that_is_up_is_not_started_again(lab: Lab) -> None:
    with pytest.raises(LabError, match="is up already"):
        Lab.start(lab.folder.name)
    assert lab.front_ends[0].running()


def test_a_recycled_pid_is_not_killed() -> None:
    folder = folder_of("test-recycled")
    folder.path.mkdir(parents=True)
    own = ProcessId.of(os.getpid())
    Record(ProcessId(own.pid, own.start_ticks - 1, own.boot), None, 0, "").write(folder)
    lifecycle.end(folder, Deadline(5))
    assert not folder.path.exists()


def test_a_lab_that_can_not_come_up_says_why_and_leaves_nothing() -> None:
    with pytest.raises(LabError, match="9 front ends are not between 0 and 8"):
        Lab.start("test-broken", front_ends=9)
    assert not folder_of("test-broken").path.exists()


def test_ctrl_c_while_a_lab_comes_up_ends_it(guest_image: Path) -> None:
    folder = folder_of("test-ctrl-c")
    argv = [*COMMAND, "up", "--name", "test-ctrl-c", "--image", str(guest_image), "--wait"]
    with subprocess.Popen(argv) as process:
        console = folder.machines / "lb1" / "console.log"
        Deadline(60).wait_until(console.exists, "the machine to be switched on")
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
    assert not folder.path.exists()


def test_a_lab_that_was_let_go_stays_and_publishes_until_it_is_taken_down(guest_image: Path) -> None:
    name = ["--name", "test-detached"]
    argv = [*COMMAND, "up", *name, "--image", str(guest_image), "--publish", "127.0.0.1:19444"]
    output = subprocess.run(argv, check=True, capture_output=True, text=True).stdout
    try:
        assert "https://127.0.0.1:19444/lbadmin/" in output
        lab = Lab.attach("test-detached")
        assert lab.machine("lb1").is_on()
        # Nothing listens inside yet: the connection is taken, and closed at once.
        with socket.create_connection(("127.0.0.1", 19444), 30) as connection:
            lab.machine("lb1").power_off()
            assert connection.recv(1) == b""
        ended = subprocess.run([*COMMAND, "exec", *name, "fe1", "--", "sh", "-c", "exit 6"], check=False)
        assert ended.returncode == 6
    finally:
        subprocess.run([*COMMAND, "down", *name], check=True)
    assert not folder_of("test-detached").path.exists()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", 19444), 5)
