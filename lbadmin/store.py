"""Revisions of one document on disk: each is a file of its own, so storage and history are one thing.

A commit is a temporary file, fsync, rename, fsync of the folder: after a power cut the folder holds the new
revision or it does not, and every acknowledged one is there. Reading takes the highest whose hash fits.
This module needs nothing but the standard library: boot's fast path uses it.
"""

import contextlib
import hashlib
import json
import logging
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lbadmin.errors import StorageError

KEEP = 100
"""Revisions kept: enough to look back on, and at most some tens of megabytes for the largest documents."""

_NAME = re.compile(r"([0-9]{8,})\.json")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Heading:
    """What is told of a revision: its number, when (UTC, ISO 8601), who committed it, and what it changed."""

    revision: int
    when: str
    who: str
    what: str


@dataclass(frozen=True)
class Revision(Heading):
    """One committed document."""

    document: dict[str, Any]

    @property
    def hash(self) -> str:
        """SHA-256 of everything above."""
        text = json.dumps(vars(self), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def to_bytes(self) -> bytes:
        """Return the contents of the revision's file."""
        # Without indentation, which json does in Python: a tenth of the time for a large document.
        return json.dumps({"hash": self.hash, **vars(self)}).encode() + b"\n"


class Store:
    """The revisions of one document in one folder. Only one process writes (lbadmind's lock sees to it)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._headings: dict[int, Heading] = {}
        self._hashes: dict[int, str] = {}

    def current(self) -> Revision | None:
        """Return the highest good revision, if any; damaged ones are skipped with a warning."""
        for number in reversed(self.numbers()):
            revision = self.read(number)
            if revision is not None:
                return revision
        return None

    def numbers(self) -> list[int]:
        """Return the numbers of all revisions that have a file, damaged ones included, ascending."""
        try:
            names = os.listdir(self.folder)  # noqa: PTH208 - half the time of Path.iterdir, on boot's path
        except FileNotFoundError:
            return []
        return sorted(int(match[1]) for match in map(_NAME.fullmatch, names) if match)

    def path(self, number: int) -> Path:
        """Return where the revision of that number is kept."""
        return self.folder / f"{number:08d}.json"

    def read(self, number: int) -> Revision | None:
        """Return one revision, None when its file is missing or damaged."""
        path = self.path(number)
        try:
            return _parse(path.read_bytes(), number)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            log.warning("%s is damaged and was skipped: %s", path, error)
            return None

    def headings(self) -> list[Heading]:
        """Return what there is to tell of the good revisions, newest first.

        A hundred large documents are more than fits into memory at once, and take seconds to read: each is
        read once, since a revision never changes.
        """
        found = {number: self._headings.get(number) or self._heading(number) for number in self.numbers()}
        self._headings = {number: heading for number, heading in found.items() if heading is not None}
        return list(reversed(self._headings.values()))

    def _heading(self, number: int) -> Heading | None:
        revision = self.read(number)
        if revision is None:
            return None
        return Heading(revision.revision, revision.when, revision.who, revision.what)

    def document_hash(self, number: int) -> str | None:
        """Return `hash_of` the document of a revision, None when there is none that is good."""
        if number not in self._hashes:
            revision = self.read(number)
            if revision is None:
                return None
            self._hashes[number] = hash_of(revision.document)
        return self._hashes[number]

    def commit(
        self, document: Mapping[str, Any], who: str, what: str, *, number: int | None = None
    ) -> Revision:
        """Write the document as the next revision and return it once it is safe on disk.

        `number` is the revision's, where that is not the next one: higher than all that are there.
        Raises StorageError, with nothing changed, when it cannot be written.
        """
        try:
            numbers = self.numbers()
            last = numbers[-1] if numbers else 0
            number = last + 1 if number is None else number
            if number <= last:
                raise StorageError(f"revision {number} is not after {last} in {self.folder}")
            when = datetime.now(UTC).isoformat(timespec="seconds")
            revision = Revision(number, when, who, what, dict(document))
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_durably(self.path(number), revision.to_bytes(), mode=0o600)
        except OSError as error:
            raise StorageError(
                f"the change could not be written to {self.folder}: {error.strerror}; "
                "nothing was changed, free some space and try again"
            ) from error
        for old in numbers:
            if old <= number - KEEP:
                with contextlib.suppress(OSError):
                    self.path(old).unlink()
        return revision

    def withdraw(self, number: int) -> None:
        """Remove a revision that nobody has seen yet, on a full disk too. Raises OSError."""
        self.path(number).unlink()
        self._headings.pop(number, None)
        self._hashes.pop(number, None)
        sync(self.folder)

    def remove_after(self, number: int) -> None:
        """Remove the revisions after that one: those that could not be read. Raises OSError."""
        for other in self.numbers():
            if other > number:
                self.withdraw(other)


def hash_of(document: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a document, however its file is written."""
    return hashlib.sha256(json.dumps(document, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _parse(data: bytes, number: int) -> Revision:
    fields = json.loads(data)
    expected = fields.pop("hash")
    revision = Revision(**fields)
    if revision.hash != expected or revision.revision != number:
        raise ValueError("its hash or number does not fit")
    return revision


def write_durably(path: Path, data: bytes, mode: int) -> None:
    """Put the data at the path, whole or not at all, also across a power cut. Raises OSError."""
    temporary = path.with_name(f".{path.name}.new")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, mode)
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, mode)
            file.write(data)
            file.flush()
            os.fsync(descriptor)
        temporary.rename(path)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    sync(path.parent)


def sync(path: Path) -> None:
    """Have a file, or a folder's list of names, on the disk before this returns. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
