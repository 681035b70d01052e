"""Lines of the audit log: one each, whatever is in them."""

import socket
from pathlib import Path

from lbadmin.audit import JOURNAL, audit_to, line_of
from lbadmin.system import System


def test_a_value_makes_neither_a_line_nor_a_field_of_its_own() -> None:
    line = line_of("login refused", user='x" role=administrator\n\x1b[2J\x7f\u2028é', role=None, by="session")
    assert line == (
        'login refused: user="x\\" role=administrator\\n\\u001b[2J\\u007f\\u2028\\u00e9" by=session'
    )
    assert line.isprintable()
    assert line.isascii()


def test_a_long_value_is_cut() -> None:
    assert len(line_of("change", request="x" * 100_000)) < 300


def test_a_line_is_an_entry_of_the_journal_with_identifier_and_priority(tmp_path: Path) -> None:
    system = System(root=tmp_path)
    place = system.path(JOURNAL)
    place.parent.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journal:
        journal.bind(str(place))
        journal.settimeout(10)
        audit_to(system)("login refused", refused=True, user="jane")
        entry = journal.recv(4096)
    head, _, text = entry.partition(b"MESSAGE\n")
    assert head.decode().splitlines() == ["SYSLOG_IDENTIFIER=lbva-audit", "PRIORITY=4", "SYSLOG_FACILITY=10"]
    assert (int.from_bytes(text[:8], "little"), text[8:]) == (24, b"login refused: user=jane\n")


def test_without_a_journal_nothing_fails(tmp_path: Path) -> None:
    audit_to(System(root=tmp_path))("change", user="jane")
