"""The node's identity towards its peer: a key and a certificate that it has signed itself, in one file."""

import hashlib
import ssl

from lbadmin.errors import ActivationError, PairError, StorageError
from lbadmin.openssl import bench, pem_blocks, read_certificate
from lbadmin.store import write_durably
from lbadmin.system import System

NODE_FILE = "/var/lib/lbadmin/tls/node.pem"
"""Key, then certificate, for root alone; systemd hands it to lbva-peer.service."""

# A pinned certificate vouches for itself, and clocks may be wrong: it is valid whenever (RFC 5280, 4.1.2.5).
_NOT_BEFORE, _NOT_AFTER = "20000101000000Z", "99991231235959Z"


def known_certificate(system: System) -> str | None:
    """Return the node's certificate (PEM), None when it has none yet."""
    try:
        text = system.path(NODE_FILE).read_text(encoding="ascii")
    except OSError:
        return None
    return next((block for kind, block in pem_blocks(text) if kind == "CERTIFICATE"), None)


def node_certificate(system: System) -> str:
    """Return the node's certificate (PEM), made now if there is none.

    Raises ActivationError or StorageError.
    """
    found = known_certificate(system)
    if found is not None:
        return found
    path = system.path(NODE_FILE)
    try:
        path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        write_durably(path, _made(system), mode=0o600)
    except OSError as error:
        raise StorageError(
            f"the node's certificate could not be written to {path}: {error.strerror}; "
            "free some space and try again"
        ) from error
    return node_certificate(system)


def _made(system: System) -> bytes:
    with bench(system) as work:
        result = work.run(
            "req", "-x509", "-nodes", "-sha256",
            "-newkey", "ec",
            "-pkeyopt", "ec_paramgen_curve:P-256",
            "-not_before", _NOT_BEFORE,
            "-not_after", _NOT_AFTER,
            "-subj", f"/CN={system.hostname()}",
            "-keyout", work.at("key.pem"),
            "-out", work.at("certificate.pem"),
        )  # fmt: skip
        if result.status != 0:
            raise ActivationError(f"openssl could not make the node's certificate: {result.output.strip()}")
        return work.get("key.pem") + work.get("certificate.pem")


def one_certificate(system: System, pem: str) -> str:
    """Return the certificate that a text holds, to be pinned. Raises PairError unless it is exactly one."""
    blocks = [block for _, block in pem_blocks(pem)]
    try:
        (block,) = blocks
        return read_certificate(system, block).pem
    except ValueError:
        raise PairError("the other node's certificate can't be read; update both nodes") from None


def fingerprint_of(certificate: str) -> str:
    """Return the SHA-256 of a certificate (PEM) in DER form, in hexadecimal digits."""
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(certificate)).hexdigest()
