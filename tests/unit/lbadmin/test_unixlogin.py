"""The password of console and SSH in shadow."""

import ctypes
from pathlib import Path

import pytest

from lbadmin.store import Store
from lbadmin.system import System
from lbadmin.unixlogin import hash_password, put, put_stored

SHADOW = "root:!:20780:0:99999:7:::\nrooted:!:20780:0:99999:7:::\n# root:x\n"


@pytest.fixture
def system(tmp_path: Path) -> System:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/shadow").write_text(SHADOW)
    return System(root=tmp_path)


def test_the_hash_is_what_the_c_library_takes_and_salted() -> None:
    library = ctypes.CDLL("libcrypt.so.1")
    library.crypt.restype = ctypes.c_char_p
    one, another = hash_password("pässword of mine"), hash_password("pässword of mine")
    assert one != another
    assert library.crypt("pässword of mine".encode(), one.encode()) == one.encode()
    assert library.crypt(b"another", one.encode()) != one.encode()


def test_only_the_users_own_line_changes(system: System) -> None:
    put(system, "$y$j9T$salt$hash")
    text = system.path("/etc/shadow").read_text()
    assert text == SHADOW.replace("root:!:", "root:$y$j9T$salt$hash:", 1)
    put(system, None)
    assert system.path("/etc/shadow").read_text() == SHADOW


def test_boot_puts_what_is_stored_and_closes_what_is_not(system: System) -> None:
    store = Store(system.state / "access")
    store.commit({"users": {}, "console": {"hash": "$y$hash"}}, "root", "change")
    put_stored(system)
    assert system.path("/etc/shadow").read_text().startswith("root:$y$hash:20780:")
    store.commit({"users": {}}, "root", "take away")
    put_stored(system)
    assert system.path("/etc/shadow").read_text() == SHADOW


def test_a_password_of_the_longest_kind_is_hashed() -> None:
    assert hash_password("\N{GRINNING FACE}" * 127).startswith("$y$")
