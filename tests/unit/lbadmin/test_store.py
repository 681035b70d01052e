"""Revisions on disk: whatever is cut off or killed, the last acknowledged revision is there."""

import random
import signal
import subprocess
import sys
import tracemalloc
from pathlib import Path

import pytest

from lbadmin.errors import StorageError
from lbadmin.store import KEEP, Store

WRITER = """
import sys
from pathlib import Path
from lbadmin.store import Store
store = Store(Path(sys.argv[1]))
while True:
    print(store.commit({"filling": "x" * 20000}, "root", "on and on").revision, flush=True)
"""


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "cluster")


def test_a_commit_is_the_current_revision_and_history(store: Store) -> None:
    assert store.current() is None
    first = store.commit({"a": 1}, "root", "one")
    second = store.commit({"a": 2}, "loadbalancer", "two")
    assert (first.revision, second.revision) == (1, 2)
    assert Store(store.folder).current() == second
    told = [(each.revision, each.who, each.what) for each in store.headings()]
    assert told == [(2, "loadbalancer", "two"), (1, "root", "one")]
    assert oct(store.path(2).stat().st_mode)[-3:] == "600"


def test_a_newest_file_cut_at_any_length_leaves_the_one_before(store: Store) -> None:
    good = store.commit({"a": 1}, "root", "good")
    store.commit({"a": 2}, "root", "newest")
    whole = store.path(2).read_bytes()
    for length in range(len(whole) - 1):
        store.path(2).write_bytes(whole[:length])
        assert store.current() == good, f"cut after {length} bytes"


def test_a_changed_byte_anywhere_is_noticed(store: Store) -> None:
    good = store.commit({"a": "text"}, "root", "good")
    newest = store.commit({"a": "other"}, "root", "newest")
    whole = store.path(2).read_bytes()
    for place in range(len(whole)):
        damaged = bytearray(whole)
        damaged[place] ^= 0x01
        store.path(2).write_bytes(damaged)
        # A space that became another blank, or the like, changes nothing that is said.
        assert store.current() == good or (store.current() == newest and chr(whole[place]).isspace())


def test_a_damaged_revision_is_kept_and_its_number_not_used_again(store: Store) -> None:
    store.commit({}, "root", "good")
    store.commit({}, "root", "newest")
    store.path(2).write_bytes(b"")
    assert store.commit({}, "root", "after").revision == 3
    assert store.path(2).exists()


def test_a_withdrawn_revision_never_was(store: Store) -> None:
    store.commit({"a": 1}, "root", "good")
    early = store.commit({"a": 2}, "root", "too early").revision
    assert [each.what for each in store.headings()] == ["too early", "good"]
    store.withdraw(early)
    assert [each.what for each in store.headings()] == ["good"]
    assert store.commit({"a": 3}, "root", "next").revision == 2
    assert [each.what for each in store.headings()] == ["next", "good"]


def test_the_history_is_told_without_holding_its_documents(store: Store) -> None:
    large = {"filling": [f"line {number}" for number in range(20_000)]}
    for _ in range(20):
        store.commit(large, "root", "large")
    tracemalloc.start()
    try:
        assert len(store.headings()) == 20
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 10_000_000, "bytes; twenty of them take three times that"


def test_old_revisions_make_room(store: Store) -> None:
    for number in range(KEEP + 5):
        store.commit({"n": number}, "root", "next")
    assert store.numbers() == list(range(6, KEEP + 6))


def test_a_writer_killed_at_any_moment_loses_nothing_acknowledged(store: Store) -> None:
    chance = random.Random(20261122)  # noqa: S311 - a repeatable choice of moments
    for _ in range(8):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(store.folder)], stdout=subprocess.PIPE, text=True
        )
        assert writer.stdout is not None
        acknowledged = 0
        for _ in range(chance.randint(1, 40)):
            acknowledged = int(writer.stdout.readline())
        writer.send_signal(signal.SIGKILL)
        rest = writer.stdout.read().split()
        writer.wait()
        acknowledged = int(rest[-1]) if rest else acknowledged
        current = store.current()
        assert current is not None
        assert current.revision >= acknowledged
        assert current.document == {"filling": "x" * 20000}


def test_what_can_not_be_written_is_told_and_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "cluster").write_text("a file where the folder should be")
    store = Store(tmp_path / "cluster" / "deeper")
    with pytest.raises(StorageError, match=r"could not be written to .*; nothing was changed"):
        store.commit({}, "root", "in vain")
    assert [path.name for path in tmp_path.iterdir()] == ["cluster"]
