"""SSH of a native appliance: keys, passwords, and what becomes of sessions that are open."""

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paramiko
import pytest

from harness.ssh import write_key
from tests.image.nodes import Node, appliances

PASSWORD = "correct horse battery"
UNITS = "ssh.socket lbadmin-hostkey.service"


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory, software: Path) -> Iterator[Node]:
    """An appliance with SSH, and a password that its user has."""
    with appliances(tmp_path_factory.mktemp("ssh"), software, 21) as (node,):
        masks = " ".join(f"/etc/systemd/system/{unit}" for unit in UNITS.split())
        node.run("sh", "-c", f"rm {masks}; systemctl daemon-reload; systemctl start ssh.socket")
        node.run("sh", "-c", f"echo 'root:{PASSWORD}' | chpasswd")
        yield node


@contextlib.contextmanager
def logged_in(node: Node, key: Path | None = None, user: str = "root") -> Iterator[paramiko.SSHClient]:
    """Log in by a key alone or by the password alone."""
    connection = socket.create_connection((node.address, 22), 30)
    with paramiko.SSHClient() as client:
        client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
        client.connect(
            node.address, username=user, sock=connection, allow_agent=False, look_for_keys=False,
            pkey=paramiko.Ed25519Key.from_private_key_file(str(key)) if key else None,
            password=None if key else PASSWORD,
        )  # fmt: skip
        yield client


def enters(node: Node, key: Path | None = None, user: str = "root") -> bool:
    try:
        with logged_in(node, key, user):
            return True
    except paramiko.AuthenticationException:
        return False


def change(node: Node, ssh: dict[str, Any]) -> None:
    answer = node.rest("PATCH", "/node", {"ssh": ssh})
    assert answer.status == 200, answer.body
    assert node.get("/node/unconfirmed")["seconds_left"] is None, "no login can cut the WebUI off"


def test_keys_and_passwords_log_in_as_the_administrator_says(node: Node, tmp_path: Path) -> None:
    key, other = tmp_path / "key", tmp_path / "other"
    line = write_key(key)
    write_key(other)
    assert not enters(node)
    assert not enters(node, key)
    change(node, {"keys": [line]})
    assert enters(node, key)
    assert not enters(node, other)
    assert not enters(node, key, "lbadmin-web"), "it is the key of one user"
    with logged_in(node, key) as client:
        for password_login in (True, False):
            change(node, {"password_login": password_login})
            assert enters(node) is password_login
        assert client.exec_command("echo still here")[1].read() == b"still here\n"
    change(node, {"keys": []})
    assert not enters(node, key)
    node.run("systemctl", "is-active", "ssh.socket")
    assert node.run("systemctl", "--failed", "--no-legend") == ""


def test_what_sshd_is_told_is_what_it_does(node: Node) -> None:
    change(node, {"password_login": True})
    told = node.run("sh", "-c", "mkdir -p /run/sshd; sshd -T")
    assert "passwordauthentication yes\n" in told
    assert "permitrootlogin yes\n" in told
    assert "kbdinteractiveauthentication no\n" in told
    assert "authorizedkeysfile .ssh/authorized_keys /etc/ssh/authorized_keys.d/%u\n" in told
