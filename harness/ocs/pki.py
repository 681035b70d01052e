"""The lab's certificate authority and the certificate that all its front ends carry.

Front ends of one pool share the pool's name, and so here the certificate: a client can't tell them
apart by it, only by what they answer.
"""

import datetime as dt
import ipaddress
from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

# Machines in the lab may have clocks that are wrong on purpose; the lab itself lives for hours.
_VALID = dt.timedelta(days=3650)


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _builder(subject: str, issuer: str, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name(issuer))
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _VALID)
        .not_valid_after(now + _VALID)
    )


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def write_pool(folder: Path, names: Sequence[str], addresses: Sequence[str]) -> None:
    """Write `ca.pem`, the authority's certificate, and a key with its certificate for front ends and clients.

    The one in `front-end.pem` is for the DNS `names` and IP `addresses`, the one in `client.pem` for clients
    of the ports that want one; the authority's key is thrown away.
    """
    authority_key = ec.generate_private_key(ec.SECP256R1())
    authority = (
        _builder("LBVA lab", "LBVA lab", authority_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(authority_key, hashes.SHA256())
    )
    alternatives: list[x509.GeneralName] = [x509.DNSName(name) for name in names]
    alternatives += [x509.IPAddress(ipaddress.ip_address(address)) for address in addresses]
    pem = serialization.Encoding.PEM
    (folder / "ca.pem").write_bytes(authority.public_bytes(pem))
    for file, subject, known_as in (
        ("front-end.pem", names[0], alternatives),
        ("client.pem", "client", [x509.DNSName("client")]),
    ):
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = (
            _builder(subject, "LBVA lab", key.public_key())
            .add_extension(x509.SubjectAlternativeName(known_as), critical=False)
            .sign(authority_key, hashes.SHA256())
        )
        path = folder / file
        path.touch(mode=0o600)
        path.write_bytes(_key_pem(key) + certificate.public_bytes(pem))
