"""The WebUI's self-signed certificate, made at the first boot.

By the openssl program: it takes 0.04 s where Python's cryptography takes ten times as long to import alone.
"""

import grp
import os
from pathlib import Path

from lbadmin.errors import ActivationError
from lbadmin.store import sync
from lbadmin.system import System

TLS_FOLDER = "/var/lib/lbadmin/tls"
WEB_GROUP = "lbadmin-web"
VALID_DAYS = 3650


def ensure_certificate(system: System, hostname: str, addresses: list[str]) -> None:
    """Make web.pem and web.key when they are not there. Raises ActivationError or OSError."""
    folder = system.path(TLS_FOLDER)
    certificate, key = folder / "web.pem", folder / "web.key"
    if certificate.exists() and key.exists():
        return
    folder.mkdir(mode=0o750, parents=True, exist_ok=True)
    names = ",".join([f"DNS:{hostname}", *(f"IP:{address}" for address in addresses)])
    new_key, new_certificate = folder / ".web.key.new", folder / ".web.pem.new"
    old_mask = os.umask(0o077)
    try:
        result = system.run(
            [
                "openssl", "req", "-x509", "-nodes", "-sha256",
                "-newkey", "ec",
                "-pkeyopt", "ec_paramgen_curve:P-256",
                "-days", str(VALID_DAYS),
                "-subj", f"/CN={hostname}",
                "-addext", f"subjectAltName={names}",
                "-keyout", str(new_key),
                "-out", str(new_certificate),
            ]
        )  # fmt: skip
    finally:
        os.umask(old_mask)
    if result.status != 0:
        raise ActivationError(f"openssl could not make the WebUI's certificate: {result.output.strip()}")
    _give_to_web(folder, new_key, new_certificate)
    # A power cut leaves them whole or not at all: half a key would keep everybody out for ever.
    sync(new_key)
    sync(new_certificate)
    new_key.rename(key)
    new_certificate.rename(certificate)
    sync(folder)


def _give_to_web(folder: Path, *files: Path) -> None:
    try:
        group = grp.getgrnam(WEB_GROUP).gr_gid
    except KeyError:
        group = 0
    os.chown(folder, 0, group)
    for file in files:
        os.chown(file, 0, group)
        file.chmod(0o640)
