"""Factory reset: what the next boot leaves of the state."""

import shutil
from pathlib import Path

import pytest

from lbadmin.boot import files_for
from lbadmin.reset import MARKER, carry_out, is_requested, request_reset
from lbadmin.store import Store
from lbadmin.system import System


@pytest.fixture
def system(tmp_path: Path) -> System:
    """A state with everything in it, damaged and odd things too."""
    made = System(root=tmp_path)
    Store(made.state / "cluster").commit({"layer7": {"client_timeout_ms": 1000}}, "root", "one")
    Store(made.state / "access").commit({"users": {}}, "root", "none")
    for folder in ("keys", "tls", "ssh"):
        (made.state / folder).mkdir(mode=0o700)
        (made.state / folder / "secret").write_text("secret")
    (made.state / "node").write_bytes(b"\0 not a folder")
    (made.state / "cluster" / "00000002.json").mkdir()
    (made.state / "rendered.json").write_text("{")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "kept").write_text("kept")
    (made.state / "link").symlink_to(tmp_path / "elsewhere")
    return made


def test_without_a_request_nothing_goes(system: System) -> None:
    before = sorted(system.state.rglob("*"))
    carry_out(system)
    assert sorted(system.state.rglob("*")) == before


def test_a_state_in_any_condition_is_emptied(system: System) -> None:
    request_reset(system, "root")
    assert is_requested(system)
    carry_out(system)
    assert list(system.state.iterdir()) == []
    assert (system.root / "elsewhere" / "kept").read_text() == "kept"
    assert "timeout client 43000\n" in files_for(system)["/etc/haproxy/haproxy.cfg"]


def test_a_power_cut_in_the_middle_leads_to_another_try(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    request_reset(system, "root")
    rmtree = shutil.rmtree

    def cut(path: Path) -> None:
        rmtree(path)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("shutil.rmtree", cut)
        with pytest.raises(KeyboardInterrupt):
            carry_out(system)
    assert is_requested(system)
    carry_out(system)
    assert list(system.state.iterdir()) == []


def test_what_can_not_be_removed_keeps_the_request(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    request_reset(system, "root")

    def bad_block(path: Path) -> None:
        raise OSError(5, "Input/output error", str(path))

    with monkeypatch.context() as patched:
        patched.setattr("shutil.rmtree", bad_block)
        carry_out(system)
    assert is_requested(system)
    assert not (system.state / "rendered.json").exists()
    carry_out(system)
    assert not (system.state / MARKER).exists()
