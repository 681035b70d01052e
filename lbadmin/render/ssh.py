"""What an administrator says of sshd. overlay/etc/ssh/sshd_config.d/lbva.conf has what is always so.

sshd takes the first value that it reads, and reads the files of that folder by their names.
"""

from lbadmin.node.ssh import Ssh

SSHD_CONF = "/etc/ssh/sshd_config.d/00-node.conf"
KEYS_DIR = "/etc/ssh/authorized_keys.d"
USER = "root"
"""Whom the keys are for: the user of console and SSH."""


def render_ssh(ssh: Ssh) -> dict[str, str]:
    """Return sshd's configuration and the authorised keys by path."""
    lines = (
        # The first one is where systemd puts a key that is handed over from outside.
        f"AuthorizedKeysFile .ssh/authorized_keys {KEYS_DIR}/%u",
        f"PasswordAuthentication {'yes' if ssh.password_login else 'no'}",
        f"PermitRootLogin {'yes' if ssh.password_login else 'prohibit-password'}",
    )
    return {SSHD_CONF: _text(lines), f"{KEYS_DIR}/{USER}": _text(ssh.keys)}


def _text(lines: tuple[str, ...]) -> str:
    return "".join(f"{line}\n" for line in lines)
