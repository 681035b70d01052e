"""Secrets of a document: hidden once, kept where they are, never told."""

from pathlib import Path
from typing import Annotated

import pytest
from pydantic import Field, ValidationError

from lbadmin.document import Document
from lbadmin.errors import RefusedError
from lbadmin.files import install, is_in_place
from lbadmin.keys import KeyStore
from lbadmin.secret import Secret, hide, id_of, ids_in
from lbadmin.store import Store
from lbadmin.system import System


class Relay(Document):
    """A part with a secret."""

    password: Secret | None = None


class Node(Document):
    """A document with secrets at several places."""

    relay: Relay = Relay()
    users: Annotated[tuple[Relay, ...], Field(max_length=4)] = ()
    name: str = "lb1"


def test_a_secret_is_replaced_by_a_name_and_everything_else_stays() -> None:
    node = Node.model_validate({"relay": {"password": "open sesame"}, "users": [{}, {"password": "two"}]})
    hidden, new = hide(node, set())
    assert sorted(new.values()) == ["open sesame", "two"]
    assert "sesame" not in hidden.model_dump_json()
    assert set(ids_in(hidden)) == set(new)
    assert hidden.name == "lb1"
    assert hidden.users[0] is node.users[0]


def test_a_name_that_is_kept_stays_also_through_a_stored_document() -> None:
    hidden, new = hide(Node.model_validate({"relay": {"password": "open sesame"}}), set())
    again = Node.model_validate(hidden.model_dump(mode="json"))
    assert hide(again, set(new)) == (hidden, {})
    assert hide(again, set(new))[0] is again


def test_the_name_of_a_secret_that_is_not_here_is_refused() -> None:
    foreign = Node.model_validate({"relay": {"password": f"secret:{'0' * 64}"}})
    with pytest.raises(
        RefusedError, match=r"^password names a secret that is not kept here; write it anew$"
    ) as refusal:
        hide(foreign, set())
    assert refusal.value.faults[0].field == "relay.password"


@pytest.mark.parametrize("text", ["", "x" * 129, 'a"b', "a\\b", "two\nlines", "gr\u00fcn", 7, None])
def test_what_could_leave_its_quotes_is_no_secret(text: object) -> None:
    with pytest.raises(ValidationError):
        Relay.model_validate({"password": text} if text is not None else {"password": []})


def test_a_file_gets_the_secret_only_where_it_may(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    system = System(root=tmp_path)
    monkeypatch.setattr("lbadmin.files.SECRET_FILES", frozenset({"/etc/relay"}))
    hidden, new = hide(Relay(password="open sesame"), set())
    KeyStore(system.state / "secrets", suffix="", kind="secret").add(new)
    files = dict.fromkeys(("/etc/relay", "/etc/other"), f'password "{hidden.password}"\n')
    install(system, files)
    assert system.path("/etc/relay").read_text() == 'password "open sesame"\n'
    assert oct(system.path("/etc/relay").stat().st_mode)[-3:] == "600"
    assert system.path("/etc/other").read_text() == files["/etc/other"]
    assert all(is_in_place(system, name, text) for name, text in files.items())
    assert not is_in_place(system, "/etc/relay", "")
    system.path(f"/var/lib/lbadmin/secrets/{next(iter(new))}").unlink()
    install(system, files)
    assert system.path("/etc/relay").read_text() == 'password ""\n', "the others are installed all the same"


def test_a_secret_goes_with_the_last_revision_that_names_it(tmp_path: Path) -> None:
    system = System(root=tmp_path)
    nodes = Store(system.state / "node")
    kept = KeyStore(system.state / "secrets", suffix="", kind="secret")
    hidden, new = hide(Node.model_validate({"relay": {"password": "open sesame"}}), set())
    kept.add(new)
    nodes.commit(hidden.model_dump(mode="json"), "root", "with")
    kept.sweep(nodes, ())
    assert kept.ids() == set(new)
    nodes.withdraw(1)
    kept.sweep(nodes, ())
    assert kept.ids() == set()
    assert id_of("open sesame") is None
