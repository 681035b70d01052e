"""Ed25519 (RFC 8032) by the openssl program: keys in PEM, signatures, and whether one holds.

Whatever openssl reads is a file in memory that it alone inherits: no key stands in an argument list or
reaches the disk. What openssl says of a private key is not passed on.
"""

import base64
import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import BinaryIO

from image.errors import BuildError

SEED_BYTES = 32
SIGNATURE_BYTES = 64

# All that comes before the key's 32 bytes in DER (RFC 8410, sections 4 and 7).
_PRIVATE = bytes.fromhex("302e020100300506032b657004220420")
_PUBLIC = bytes.fromhex("302a300506032b6570032100")
_PUBLIC_BYTES = len(_PUBLIC) + 32


def private_key(seed: bytes) -> str:
    """Return the private key of a seed, 32 bytes, in PEM (PKCS#8)."""
    if len(seed) != SEED_BYTES:
        raise ValueError(f"a seed has {SEED_BYTES} bytes, not {len(seed)}")
    return _pem("PRIVATE KEY", _PRIVATE + seed)


def is_private(pem: str) -> bool:
    """Tell whether a text holds a private key of any kind."""
    return "PRIVATE KEY" in pem


def public_key(pem: str, name: str) -> str:
    """Return a public key, or a private key's public half, in PEM (SubjectPublicKeyInfo), nothing beside it.

    Raises `BuildError` when `pem`, which is called `name`, is not one Ed25519 key.
    """
    half = ["-passin", "pass:"] if is_private(pem) else ["-pubin"]
    result = _openssl("pkey", *half, "-pubout", "-outform", "DER", files={"-in": pem.encode()})
    der = result.stdout
    fits = der.startswith(_PUBLIC) and len(der) == _PUBLIC_BYTES and pem.count("-----BEGIN ") == 1
    if result.returncode or not fits:
        kind = "a private Ed25519 key without passphrase" if is_private(pem) else "an Ed25519 key"
        raise BuildError(
            f"{name} is not {kind} in PEM", hint="`python3 -m image.licence make-key FILE` makes a pair"
        )
    return _pem("PUBLIC KEY", der)


def sign(private: str, data: bytes) -> bytes:
    """Return the signature over `data`, 64 bytes. Raises `BuildError`."""
    files = {"-inkey": private.encode(), "-in": data}
    result = _openssl("pkeyutl", "-sign", "-rawin", "-passin", "pass:", files=files)
    if result.returncode or len(result.stdout) != SIGNATURE_BYTES:
        raise BuildError("openssl does not sign", hint="`openssl version` has to be 3.0 or newer")
    return result.stdout


def verify(public: str, signature: bytes, data: bytes) -> bool:
    """Tell whether `signature` is the one over `data` by the holder of the public key's other half."""
    files = {"-inkey": public.encode(), "-sigfile": signature, "-in": data}
    return _openssl("pkeyutl", "-verify", "-rawin", "-pubin", files=files).returncode == 0


def _pem(label: str, der: bytes) -> str:
    # Either kind of key is one line (RFC 7468: 64 characters).
    return f"-----BEGIN {label}-----\n{base64.b64encode(der).decode()}\n-----END {label}-----\n"


def _openssl(*arguments: str, files: Mapping[str, bytes]) -> subprocess.CompletedProcess[bytes]:
    """Run openssl with options that name files, whose contents are given."""
    command = ["openssl", *arguments]
    with ExitStack() as stack:
        opened = [stack.enter_context(_in_memory(data)).fileno() for data in files.values()]
        for option, descriptor in zip(files, opened, strict=True):
            command += [option, f"/proc/self/fd/{descriptor}"]
        try:
            return subprocess.run(
                command, stdin=subprocess.DEVNULL, capture_output=True, pass_fds=opened, check=False
            )
        except OSError as error:
            raise BuildError(f"openssl does not run: {error}", hint="run `make prepare` as root") from error


@contextmanager
def _in_memory(data: bytes) -> Iterator[BinaryIO]:
    with open(os.memfd_create("lbva"), "w+b") as file:  # noqa: PTH123 - it has no path
        file.write(data)
        file.flush()
        yield file
