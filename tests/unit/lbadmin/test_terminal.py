"""lbcli's files and secrets: devices are written to and stay, files are private, an ended input is misuse."""

import contextlib
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from lbadmin.cli.terminal import FileError, write_private


def test_a_device_is_written_to_and_stays(tmp_path: Path) -> None:
    device = tmp_path / "device"
    os.mkfifo(device)
    link = tmp_path / "link"
    link.symlink_to(device)
    for name in (device, link):
        reader = os.open(device, os.O_RDONLY | os.O_NONBLOCK)
        write_private(str(name), b"support")
        assert os.read(reader, 100) == b"support"
        os.close(reader)
        assert stat.S_ISFIFO(name.stat().st_mode)
    assert link.is_symlink()
    assert sorted(tmp_path.iterdir()) == [device, link]


def test_a_file_is_replaced_by_one_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "backup.json"
    path.write_text("old")
    path.chmod(0o644)
    write_private(str(path), b"new")
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (b"new", 0o600)
    with pytest.raises(FileError, match="can't be written"):
        write_private(str(tmp_path), b"new")


def test_an_input_that_ends_before_the_secret_is_misuse() -> None:
    ours, its = os.openpty()
    command = [sys.executable, "-m", "lbadmin.cli", "password"]
    with subprocess.Popen(command, stdin=its, stdout=its, stderr=its, start_new_session=True) as lbcli:
        os.close(its)
        seen = b""
        while not seen.endswith(b"New password: "):
            seen += os.read(ours, 1024)
        os.write(ours, b"\x04")  # Ctrl-D
        # Linux answers EIO when the last one at the terminal has gone.
        with contextlib.suppress(OSError):
            while more := os.read(ours, 1024):
                seen += more
    os.close(ours)
    assert lbcli.returncode == 2
    assert seen.endswith(b"lbcli password: the new password was not typed; nothing was changed\r\n")
