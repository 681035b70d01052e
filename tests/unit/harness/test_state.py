import os
from pathlib import Path

import pytest

from harness.errors import LabError
from harness.process import ProcessId
from harness.state import Record, all_folders, folder_of


@pytest.mark.parametrize("name", ["", "..", "a/b", "A", "-x", "x" * 32, "a b"])
def test_names_that_are_no_folder_are_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(LabError, match="can't be a lab's name"):
        folder_of(name, tmp_path)


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    folder = folder_of("one", tmp_path)
    folder.path.mkdir()
    assert Record.read(folder) is None
    for init in (None, ProcessId.of(os.getpid())):
        record = Record(ProcessId.of(os.getpid()), init, 2, "127.0.0.1:9443")
        record.write(folder)
        assert Record.read(folder) == record


def test_hidden_files_are_no_labs(tmp_path: Path) -> None:
    for name in ("b", "a", ".libvirt-cache"):
        (tmp_path / name).mkdir()
    (tmp_path / ".a.lock").touch()
    assert [folder.name for folder in all_folders(tmp_path)] == ["a", "b"]
    assert all_folders(tmp_path / "none") == []
