"""A registrar for the mock front ends, the real one."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.ocs import registrar


@pytest.fixture(scope="session")
def registrar_socket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("registrar")
    program, socket = folder / "redis-server", folder / "socket"
    program.symlink_to(registrar.SERVER)
    argv = registrar.server_argv(program, socket)
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL, cwd=folder) as server:
        yield socket
        server.kill()
