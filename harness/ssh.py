"""SSH to a machine in a lab, over a socket made inside."""

import shlex
import socket
from collections.abc import Sequence
from pathlib import Path

import paramiko
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from harness.result import Result


class _Accept(paramiko.MissingHostKeyPolicy):
    """Accepts any host key: machines make theirs at first boot, on a network nobody else is on."""

    def missing_host_key(self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey) -> None:
        """Do nothing, which accepts."""


def write_key(path: Path) -> str:
    """Write a new ed25519 key in OpenSSH's format to `path`; returns the line for authorized_keys."""
    key = ed25519.Ed25519PrivateKey.generate()
    path.touch(mode=0o600)
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
        )
    )
    public = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    line = f"{public.decode()} lab"
    path.with_suffix(".pub").write_text(line + "\n", encoding="ascii")
    return line


def connect(connection: socket.socket, host: str, key: Path, timeout_s: float) -> paramiko.SSHClient:
    """Log in as root over a connected socket. Raises paramiko.SSHException or OSError."""
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(_Accept())
    client.connect(
        host,
        username="root",
        pkey=paramiko.Ed25519Key.from_private_key_file(str(key)),
        sock=connection,
        allow_agent=False,
        look_for_keys=False,
        timeout=timeout_s,
        banner_timeout=timeout_s,
        auth_timeout=timeout_s,
    )
    return client


def run(client: paramiko.SSHClient, command: str | Sequence[str], timeout_s: float, data: str = "") -> Result:
    """Run a shell command, or an argument list, with `data` as its input.

    Raises TimeoutError when it is silent for `timeout_s`, paramiko.SSHException when the connection breaks.
    """
    line = command if isinstance(command, str) else shlex.join(command)
    stdin, stdout, stderr = client.exec_command(line, timeout=timeout_s)
    stdin.write(data)
    stdin.channel.shutdown_write()
    # The two streams share one window: read the bigger one first, the other is buffered meanwhile.
    output = stdout.read().decode(errors="replace")
    errors = stderr.read().decode(errors="replace")
    return Result(line, stdout.channel.recv_exit_status(), output, errors)
