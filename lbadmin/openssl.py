"""The openssl program on files in memory: private keys and certificates, read and made.

Inputs, outputs and passphrases are files below /run, a file system in memory, in a folder that only root may
enter: nothing secret stands in an argument list or reaches the disk. By the program and not by Python's
cryptography, which takes more memory to import than all the rest of the management plane's packages.
"""

import base64
import contextlib
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

from lbadmin.errors import Fault, RefusedError
from lbadmin.system import Result, System
from lbadmin.workplace import workplace

PROVIDERS = ("-provider", "default", "-provider", "legacy")
"""Windows Server 2003 and 2008 encrypt with RC2 and DES, which OpenSSL 3 keeps in its legacy provider."""

_BEGIN = re.compile(r"-----BEGIN ([A-Z0-9 ]{1,40})-----")
_ALTERNATIVE = re.compile(r"(?:DNS|IP Address):(\S+?)(?:,|$)")


@dataclass(frozen=True)
class Key:
    """A private key without passphrase (PEM, PKCS#8) and its name in the key store."""

    id: str
    pem: str


@dataclass(frozen=True)
class Certificate:
    """What one certificate says; `key` is the name that its private key has in the key store."""

    pem: str
    key: str
    subject: str
    issuer: str
    names: tuple[str, ...]
    not_before: datetime
    not_after: datetime
    fingerprint_sha256: str

    @property
    def self_signed(self) -> bool:
        """Tell whether the certificate names itself as its issuer."""
        return self.subject == self.issuer


@dataclass(frozen=True)
class Bench:
    """A folder in memory where openssl finds its inputs and leaves its outputs."""

    system: System
    folder: Path
    place: str

    def at(self, name: str) -> str:
        """Return a file's path as openssl sees it."""
        return f"{self.place}/{name}"

    def put(self, name: str, data: str | bytes) -> str:
        """Write an input and return its path as openssl sees it."""
        (self.folder / name).write_bytes(data.encode() if isinstance(data, str) else data)
        return self.at(name)

    def passphrase(self, passphrase: str) -> str:
        """Write a passphrase and return what tells openssl where to read it (its first line)."""
        return "file:" + self.put("passphrase", passphrase + "\n")

    def get(self, name: str) -> bytes:
        """Return an output's contents."""
        return (self.folder / name).read_bytes()

    def run(self, *arguments: str) -> Result:
        """Run openssl."""
        return self.system.run(["openssl", *arguments])


@contextlib.contextmanager
def bench(system: System) -> Iterator[Bench]:
    """Yield a bench that is gone at the end of the block."""
    with workplace(system, "openssl") as (folder, place):
        yield Bench(system, folder, place)


def refused(field: str, message: str) -> RefusedError:
    """Return the refusal of one field, whose value is not repeated: it may hold a secret."""
    return RefusedError([Fault(field, None, message)])


def pem_blocks(text: str) -> Iterator[tuple[str, str]]:
    """Yield kind and text of the blocks of a PEM file (RFC 7468), without what stands between them."""
    kind, lines = "", []
    for line in map(str.strip, text.splitlines()):
        begin = _BEGIN.fullmatch(line)
        if begin is not None:
            kind, lines = begin[1], [line]
        elif kind:
            lines.append(line)
            if line == f"-----END {kind}-----":
                yield kind, "\n".join(lines) + "\n"
                kind = ""


def read_key(system: System, pem: str, passphrase: str | None, field: str) -> Key:
    """Return a private key of any common PEM form. Raises RefusedError at the field or at `passphrase`."""
    encrypted = "ENCRYPTED" in pem
    if encrypted and not passphrase:
        raise refused(
            "passphrase", "passphrase is missing; the private key is encrypted, give its passphrase"
        )
    with bench(system) as work:
        source = work.put("in.pem", pem)
        phrase = work.passphrase(passphrase or "")
        read = work.run("pkey", *PROVIDERS, "-in", source, "-passin", phrase, "-out", work.at("key.pem"))
        if read.status != 0 and encrypted:
            raise refused("passphrase", "passphrase is not right; the private key can't be decrypted with it")
        public = work.run(
            "pkey", "-in", work.at("key.pem"), "-pubout", "-outform", "DER", "-out", work.at("public.der")
        )
        if read.status != 0 or public.status != 0:
            raise refused(field, f"{field} holds a private key that can't be read; export it again")
        return Key(hashlib.sha256(work.get("public.der")).hexdigest(), work.get("key.pem").decode("ascii"))


def read_pkcs12(system: System, content: bytes, passphrase: str, field: str) -> str:
    """Return a PKCS#12 file (.pfx, .p12) in PEM form, its key decrypted. Raises RefusedError."""
    with bench(system) as work:
        source, phrase = work.put("in.p12", content), work.passphrase(passphrase)
        out = work.at("out.pem")
        result = work.run("pkcs12", "-legacy", "-in", source, "-passin", phrase, "-noenc", "-out", out)
        if "invalid password" in result.output:
            raise refused("passphrase", "passphrase is not right; the file can't be decrypted with it")
        if result.status != 0:
            raise refused(
                field,
                f"{field} is neither a PEM nor a whole PKCS#12 file; "
                "export the certificate with its private key in one of these forms",
            )
        return work.get("out.pem").decode("utf-8", "replace")


# The certificates of a document are read for each list and message, and starting a program takes time.
@lru_cache(maxsize=1024)
def read_certificate(system: System, pem: str) -> Certificate:
    """Return what one certificate says; cached, since that never changes. Raises ValueError."""
    with bench(system) as work:
        result = work.run(
            "x509", "-in", work.put("in.pem", pem), "-noout", "-pubkey", "-subject", "-issuer", "-dates",
            "-dateopt", "iso_8601", "-nameopt", "RFC2253,-esc_msb", "-ext", "subjectAltName",
        )  # fmt: skip
    if result.status != 0:
        raise ValueError("not a certificate")
    return _certificate(pem, result.output)


def _certificate(pem: str, output: str) -> Certificate:
    # A name may have line ends in it, so nothing behind the names' heading tells of anything else.
    head, _, alternatives = output.partition("\nX509v3 Subject Alternative Name:")
    said = dict(line.split("=", 1) for line in head.splitlines() if re.match(r"[a-zA-Z]+=", line))
    (public,) = (_der(text) for kind, text in pem_blocks(head) if kind == "PUBLIC KEY")
    return Certificate(
        pem=pem,
        key=hashlib.sha256(public).hexdigest(),
        subject=said["subject"],
        issuer=said["issuer"],
        names=tuple(match[1] for match in _ALTERNATIVE.finditer(alternatives.strip().partition("\n")[0])),
        not_before=_when(said["notBefore"]),
        not_after=_when(said["notAfter"]),
        fingerprint_sha256=hashlib.sha256(_der(pem)).hexdigest(),
    )


def _der(pem: str) -> bytes:
    return base64.b64decode("".join(pem.split("\n")[1:-2]))


def _when(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%d %H:%M:%SZ").replace(tzinfo=UTC)
