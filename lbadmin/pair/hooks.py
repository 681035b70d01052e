"""The administrator's programs that run at each change of role: in a unit, outside lbadmind's sandbox."""

import logging
import re
from collections.abc import Mapping

from lbadmin.system import System

HOOKS = "/var/lib/lbadmin/hooks.d"
CHANGES = "/run/lbadmin/state-changes"

log = logging.getLogger(__name__)


def run_hooks(system: System, name: str, environment: Mapping[str, str]) -> None:
    """Start the hooks, if there are any, and wait for nothing; `name` is the unit's instance."""
    hooks = system.path(HOOKS)
    if not hooks.is_dir() or not any(hooks.iterdir()):
        return
    folder = system.path(CHANGES)
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        lines = (f"{key}={quoted(value)}\n" for key, value in environment.items())
        (folder / name).write_text("".join(lines), encoding="utf-8")
    except OSError:
        log.exception("the hooks of the change of role could not be started")
        return
    result = system.run(["systemctl", "start", "--no-block", f"lbva-state-changed@{name}.service"])
    if result.status != 0:
        log.error("the hooks of the change of role could not be started: %s", result.output.strip())


def quoted(value: str) -> str:
    """Return a value as an environment file has it (systemd.exec(5), EnvironmentFile=)."""
    printable = "".join(character for character in value if character.isprintable())
    return '"' + re.sub(r'(["\\$`])', r"\\\1", printable) + '"'
