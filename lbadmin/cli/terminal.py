"""Files, secrets and confirmations: what lbcli reads and writes beside its command line."""

import os
import sys
from typing import TYPE_CHECKING

from lbadmin.errors import LbadminError

if TYPE_CHECKING:
    from pathlib import Path

MAX_FILE = 16 * 1024 * 1024
"""Bytes that lbcli reads of a file; lbadmind's own bounds are far below, and it says which."""


class UsageError(LbadminError):
    """The command line is not right; lbcli ends with status 2."""


class FileError(LbadminError):
    """A file could not be read or written."""


def read_bytes(path: str) -> bytes:
    """Return a file's contents, `-` being standard input. Raises FileError."""
    try:
        if path == "-":
            data = sys.stdin.buffer.read(MAX_FILE + 1)
        else:
            with _path(path).open("rb") as file:
                data = file.read(MAX_FILE + 1)
    except OSError as error:
        raise FileError(f"{path} can't be read: {error.strerror}; name a file that can") from None
    if len(data) > MAX_FILE:
        raise FileError(f"{path} is larger than {MAX_FILE >> 20} MiB; name the right file")
    return data


def read_text(path: str) -> str:
    """Return a file's text, `-` being standard input. Raises FileError."""
    try:
        return read_bytes(path).decode("utf-8")
    except UnicodeDecodeError:
        raise FileError(f"{path} is not a text in UTF-8; save it as one") from None


def write_private(path: str, data: bytes) -> None:
    """Write a file that nobody else may read, `-` being standard output. Raises FileError."""
    if path == "-":
        sys.stdout.buffer.write(data)
        return
    place = _path(path)
    try:
        if place.exists() and not place.is_file():
            # A device such as /dev/null takes the data; a file in its place would outlive lbcli.
            with place.open("wb") as device:
                device.write(data)
            return
        # Beside the file first: a full disk leaves the old one whole, and an older one's rights don't matter.
        part = _path(f"{path}.part")
        part.unlink(missing_ok=True)
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(data)
        part.replace(place)
    except OSError as error:
        raise FileError(f"{path} can't be written: {error.strerror}; name another place") from None


def read_secret(what: str, *, twice: bool = False) -> str:
    """Return a secret typed unseen at the terminal, or a line of standard input. Raises UsageError."""
    if not sys.stdin.isatty():
        line = sys.stdin.readline().rstrip("\r\n")
        if not line:
            raise UsageError(f"the {what} is missing; type it at a terminal or send it on standard input")
        return line
    # Only here: most verbs need no secrets.
    from getpass import getpass  # noqa: PLC0415

    try:
        secret = getpass(f"{what[:1].upper()}{what[1:]}: ")
        if twice and getpass("Once more: ") != secret:
            raise UsageError(f"the {what} was not the same twice; nothing was changed")
    except EOFError:
        raise UsageError(f"the {what} was not typed; nothing was changed") from None
    return secret


def confirm(word: str, consequence: str, *, sure: bool) -> None:
    """Return when the user is sure, or types the word. Raises UsageError."""
    if sure:
        return
    if not sys.stdin.isatty():
        raise UsageError(f"{word} needs --yes where nobody can be asked: {consequence}")
    print(f"{consequence[:1].upper()}{consequence[1:]}.", file=sys.stderr)
    print(f"Type {word} to go on: ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip() != word:
        raise UsageError("not confirmed; nothing was done")


def _path(name: str) -> "Path":
    # Only here: pathlib takes as long to import as argparse, and few verbs have to do with files.
    from pathlib import Path  # noqa: PLC0415

    return Path(name)
