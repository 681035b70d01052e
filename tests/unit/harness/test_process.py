import os
import subprocess
import sys
from dataclasses import replace

from harness.deadline import Deadline
from harness.process import ProcessId, first_child


def sleeper() -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])


def test_a_process_is_alive_until_it_is_killed() -> None:
    with sleeper() as process:
        named = ProcessId.of(process.pid)
        assert named.alive()
        named.kill(Deadline(10))
        assert not named.alive()  # although nobody has collected it yet
        assert process.wait() == -9


def test_a_pid_that_somebody_else_has_now_is_neither_alive_nor_killed() -> None:
    with sleeper() as process:
        stranger = replace(ProcessId.of(process.pid), start_ticks=1)
        assert not stranger.alive()
        stranger.kill(Deadline(10))
        from_another_boot = replace(ProcessId.of(process.pid), boot="another")
        from_another_boot.kill(Deadline(10))
        assert process.poll() is None
        process.kill()


def test_killing_a_process_that_is_gone_does_nothing() -> None:
    with sleeper() as process:
        named = ProcessId.of(process.pid)
        process.kill()
        process.wait()
        named.kill(Deadline(10))


def test_the_first_child_is_found() -> None:
    with sleeper() as process:
        assert first_child(os.getpid()) is not None
        assert first_child(process.pid) is None
        process.kill()
