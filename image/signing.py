"""A detached OpenPGP signature over the list of checksums, and the public key to check it with."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from image.errors import BuildError
from image.programs import run

PUBLIC_KEY = "lbva-release-key.asc"
# Fields of gpg's listing with colons (gnupg, doc/DETAILS).
_CREATED, _FINGERPRINT = 5, 9


@dataclass(frozen=True)
class Keyring:
    """A secret key in a keyring of its own: gpg's command, the key's fingerprint and creation (epoch)."""

    gpg: tuple[str, ...]
    fingerprint: str
    created: int

    def sign(self, file: Path, epoch: int) -> None:
        """Write FILE.asc and the public key beside `file`. Raises `BuildError`.

        The signature is dated `epoch`, or the key's creation when that is later: it is the same each time.
        """
        signature = file.with_name(f"{file.name}.asc")
        dated = [*self.gpg, f"--faked-system-time={max(epoch, self.created)}!"]
        _gpg([*dated, "--armor", f"--output={signature}", "--detach-sign", str(file)])
        public = _gpg([*self.gpg, "--armor", "--export-options=export-minimal", "--export"])
        file.with_name(PUBLIC_KEY).write_text(public)


@contextmanager
def keyring(key: Path) -> Iterator[Keyring]:
    """Yield a keyring of the secret key in the file `key`; it is gone afterwards. Raises `BuildError`."""
    # In memory, and not below the build folder: a socket's path has an end (unix(7): 108 bytes).
    place = "/run" if os.access("/run", os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="lbva-gpg-", dir=place) as home:
        gpg = ("gpg", f"--homedir={home}", "--batch", "--quiet", "--pinentry-mode=error")
        try:
            _gpg([*gpg, "--import", str(key)])
            listing = _gpg([*gpg, "--list-secret-keys", "--with-colons"])
            fields = [line.split(":") for line in listing.splitlines()]
            created = [int(each[_CREATED]) for each in fields if each[0] in {"sec", "ssb"}]
            keys = [each for each in fields if each[0] == "sec"]
            if len(keys) != 1:
                hint = "`gpg --export-secret-keys --armor ID > FILE` writes one"
                raise BuildError(f"{key} holds {len(keys)} secret keys", hint=hint)
            fingerprint = next(each[_FINGERPRINT] for each in fields if each[0] == "fpr")
            yield Keyring(gpg, fingerprint, max(created))
        finally:
            end = ["gpgconf", f"--homedir={home}", "--kill", "all"]
            subprocess.run(end, capture_output=True, check=False)


def check_key(key: Path | None) -> None:
    """Raise `BuildError` unless `key` is None or a file that a release can be signed with."""
    if key is None:
        return
    if not key.is_file():
        raise BuildError(
            f"there is no signing key {key}",
            hint="KEY names a file with an OpenPGP secret key: `gpg --export-secret-keys --armor ID > FILE`",
        )
    with keyring(key) as ours, tempfile.TemporaryDirectory() as folder:
        probe = Path(folder) / "probe"
        probe.touch()
        ours.sign(probe, 0)


def _gpg(command: list[str]) -> str:
    return run(command, hint="KEY names a file with an OpenPGP key that signs, unexpired, without passphrase")
