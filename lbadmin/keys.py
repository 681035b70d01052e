"""The private keys of certificates and other secrets, a file each for root, beside the documents naming them.

A key is named by the SHA-256 of its public key (SubjectPublicKeyInfo, DER), so the name tells which
certificates it fits. HAProxy reads the files while it is still root. Other secrets have a random name.
"""

import logging
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from lbadmin.errors import StorageError
from lbadmin.store import Store, write_durably

_NAME = re.compile(rb'"(?:secret:)?([0-9a-f]{64})"')

log = logging.getLogger(__name__)


class KeyStore:
    """The keys in one folder. Only one process writes, under the lock of `change.Changes`."""

    def __init__(self, folder: Path, suffix: str = ".pem", kind: str = "private key") -> None:
        self.folder = folder
        self._suffix = suffix
        self._file = re.compile(rf"([0-9a-f]{{64}}){re.escape(suffix)}")
        self._kind = kind
        self._named: dict[int, frozenset[str]] = {}

    def path(self, key_id: str) -> Path:
        """Return where the key of that name is kept."""
        return self.folder / f"{key_id}{self._suffix}"

    def ids(self) -> set[str]:
        """Return the names of all keys."""
        if not self.folder.is_dir():
            return set()
        return {match[1] for path in self.folder.iterdir() if (match := self._file.fullmatch(path.name))}

    def read(self, key_id: str) -> str:
        """Return a key in PEM form. Raises OSError."""
        return self.path(key_id).read_text(encoding="ascii")

    def add(self, keys: Mapping[str, str]) -> None:
        """Keep keys in PEM form by name, safe on disk. Raises StorageError."""
        if not keys:
            return
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for key_id, pem in keys.items():
                write_durably(self.path(key_id), pem.encode("ascii"), mode=0o600)
        except OSError as error:
            raise StorageError(
                f"the {self._kind} could not be written to {self.folder}: {error.strerror}; "
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
                log.info("%s %s… is named by no revision any more and was removed", self._kind, key_id[:16])
        except OSError:
            log.exception("a %s that is not needed any more could not be removed", self._kind)


def _names_in(path: Path) -> frozenset[str]:
    """Return all that looks like the name of a key, also in a damaged file: better one key too many.

    Raises OSError.
    """
    return frozenset(found.decode() for found in _NAME.findall(path.read_bytes()))
