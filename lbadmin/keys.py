"""The private keys of certificates, beside the documents that name them: a file each, for root alone.

A key is named by the SHA-256 of its public key (SubjectPublicKeyInfo, DER), so the name tells which
certificates it fits. HAProxy reads the files while it is still root.
"""

import logging
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from lbadmin.errors import StorageError
from lbadmin.store import Store, write_durably

_FILE = re.compile(r"([0-9a-f]{64})\.pem")
_NAME = re.compile(rb'"([0-9a-f]{64})"')

log = logging.getLogger(__name__)


class KeyStore:
    """The keys in one folder. Only one process writes, under the lock of `change.Changes`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._named: dict[int, frozenset[str]] = {}

    def path(self, key_id: str) -> Path:
        """Return where the key of that name is kept."""
        return self.folder / f"{key_id}.pem"

    def ids(self) -> set[str]:
        """Return the names of all keys."""
        if not self.folder.is_dir():
            return set()
        return {match[1] for path in self.folder.iterdir() if (match := _FILE.fullmatch(path.name))}

    def read(self, key_id: str) -> str:
        """Return a key in PEM form. Raises OSError."""
        return self.path(key_id).read_text(encoding="ascii")

    def add(self, keys: Mapping[str, str]) -> None:
        """Keep keys in PEM form by name, safe on disk. Raises StorageError."""
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for key_id, pem in keys.items():
                write_durably(self.path(key_id), pem.encode("ascii"), mode=0o600)
        except OSError as error:
            raise StorageError(
                f"the private key could not be written to {self.folder}: {error.strerror}; "
                "nothing was changed, free some space and try again"
            ) from error

    def sweep(self, history: Store, current: Iterable[str]) -> None:
        """Remove the keys that neither the current document nor a kept revision names."""
        spare = self.ids().difference(current)
        if not spare:
            return
        try:
            # Revisions never change, so each file is searched once in the life of the process.
            self._named = {
                number: self._named[number] if number in self._named else _names_in(history.path(number))
                for number in history.numbers()
            }
            for key_id in spare.difference(*self._named.values()):
                self.path(key_id).unlink()
                log.info("private key %s… is named by no revision any more and was removed", key_id[:16])
        except OSError:
            log.exception("a private key that is not needed any more could not be removed")


def _names_in(path: Path) -> frozenset[str]:
    """Return all that looks like the name of a key, also in a damaged file: better one key too many.

    Raises OSError.
    """
    return frozenset(found.decode() for found in _NAME.findall(path.read_bytes()))
