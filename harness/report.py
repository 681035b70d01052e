"""What is left of a lab for a person to look at: consoles, screenshots, journals, logs."""

import re
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

from harness.lab import Lab
from harness.libvirt_machine import LibvirtMachine

_JOURNAL_S = 60.0

# What no healthy boot or run prints on a console (after coreos-assembler's kola, mantle/kola/harness).
_KNOWN_BAD = tuple(
    re.compile(pattern)
    for pattern in (
        r"Kernel panic(?! - not syncing: sysrq triggered)",  # the lab's own fault
        r"\bOops\b",
        r"kernel BUG at",
        r"BUG: ",
        r"general protection fault",
        r"segfault at",
        r"Out of memory: Kill",
        r"oom-kill:",
        r"EXT4-fs error",
        r"I/O error",
        r"SQUASHFS error",
        r"erofs: .*error",
        r"Failed to start",
        r"Dependency failed for",
        r"Entering emergency mode",
        r"You are in (emergency|rescue) mode",
        r"soft lockup",
        r"blocked for more than \d+ seconds",
    )
)
_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def known_bad_lines(console: str) -> list[str]:
    """The lines of a console that tell of something broken, without colours, each once, in order."""
    lines = (_ESCAPE.sub("", line).strip() for line in console.splitlines())
    return list(dict.fromkeys(line for line in lines if any(bad.search(line) for bad in _KNOWN_BAD)))


def collect(lab: Lab, folder: Path) -> list[str]:
    """Copy into `folder` all that tells what went on in a lab; returns the known-bad console lines.

    Never raises: what can't be had is noted in `folder`/missing.txt.
    """
    folder.mkdir(parents=True, exist_ok=True)
    missing: list[str] = []
    findings: list[str] = []

    def attempt(what: str, action: Callable[[], object]) -> None:
        try:
            action()
        except Exception as error:  # noqa: BLE001 - a report must not hide the failure that it reports
            missing.append(f"{what}: {type(error).__name__}: {error}")

    attempt("logs", lambda: shutil.copytree(lab.folder.logs, folder / "logs", dirs_exist_ok=True))
    machines: list[LibvirtMachine] = []
    attempt("machines", lambda: machines.extend(lab.machines.values()))
    for machine in machines:
        place = folder / machine.name
        place.mkdir(exist_ok=True)
        attempt(f"{machine.name} console", partial(_console, machine, place, findings))
        attempt(f"{machine.name} screenshot", partial(machine.screenshot, place / "screen.png"))
        attempt(f"{machine.name} journal", partial(_journal, machine, place))
    if missing:
        (folder / "missing.txt").write_text("\n".join(missing) + "\n", encoding="utf-8")
    return findings


def _console(machine: LibvirtMachine, place: Path, findings: list[str]) -> None:
    """Copy the console's whole log and add its known-bad lines, with the machine's name, to `findings`."""
    shutil.copyfile(machine.files.console_log, place / "console.log")
    text = (place / "console.log").read_text(encoding="utf-8", errors="replace")
    findings += [f"{machine.name}: {line}" for line in known_bad_lines(text)]


def _journal(machine: LibvirtMachine, place: Path) -> None:
    result = machine.run("journalctl --boot --no-pager --output=short-precise", timeout_s=_JOURNAL_S)
    (place / "journal.txt").write_text(result.stdout, encoding="utf-8")
