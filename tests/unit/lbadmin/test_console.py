"""The console: what its screen tells, what its wizard refuses, and its pages without a terminal."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import urwid

from lbadmin.access import Access
from lbadmin.client import Answer, Client, RequestError
from lbadmin.console.checks import (
    Typed,
    address_fault,
    faults_by_field,
    patch_of,
    prefix_fault,
    typed_of,
)
from lbadmin.console.menu import Menu
from lbadmin.console.pages import open_menu
from lbadmin.console.plain import cut, plain
from lbadmin.console.reset import DELAY_S, LOCK_S, MAX_WRONG, VALID_S, PasswordReset, reset_at
from lbadmin.console.screen import ROWS, View, fingerprint_of, render_screen
from lbadmin.console.taken import Taken, owner_of, taken_of
from lbadmin.errors import ForbiddenError, LoginError, NotFoundError, RefusedError
from lbadmin.store import Store
from lbadmin.system import Result, System

NODE: dict[str, Any] = {
    "hostname": "lb1",
    "dns": ["192.168.2.1"],
    "gateway": None,
    "interfaces": [
        {"name": "eth0", "addresses": ["192.168.2.21/24", "192.168.3.21/24"], "mtu": 1500},
        {"name": "eth1", "addresses": ["192.168.10.21/24"]},
    ],
}
TYPED = Typed("eth0", "192.168.2.22", "24", "192.168.2.1", "192.168.2.1, 192.168.2.3", "lb2")


def view(**fields: object) -> View:
    values: dict[str, Any] = {
        "hostname": "lb1",
        "version": "1.0",
        "role": "single appliance",
        "addresses": ("eth0  192.168.2.21/24",),
        "url": "https://192.168.2.21:9443/lbadmin/",
        "fingerprint": ":".join(["AB"] * 32),
        "messages": (),
    }
    return View(**{**values, **fields})


def shown(text: str) -> list[str]:
    for sequence in ("\033[7m", "\033[1m", "\033[0m"):
        text = text.replace(sequence, "")
    return text.split("\n")


def test_the_screen_fits_a_terminal_whatever_there_is_to_tell() -> None:
    many = tuple(f"message {number} {'x' * 200}" for number in range(50))
    addresses = tuple(f"eth{number}  192.168.{number}.21/24" for number in range(32))
    lines = shown(render_screen(view(messages=many, addresses=addresses, hostname="h" * 64)))
    assert len(lines) == ROWS
    assert max(map(len, lines)) < 80
    assert "and 28 more: see the web interface" in "\n".join(lines)
    assert sum("* message" in line for line in lines) >= 5


def test_nothing_on_the_screen_steers_the_terminal() -> None:
    bad = "\033]0;title\007\033[2J\u009b31m\u202e\nsecond line"
    text = render_screen(view(hostname=bad, messages=(bad,), version=bad))
    assert set("\033\007\u009b\u202e").isdisjoint("\n".join(shown(text)))
    assert len(shown(text)) == ROWS


def test_the_fingerprint_is_the_one_that_browsers_show(tmp_path: Path) -> None:
    (tmp_path / "var/lib/lbadmin/tls").mkdir(parents=True)
    system = System(root=tmp_path)
    assert fingerprint_of(system) == ""
    pem = tmp_path / "var/lib/lbadmin/tls/web.pem"
    pem.write_text("-----BEGIN CERTIFICATE-----\nYWJj\n-----END CERTIFICATE-----\n")
    # FIPS 180-2, B.1: the SHA-256 of "abc".
    assert fingerprint_of(system).replace(":", "").lower().startswith("ba7816bf8f01cfea414140de5dae2223")
    pem.write_text("-----BEGIN CERTIFICATE-----\n!\n")
    assert fingerprint_of(system) == ""


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a\tb\nc", "a b c"), ("a\033[1mb", "a?[1mb"), ("Zürich", "Z?rich"), ("", "")],
)
def test_plain_texts(text: str, expected: str) -> None:
    assert plain(text) == expected


def test_a_cut_text_says_so() -> None:
    assert cut("short", 10) == "short"
    assert cut("a long sentence", 10) == "a long..."


@pytest.mark.parametrize("text", ["192.168.2.400", "192.168.2", "eth0", "fe80::1%eth0", "192.168.2.1/24", ""])
def test_what_is_no_address_is_refused_in_one_sentence(text: str) -> None:
    assert "type one such as" in (address_fault(text) or "")


def test_addresses_of_both_kinds_are_taken() -> None:
    assert address_fault("192.168.2.21") is None
    assert address_fault("2001:db8::21") is None


@pytest.mark.parametrize(
    ("text", "address", "expected"),
    [
        ("33", "192.168.2.21", "prefix 33 is not between 1 and 32"),
        ("0", "192.168.2.21", "prefix 0 is not between 1 and 32"),
        ("129", "2001:db8::21", "prefix 129 is not between 1 and 128"),
        ("255.255.254.0", "192.168.2.21", "is a netmask; type 23 for it"),
        ("255.0.255.0", "192.168.2.21", "is not between"),
        ("", "192.168.2.21", "prefix (none) is not between"),
        ("٣", "192.168.2.21", "is not between"),
    ],
)
def test_what_is_no_prefix_is_refused_in_one_sentence(text: str, address: str, expected: str) -> None:
    assert expected in (prefix_fault(text, address) or "")


def test_a_prefix_is_taken() -> None:
    assert prefix_fault("24", "192.168.2.21") is None
    assert prefix_fault("64", "2001:db8::21") is None


def test_the_wizard_replaces_one_address_and_keeps_everything_else() -> None:
    patch = patch_of(NODE, TYPED)
    assert patch["interfaces"][0] == {
        "name": "eth0",
        "addresses": ["192.168.2.22/24", "192.168.3.21/24"],
        "mtu": 1500,
    }
    assert patch["interfaces"][1] == NODE["interfaces"][1]
    assert (patch["gateway"], patch["dns"]) == ("192.168.2.1", ["192.168.2.1", "192.168.2.3"])
    assert NODE["interfaces"][0]["addresses"][0] == "192.168.2.21/24"


def test_the_wizard_begins_with_what_is_set() -> None:
    assert typed_of(NODE, "eth0") == Typed("eth0", "192.168.2.21", "24", "", "192.168.2.1", "lb1")
    assert typed_of(NODE, "eth9") == Typed("eth9", "", "", "", "192.168.2.1", "lb1")


def test_lbadminds_sentences_come_to_their_fields() -> None:
    errors = [
        {"field": "interfaces.0.addresses.0", "message": "one"},
        {"field": "interfaces.1.addresses.0", "message": "two"},
        {"field": "dns.1", "message": "three"},
        {"field": "routes.0", "message": "four"},
    ]
    assert faults_by_field(errors) == {"address": "one", "dns": "three", "": "four"}


def test_only_own_addresses_are_told_to_be_taken(tmp_path: Path) -> None:
    (tmp_path / "run/lbadmin").mkdir(parents=True)
    system = System(root=tmp_path)
    assert taken_of(system, ["192.168.2.21"]) == []
    mac = "52:54:00:00:00:01"
    lines = [f"eth0 192.168.2.21 {mac}", f"eth0 192.168.2.99 {mac}", "nonsense", f"\033 192.168.2.21 {mac}"]
    (tmp_path / "run/lbadmin/taken-addresses").write_text("\n".join(lines))
    assert taken_of(system, ["192.168.2.21"]) == [Taken("eth0", "192.168.2.21", mac)]


@pytest.mark.parametrize(
    ("status", "output", "expected"),
    [
        (1, "Unicast reply from 192.168.2.1 [52:54:00:00:00:01] 0.1ms", "52:54:00:00:00:01"),
        (0, "Sent 2 probe(s)", None),
        (2, "arping: interface eth9 not found", None),
    ],
)
def test_who_has_an_address(status: int, output: str, expected: str | None) -> None:
    system = System(run=lambda _: Result(status, output))
    assert owner_of(system, "eth0", "192.168.2.1") == expected


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def access(tmp_path: Path) -> Access:
    return Access(Store(tmp_path / "var/lib/lbadmin/access"))


@pytest.fixture
def reset(tmp_path: Path, access: Access, clock: Clock) -> PasswordReset:
    return PasswordReset(System(root=tmp_path), access, clock)


def test_the_code_of_the_screen_resets_the_password_after_a_while(
    reset: PasswordReset, access: Access, clock: Clock, tmp_path: Path
) -> None:
    access.change_password("loadbalancer", None, "a lost password")
    code = reset.begin()
    with pytest.raises(ForbiddenError, match="can be used in 30 s"):
        reset.finish(code, "a new password")
    clock.now += DELAY_S
    with pytest.raises(RefusedError, match="8 to 1024 characters"):
        reset.finish(code, "short")
    reset.finish(code, "a new password")
    assert access.authenticate("loadbalancer", "a new password", "test") == "loadbalancer"
    with pytest.raises(LoginError):
        access.authenticate("loadbalancer", "a lost password", "test")
    assert reset_at(System(root=tmp_path)) is not None
    with pytest.raises(ForbiddenError, match=f"try again in {LOCK_S} s"):
        reset.begin()
    reset.take_note("loadbalancer")
    assert reset_at(System(root=tmp_path)) is None
    with pytest.raises(NotFoundError):
        reset.take_note("loadbalancer")


def test_wrong_codes_lock_the_reset(reset: PasswordReset, clock: Clock) -> None:
    code = reset.begin()
    clock.now += DELAY_S
    for _ in range(MAX_WRONG - 1):
        with pytest.raises(ForbiddenError, match="not the one on the screen"):
            reset.finish("wröng", "a new password")
    with pytest.raises(ForbiddenError, match="3 wrong codes"):
        reset.finish("", "a new password")
    with pytest.raises(ForbiddenError, match="does not hold any more"):
        reset.finish(code, "a new password")
    with pytest.raises(ForbiddenError, match="can't be reset now"):
        reset.begin()
    clock.now += LOCK_S
    assert reset.begin() != ""


def test_a_code_ends_after_a_while_and_with_the_next_one(reset: PasswordReset, clock: Clock) -> None:
    first = reset.begin()
    second = reset.begin()
    clock.now += DELAY_S
    if first != second:
        with pytest.raises(ForbiddenError, match="not the one on the screen"):
            reset.finish(first, "a new password")
    clock.now += VALID_S
    with pytest.raises(ForbiddenError, match="does not hold any more"):
        reset.finish(second, "a new password")


class Scripted(Client):
    """A client whose answers a test gives; without any, lbadmind does not answer."""

    def __init__(self, answers: Mapping[str, Answer]) -> None:
        super().__init__("/nonexistent")
        self.answers = dict(answers)
        self.asked_for: list[str] = []

    def request(
        self,
        method: str,
        path: str,
        body: object = None,  # noqa: ARG002
        headers: Mapping[str, str] | None = None,  # noqa: ARG002
    ) -> Answer:
        self.asked_for.append(f"{method} {path}")
        if f"{method} {path}" not in self.answers:
            raise RequestError("no answer")
        return self.answers[f"{method} {path}"]


def messages(*, factory_password: bool, texts: tuple[str, ...] = ()) -> Answer:
    told = [{"level": "info", "text": text, "action": None} for text in texts]
    return Answer(200, {}, {"node": {"factory_password": factory_password}, "messages": told})


LINKS = [
    {"name": "eth0", "mac": "52:54:00:00:00:01", "state": "connected", "addresses": []},
    {"name": "eth1", "mac": "52:54:00:00:00:02", "state": "no link", "addresses": []},
]
ANSWERS = {
    "GET /messages": messages(factory_password=True),
    "GET /node": Answer(200, {}, NODE),
    "GET /interfaces": Answer(200, {}, {"interfaces": LINKS}),
    "POST /node/check": Answer(204, {}, None),
}


def menu_with(answers: Mapping[str, Answer]) -> tuple[Menu, Scripted]:
    client = Scripted(answers)
    menu = Menu(client)
    open_menu(menu, System(run=lambda _: Result(0, "")))
    return menu, client


def page(menu: Menu) -> str:
    canvas = menu.frame.render((80, 24), focus=True)
    rows = [row.decode("ascii") for row in canvas.text]
    assert len(rows) == 24
    assert all(len(row) == 80 for row in rows)
    return "\n".join(rows)


def press(menu: Menu, *keys: str) -> None:
    for key in keys:
        menu.frame.render((80, 24), focus=True)
        menu.frame.keypress((80, 24), {"tab": "down"}.get(key, key))


def test_the_menu_offers_everything_on_one_page() -> None:
    text = page(menu_with({})[0])
    for entry in ("Network Setup Wizard", "Factory reset", "Reboot", "Shut down", "Log in", "Leave the menu"):
        assert entry in text


def test_the_wizard_tells_a_fault_at_its_field_and_changes_nothing() -> None:
    menu, client = menu_with(ANSWERS)
    press(menu, "enter")
    assert "192.168.2.21" in page(menu)
    press(menu, "ctrl u", *"192.168.2.400", "tab")
    assert "address 192.168.2.400 is not an IP address" in " ".join(page(menu).split())
    press(menu, *["tab"] * 4, "enter")
    assert not [each for each in client.asked_for if each.startswith("PATCH")]
    client.answers["POST /node/check"] = Answer(
        422, {}, {"errors": [{"field": "gateway", "message": "gateway is \033[2J in no subnet"}]}
    )
    press(menu, "ctrl u", *"192.168.2.22", *["tab"] * 3)
    text = page(menu)
    assert "gateway is ?[2J in no subnet" in text
    assert "400" not in text


def test_the_wizard_goes_through_the_interfaces() -> None:
    menu, _ = menu_with(ANSWERS)
    press(menu, "enter", "up", "right")
    text = page(menu)
    assert "eth1  52:54:00:00:00:02  no link" in text
    assert "192.168.10.21" in text


def test_what_changes_something_needs_the_password_once_there_is_one() -> None:
    for downs in (0, 2, 4, 5, 6):
        menu, client = menu_with({**ANSWERS, "GET /messages": messages(factory_password=False)})
        press(menu, *["down"] * downs, "enter")
        assert "The password of the user loadbalancer is needed" in page(menu)
        assert client.asked_for == ["GET /messages"]


def test_without_lbadmind_nothing_is_open() -> None:
    for downs in (0, 2, 4, 5, 6):
        menu, _ = menu_with({})
        press(menu, *["down"] * downs, "enter")
        text = page(menu)
        assert "Cancel" in text or "does not answer" in text
        assert "Reset and reboot" not in text


def test_a_factory_reset_wants_the_word() -> None:
    menu, client = menu_with({**ANSWERS, "POST /system/factory-reset": Answer(202, {}, None)})
    press(menu, *["down"] * 4, "enter", "tab", "enter")
    assert "type the word reset" in page(menu)
    assert "POST /system/factory-reset" not in client.asked_for
    press(menu, "up", *"reset", "tab", "enter")
    assert "POST /system/factory-reset" in client.asked_for


def test_a_reboot_begins_with_cancel() -> None:
    menu, client = menu_with(ANSWERS)
    press(menu, *["down"] * 5, "enter", "enter")
    assert "Log in" in page(menu)
    assert "POST /system/reboot" not in client.asked_for


def test_a_menu_that_nobody_uses_closes() -> None:
    master, slave = os.openpty()
    with os.fdopen(slave) as keyboard, os.fdopen(os.dup(slave), "w") as screen_of_it:
        screen = urwid.display.raw.Screen(input=keyboard, output=screen_of_it)
        menu = Menu(Scripted({}), screen, idle_s=0.2)
        open_menu(menu, System())
        assert menu.run() == 0
    os.close(master)


def test_messages_are_shown_in_full() -> None:
    told = messages(factory_password=True, texts=("long " * 40 + "end", "\033[31mred"))
    menu, _ = menu_with({"GET /messages": told})
    press(menu, "down", "enter")
    text = page(menu)
    assert "end" in text
    assert "?[31mred" in text
