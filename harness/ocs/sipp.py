"""SIPp, the SIP testers' own client, as a second opinion beside our own.

A scenario is register.xml, after which steps of the folder sipp_steps may follow.
"""

import contextlib
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from harness.deadline import Deadline
from harness.inside import Inside
from harness.ocs.registrar import Remote
from harness.result import Result

Steps = Literal["message", "invite", "wait"]
"""What a user does who is signed in: send a message, hold a conversation, or wait for others."""

_MAX_SOCKETS = 500  # SIPp wants fewer than the files that a process may have open, often 1024
_REGISTER = Path(__file__).with_name("register.xml")
_STEPS = Path(__file__).with_name("sipp_steps")
_END = "</scenario>"


@dataclass(frozen=True)
class SippRun:
    """How a run of SIPp ended: passed or not, which front ends answered, in order, and its output."""

    passed: bool
    front_ends: tuple[str, ...]
    result: Result


def _scenario(folder: Path, steps: Steps | None) -> Path:
    """Write the scenario that signs a user in, and takes those steps then."""
    if steps is None:
        return _REGISTER
    text = _REGISTER.read_text(encoding="utf-8")
    more = (_STEPS / f"{steps}.xml").read_text(encoding="utf-8")
    path = folder / "scenario.xml"
    path.write_text(text.replace(_END, more + _END), encoding="utf-8")
    return path


def run(
    inside: Inside,
    target: tuple[str, int],
    source: str,
    steps: Steps | None = None,
    *,
    user: str = "service",
    callee: str = "",
    calls: int = 1,
    rate: int = 10,
    host: str = "client",
    timeout_s: int = 30,
) -> SippRun:
    """Sign `user` in at `target` `calls` times, each over a TCP connection of its own from `source`.

    `steps` are taken then, towards the user `callee`. `rate` is how many start in a second.

    SIPp's exit status tells whether all passed (sipp(1): 0 all, 1 one failed at least, 97 time-out).
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        log = folder / "front-ends.log"
        argv = [*_argv(target, source, _scenario(folder, steps), user), "-t", "tn"]
        argv += ["-max_socket", str(_MAX_SOCKETS), "-key", "callee", callee]
        argv += ["-m", str(calls), "-r", str(rate), "-timeout", f"{timeout_s}s", "-timeout_error"]
        argv += ["-trace_logs", "-log_file", str(log)]
        result = inside.run(host, argv, check=False, timeout_s=timeout_s + 10)
        said = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
    names = re.findall(r"^front end (\S+) timeout=\d+", said, re.MULTILINE)
    return SippRun(result.status == 0, tuple(names), result)


def _argv(target: tuple[str, int], source: str, scenario: Path, user: str) -> list[str]:
    return [
        "sipp", f"{target[0]}:{target[1]}",
        "-sf", str(scenario),
        "-i", source,
        "-s", user,
        "-nostdin",
    ]  # fmt: skip


@contextlib.contextmanager
def waiting(
    inside: Inside, pool: Remote, target: tuple[str, int], source: str, user: str, *, host: str = "client"
) -> Iterator[None]:
    """A user who is signed in within the block, and answers messages and invitations."""
    with tempfile.TemporaryDirectory() as name:
        argv = [*_argv(target, source, _scenario(Path(name), "wait"), user), "-t", "t1", "-m", "1"]
        argv += ["-oocsf", str(_STEPS / "answer.xml")]
        with inside.started(host, argv):
            Deadline(30).wait_until(lambda: pool.signed_in([user]) == 1, f"SIPp's {user} to be signed in")
            yield
