"""SIPp, the SIP testers' own client, as a second opinion beside our own."""

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from harness.inside import Inside
from harness.result import Result

_MAX_SOCKETS = 500  # SIPp wants fewer than the files that a process may have open, often 1024
_SCENARIO = Path(__file__).with_name("register.xml")


@dataclass(frozen=True)
class SippRun:
    """How a run of SIPp ended: passed or not, which front ends answered, in order, and its output."""

    passed: bool
    front_ends: tuple[str, ...]
    result: Result


def register(
    inside: Inside,
    target: tuple[str, int],
    source: str,
    *,
    calls: int = 1,
    rate: int = 10,
    host: str = "client",
    timeout_s: int = 30,
) -> SippRun:
    """Register `calls` users at `target`, each over a TCP connection of its own from the address `source`.

    `rate` is how many start in a second.

    SIPp's exit status tells whether all passed (sipp(1): 0 all, 1 one failed at least, 97 time-out).
    """
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "front-ends.log"
        argv = ["sipp", f"{target[0]}:{target[1]}", "-sf", str(_SCENARIO), "-t", "tn", "-i", source]
        argv += ["-max_socket", str(_MAX_SOCKETS)]
        argv += ["-m", str(calls), "-r", str(rate), "-nostdin", "-timeout", f"{timeout_s}s", "-timeout_error"]
        argv += ["-trace_logs", "-log_file", str(log)]
        result = inside.run(host, argv, check=False, timeout_s=timeout_s + 10)
        said = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
    names = re.findall(r"^front end (\S+) timeout=\d+", said, re.MULTILINE)
    return SippRun(result.status == 0, tuple(names), result)
