"""The public key of an image, which it verifies licences with: yours, or the development one.

Anybody can make the development key, so that anybody can build and try all of it. An image that has it says
so.
"""

import hashlib
import shutil
from pathlib import Path

from image import ed25519
from image.errors import BuildError

PLACE = "/usr/lib/lbva"
"""The folder on the appliance that has the key, licence.pem, and a file `development` when it is that one."""

SEED_TEXT = (
    "LBVA's licence key of development builds: anybody can make it from this text, it protects nothing."
)
"""Changing it makes the licences that tests and developers have signed worthless."""

_FILE_BYTES = 2**16


def development() -> str:
    """Return the private key of development builds, in PEM. It is always the same, and so are the builds."""
    return ed25519.private_key(hashlib.sha256(SEED_TEXT.encode()).digest())


def development_public() -> str:
    """Return the public key of development builds, in PEM."""
    return ed25519.public_key(development(), "the development key")


def of_image(file: Path | None) -> str | None:
    """Return the public key in `file`, in PEM; None when that is the development key, or `file` is None.

    Raises `BuildError` unless it is a public Ed25519 key.
    """
    if file is None:
        return None
    pem = read(file)
    if ed25519.is_private(pem):
        raise BuildError(
            f"{file} is a private key, which must not get into an image",
            hint=f"`python3 -m image.licence public-key {file} > licence.pem` writes the public one",
        )
    key = ed25519.public_key(pem, str(file))
    return None if key == development_public() else key


def write_tree(folder: Path, key: str | None) -> None:
    """Make `folder` what an image gets at `PLACE`: the public key, the development one when `key` is None."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    # Modes get into the image: whatever the umask is.
    folder.chmod(0o755)
    contents = {"licence.pem": key or development_public()}
    if key is None:
        contents["development"] = (
            "This image takes licences of the development key, which anybody can sign.\n"
        )
    for name, text in contents.items():
        (folder / name).write_text(text, encoding="ascii")
        (folder / name).chmod(0o644)


def read(file: Path) -> str:
    """Return the text of a key or a licence. Raises `BuildError`, which tells nothing of what is in it."""
    try:
        # Not a pipe: it would never end.
        if file.is_file() and file.stat().st_size <= _FILE_BYTES:
            return file.read_text(encoding="utf-8")
    except OSError as error:
        raise BuildError(f"{file} cannot be read: {error.strerror}", hint="give a file's path") from error
    except UnicodeDecodeError:
        pass
    if not file.exists():
        raise BuildError(f"there is no file {file}", hint="give the path of one that is there")
    raise BuildError(f"{file} is not a small text file", hint="keys are in PEM, licences are JSON")
