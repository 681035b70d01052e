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


def open_channel(client: paramiko.SSHClient, timeout_s: float) -> paramiko.Channel:
    """A channel for one command. Raises paramiko.SSHException when the machine does not answer."""
    transport = client.get_transport()
    if transport is None:
        raise paramiko.SSHException("the connection is closed")
    return transport.open_session(timeout=timeout_s)


def run(channel: paramiko.Channel, command: str | Sequence[str], timeout_s: float, data: str = "") -> Result:
    """Run a shell command, or an argument list, with `data` as its input.

    Raises TimeoutError when it is silent for `timeout_s`, and OSError, EOFError or paramiko.SSHException when
    the connection breaks.
    """
    line = command if isinstance(command, str) else shlex.join(command)
    with channel:
        channel.settimeout(timeout_s)
        channel.exec_command(line)
        channel.sendall(data.encode())
        channel.shutdown_write()
        # Each stream has the whole window to itself in paramiko: one waits while the other is read.
        output = channel.makefile("rb").read().decode(errors="replace")
        errors = channel.makefile_stderr("rb").read().decode(errors="replace")
        return Result(line, channel.recv_exit_status(), output, errors)
