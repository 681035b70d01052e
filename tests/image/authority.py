"""Certificates for servers of tests, each its own authority."""

import ssl
import subprocess
from pathlib import Path


def make(folder: Path, names: str) -> tuple[ssl.SSLContext, str]:
    """Return a server's context and its self-signed certificate (PEM) for names such as "DNS:relay"."""
    folder.mkdir(parents=True, exist_ok=True)
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    subject = [
        "-subj",
        f"/CN={names.partition(':')[2].partition(',')[0]}",
        "-addext",
        f"subjectAltName={names}",
    ]
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", *subject]
    subprocess.run([*made, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context, certificate.read_text()
