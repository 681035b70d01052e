"""Rendered files on their way to /etc, and the cache that lets the next boot copy instead of render.

Needs nothing but the standard library: boot's fast path uses it.
"""

import contextlib
import hashlib
import json
import logging
import re
from collections.abc import Mapping
from pathlib import Path

from lbadmin.store import Store, write_durably
from lbadmin.system import System

log = logging.getLogger(__name__)

CACHE = "rendered.json"
DOCUMENTS = ("cluster", "node", "pair")
"""The stores whose documents a rendering is made of."""
SECRETS = "secrets"
"""The folder of the secrets that NodeConfig names (`secret`), a file each, in the state."""
SECRET_FILES = frozenset({"/etc/snmp/snmpd.conf"})
"""The rendered files in which the name of a secret is replaced by it; all others show the name."""
LINKS = frozenset({"/etc/localtime"})
"""Rendered files that are symbolic links; the text is where they point to."""
FACTORY = "/usr/lib/lbadmin/factory/rendered.json"


def stamp_of(system: System) -> dict[str, str]:
    """Return what a rendering depends on: the appliance's version and the documents' newest files."""
    stamp = {"version": system.version()}
    for name in DOCUMENTS:
        store = Store(system.state / name)
        numbers = store.numbers()
        if numbers:
            path = store.path(numbers[-1])
            stamp[name] = f"{path.name} {hashlib.sha256(path.read_bytes()).hexdigest()}"
    return stamp


def pack(files: Mapping[str, str], stamp: Mapping[str, str]) -> bytes:
    """Return rendered files and their stamp as one file's contents, so that they are never half there."""
    return json.dumps({"stamp": dict(stamp), "files": dict(files)}, indent=1).encode()


def unpack(path: Path, stamp: Mapping[str, str] | None) -> dict[str, str] | None:
    """Return the packed files, None when they are missing, damaged, or of another stamp (None: any)."""
    try:
        packed = json.loads(path.read_bytes())
        files = {str(name): str(text) for name, text in packed["files"].items()}
        return files if stamp is None or packed["stamp"] == stamp else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def save_cache(system: System, files: Mapping[str, str]) -> None:
    """Keep what was rendered for the next boot. Raises OSError."""
    write_durably(system.state / CACHE, pack(files, stamp_of(system)), mode=0o600)


_SECRET = re.compile(r"secret:([0-9a-f]{64})")


def final_text(system: System, name: str, text: str) -> str:
    """Return what is written for a rendered file: in `SECRET_FILES` with the secrets that it names."""
    if name not in SECRET_FILES:
        return text
    return _SECRET.sub(lambda found: _secret(system, found[1]), text)


def _secret(system: System, kept: str) -> str:
    try:
        return (system.state / SECRETS / kept).read_text(encoding="ascii")
    except (OSError, ValueError):
        # What needs it fails by itself; the rest of the appliance must not.
        log.exception("the secret %s… can't be read", kept[:16])
        return ""


def is_in_place(system: System, name: str, text: str) -> bool:
    """Tell whether a rendered file is as it was rendered."""
    path = system.path(name)
    try:
        if name in LINKS:
            return str(path.readlink()) == text
        return path.read_text(encoding="utf-8") == final_text(system, name, text)
    except OSError:
        return False


def install(system: System, files: Mapping[str, str], previous: Mapping[str, str] | None = None) -> None:
    """Write the files to their places and remove those of a previous rendering that are no more.

    /etc lives in memory, so nothing is synced; each file is there whole or not at all. Raises OSError.
    """
    for name, text in files.items():
        path = system.path(name)
        if not path.parent.is_dir():
            path.parent.mkdir(parents=True)
            # Whatever the umask, which is lbadmind's for its state: HAProxy runs scripts without privileges.
            path.parent.chmod(0o755)
        temporary = path.with_name(f".{path.name}.new")
        temporary.unlink(missing_ok=True)
        if name in LINKS:
            temporary.symlink_to(text)
        else:
            temporary.touch(0o600)
            temporary.write_text(final_text(system, name, text), encoding="utf-8")
            temporary.chmod(0o600 if name in SECRET_FILES else 0o755 if text.startswith("#!") else 0o644)
        temporary.rename(path)
    for name in set(previous or {}) - set(files):
        with contextlib.suppress(FileNotFoundError):
            system.path(name).unlink()
