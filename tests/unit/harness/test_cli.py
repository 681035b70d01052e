import subprocess
import sys
from pathlib import Path

import pytest


def lab(*arguments: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "harness.cli", *arguments]
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["exec", "--name", "not-there", "client", "--", "true"], "there is no lab 'not-there'"),
        (["console", "--name", "not-there", "lb1"], "`lab up --name not-there` starts it"),
        (["ssh", "--name", "Bad Name", "lb1"], "can't be a lab's name"),
    ],
)
def test_errors_are_one_line_and_status_1(arguments: list[str], said: str) -> None:
    ended = lab(*arguments)
    assert ended.returncode == 1
    assert said in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_a_missing_image_or_privilege_is_named_before_anything_starts(tmp_path: Path) -> None:
    ended = lab("up", "--name", "unit-test", "--image", str(tmp_path / "none.raw"))
    assert ended.returncode == 1
    assert "`make image` builds it" in ended.stderr or "needs root" in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_no_command_is_a_usage_error() -> None:
    assert lab().returncode == 2
