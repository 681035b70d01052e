"""The user of console and SSH, root: its password, hashed as login(1) takes it, and put into /etc/shadow.

Until a password is set nobody can log in with one: there is none that leaves the factory. /etc is in memory,
so boot puts the password there each time. Needs nothing but the standard library: boot asks here.
"""

import logging
import os

from lbadmin.store import Store
from lbadmin.system import System

CONSOLE_USER = "root"
SHADOW = "/etc/shadow"
CLOSED = "!"
"""What no password matches (shadow(5))."""
ACCESS = "access"
"""The store that the password is in, with the WebUI's users."""

PASSPHRASE_MAX = 127
"""Characters, of up to four bytes: crypt(3) and PAM take less than 512 bytes."""

log = logging.getLogger(__name__)


def hash_password(password: str) -> str:
    """Return the password's hash: yescrypt at its own default cost, as Debian's passwd makes it (crypt(5)).

    Raises OSError when the C library makes none.
    """
    import ctypes  # noqa: PLC0415 - boot never hashes

    library = ctypes.CDLL("libcrypt.so.1", use_errno=True)
    library.crypt_gensalt.restype = library.crypt.restype = ctypes.c_char_p
    # Without random bytes of ours libcrypt takes the kernel's (crypt_gensalt(3)).
    setting = library.crypt_gensalt(b"$y$", ctypes.c_ulong(0), None, 0)
    hashed = library.crypt(password.encode(), setting) if setting else None
    if not hashed or not hashed.startswith(b"$y$"):
        raise OSError(ctypes.get_errno(), "the password could not be hashed")
    return bytes(hashed).decode("ascii")


def put_stored(system: System) -> None:
    """Put the password of the state into shadow; boot does. Raises OSError."""
    revision = Store(system.state / ACCESS).current()
    console = revision.document.get("console") if revision else None
    put(system, str(console["hash"]) if console else None)


def put(system: System, hashed: str | None) -> None:
    """Put a hash into the user's line of shadow, None for no password; all else of the file stays.

    The file is there whole at any time, with its owner and rights. Raises OSError.
    """
    path = system.path(SHADOW)
    try:
        old = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        log.warning("there is no %s: nobody can log in at the console", path)
        return
    text = "".join(_with(line, hashed or CLOSED) for line in old.splitlines(keepends=True))
    if text == old:
        return
    status = path.stat()
    temporary = path.with_name(".shadow.new")
    temporary.unlink(missing_ok=True)
    temporary.touch(0o600)
    temporary.write_text(text, encoding="utf-8")
    os.chown(temporary, status.st_uid, status.st_gid)
    temporary.chmod(status.st_mode & 0o777)
    temporary.rename(path)


def _with(line: str, hashed: str) -> str:
    name, separator, rest = line.partition(":")
    if name != CONSOLE_USER or not separator:
        return line
    return f"{name}:{hashed}:{rest.partition(':')[2]}"
