"""Passwords, sessions and the limit on login attempts."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from argon2 import PasswordHasher, extract_parameters

from lbadmin.access import FACTORY_PASSWORD, Access
from lbadmin.accounts import USER, USERS_MAX
from lbadmin.apikeys import KEYS_MAX
from lbadmin.audit import Audit, no_audit
from lbadmin.errors import (
    DuplicateError,
    ForbiddenError,
    LoginError,
    NotFoundError,
    RefusedError,
    ThrottledError,
    UnavailableError,
)
from lbadmin.sessions import IDLE_S, SESSION_S
from lbadmin.store import Store
from lbadmin.throttle import CLIENT_DELAY_MAX_S, FORGET_AFTER_S, FREE_FAILURES, USER_DELAY_MAX_S, Throttle

CLIENT = "192.168.2.100"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "access")


def test_the_factory_password_works_until_it_is_changed(store: Store) -> None:
    access = Access(store)
    assert access.factory_password
    token, _ = access.open_session(USER, FACTORY_PASSWORD, CLIENT)
    assert access.session(token).user == USER
    with pytest.raises(ForbiddenError):
        access.change_password(USER, "wrong", "correct horse", client=CLIENT, who=USER)
    access.change_password(USER, FACTORY_PASSWORD, "correct horse", client=CLIENT, who=USER)
    assert not access.factory_password
    with pytest.raises(LoginError):
        access.session(token)
    with pytest.raises(LoginError):
        access.authenticate(USER, FACTORY_PASSWORD, CLIENT)
    assert Access(store).authenticate(USER, "correct horse", CLIENT) == USER


@pytest.mark.parametrize("new", ["short", FACTORY_PASSWORD, "x" * 1025])
def test_a_bad_new_password_is_refused(store: Store, new: str) -> None:
    with pytest.raises(RefusedError):
        Access(store).change_password(USER, None, new)
    assert store.numbers() == []


def test_a_session_ends_when_it_is_closed(store: Store) -> None:
    access = Access(store)
    token, _ = access.open_session(USER, FACTORY_PASSWORD, CLIENT)
    access.close_session(token)
    with pytest.raises(LoginError):
        access.session(token)


def test_damage_does_not_bring_the_factory_password_back(store: Store) -> None:
    Access(store).change_password(USER, None, "correct horse")
    store.path(1).write_bytes(b"")
    access = Access(store)
    assert not access.factory_password
    with pytest.raises(UnavailableError):
        access.authenticate(USER, FACTORY_PASSWORD, CLIENT)
    access.change_password(USER, None, "battery staple")
    assert access.authenticate(USER, "battery staple", CLIENT) == USER


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def waits_s(throttle: Throttle, clock: Clock, client: str, user: str) -> int:
    try:
        throttle.check(client, user)
    except ThrottledError as error:
        return error.retry_after_s
    return 0


def test_the_delay_grows_and_is_bounded_and_forgotten() -> None:
    clock = Clock()
    throttle = Throttle(clock)
    seen = []
    for _ in range(FREE_FAILURES + 12):
        seen.append(waits_s(throttle, clock, CLIENT, "a"))
        throttle.failed(CLIENT, "a")
    assert seen[:FREE_FAILURES] == [0] * FREE_FAILURES
    assert seen == sorted(seen)
    assert seen[-1] == CLIENT_DELAY_MAX_S + 1
    assert waits_s(throttle, clock, "elsewhere", "a") <= USER_DELAY_MAX_S + 1
    assert waits_s(throttle, clock, "elsewhere", "b") == 0
    clock.now_s += FORGET_AFTER_S
    assert waits_s(throttle, clock, CLIENT, "a") == 0


def test_many_clients_guessing_for_one_user_are_slowed_down() -> None:
    clock = Clock()
    throttle = Throttle(clock)
    for number in range(FREE_FAILURES + 3):
        throttle.failed(f"10.0.0.{number}", USER)
    assert waits_s(throttle, clock, "10.0.1.1", USER) > 0


def test_a_success_forgets_the_failures() -> None:
    clock = Clock()
    throttle = Throttle(clock)
    for _ in range(FREE_FAILURES):
        throttle.failed(CLIENT, USER)
    clock.now_s += 2
    throttle.succeeded(CLIENT, USER)
    throttle.failed(CLIENT, USER)
    assert waits_s(throttle, clock, CLIENT, USER) == 0


def test_a_session_ends_when_nobody_uses_it_and_after_a_working_day(store: Store) -> None:
    clock = Clock()
    access = Access(store, clock)
    token, _ = access.open_session(USER, FACTORY_PASSWORD, CLIENT)
    idle, _ = access.open_session(USER, FACTORY_PASSWORD, CLIENT)
    clock.now_s += IDLE_S - 1
    access.session(token)
    clock.now_s += 1
    access.session(token)
    with pytest.raises(LoginError):
        access.session(idle)
    ends_s = 1000.0 + SESSION_S
    while clock.now_s + IDLE_S / 2 < ends_s:
        clock.now_s += IDLE_S / 2
        access.session(token)
    clock.now_s = ends_s
    with pytest.raises(LoginError):
        access.session(token)


def test_a_key_is_kept_as_a_digest_and_holds_until_it_is_revoked(store: Store) -> None:
    access = Access(store)
    key, _ = access.add_key("monitoring", "read-only", who="root")
    assert not any(key in path.read_text() for path in store.folder.iterdir())
    assert access.factory_password
    again = Access(store)
    assert again.api_key(key, CLIENT).who == "key:monitoring"
    again.change_password(USER, None, "correct horse")
    assert again.api_key(key, CLIENT).role == "read-only"
    again.remove_key("monitoring", USER)
    for each in (again, Access(store)):
        with pytest.raises(LoginError):
            each.api_key(key, CLIENT)
        assert not each.factory_password
    with pytest.raises(NotFoundError):
        again.remove_key("monitoring", USER)


def test_names_of_keys_are_unique_and_their_number_is_bounded(store: Store) -> None:
    access = Access(store)
    for number in range(KEYS_MAX):
        access.add_key(f"key-{number}", "read-only", who="root")
    with pytest.raises(DuplicateError):
        access.add_key("key-0", "read-only", who="root")
    with pytest.raises(RefusedError, match="64 API keys already; revoke one first"):
        access.add_key("one-more", "read-only", who="root")
    assert len(Access(store).api_keys) == KEYS_MAX


def test_guessing_keys_is_slowed_down_and_stops_neither_a_right_key_nor_the_password(store: Store) -> None:
    access = Access(store, Clock())
    key, _ = access.add_key("scripts", "administrator", who="root")
    for number in range(FREE_FAILURES):
        with pytest.raises(LoginError):
            access.api_key(f"lbva_guess{number}", CLIENT)
    with pytest.raises(ThrottledError):
        access.api_key("lbva_guess", CLIENT)
    assert access.api_key(key, CLIENT).name == "scripts"
    assert access.authenticate(USER, FACTORY_PASSWORD, CLIENT) == USER


def test_damage_brings_no_revoked_key_back(store: Store) -> None:
    access = Access(store)
    access.change_password(USER, None, "correct horse")
    key, _ = access.add_key("lost", "administrator", who="root")
    access.remove_key("lost", "root")
    store.path(store.numbers()[-1]).write_bytes(b"{")
    after = Access(store)
    with pytest.raises(LoginError):
        after.api_key(key, CLIENT)
    assert after.authenticate(USER, "correct horse", CLIENT) == USER


def test_damage_that_leaves_only_keys_does_not_bring_the_factory_password_back(store: Store) -> None:
    access = Access(store)
    access.add_key("first", "read-only", who="root")
    access.change_password(USER, None, "correct horse")
    store.path(2).write_bytes(b"{")
    after = Access(store)
    assert not after.factory_password
    with pytest.raises(UnavailableError):
        after.add_key("second", "read-only", who="root")
    with pytest.raises(UnavailableError):
        after.authenticate(USER, FACTORY_PASSWORD, CLIENT)


def test_a_document_of_before_there_were_keys_is_read(store: Store) -> None:
    hashed = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("correct horse")
    store.commit({"users": {USER: {"hash": hashed}}}, USER, "change the password")
    access = Access(store)
    assert access.authenticate(USER, "correct horse", CLIENT) == USER
    assert access.api_keys == ()


def with_jane(store: Store, clock: Callable[[], float] = time.monotonic, audit: Audit = no_audit) -> Access:
    access = Access(store, clock, audit)
    access.add_user("jane", "operator", "correct horse", "root")
    return access


def test_users_are_kept_with_their_roles_and_no_password(store: Store) -> None:
    with_jane(store).change_role("jane", "read-only", "root")
    again = Access(store)
    assert [(user.name, user.role) for user in again.users] == [
        (USER, "administrator"),
        ("jane", "read-only"),
    ]
    assert again.factory_password
    assert again.authenticate("jane", "correct horse", CLIENT) == "jane"
    assert not any("correct horse" in path.read_text() for path in store.folder.iterdir())


def test_the_number_of_users_is_bounded(store: Store) -> None:
    users = {f"user-{number}": {"hash": "x", "role": "operator"} for number in range(USERS_MAX - 1)}
    store.commit({"users": users, "api_keys": []}, "root", "many")
    with pytest.raises(RefusedError, match="there are 64 users already; remove one first"):
        with_jane(store)


def test_a_role_of_a_newer_version_only_reads(store: Store) -> None:
    store.commit({"users": {"jane": {"hash": "x", "role": "emperor"}}}, "root", "newer")
    assert Access(store).role_of("jane") == "read-only"


def test_a_session_ends_with_its_user_and_leaves_others_alone(store: Store) -> None:
    access = with_jane(store)
    hers, _ = access.open_session("jane", "correct horse", CLIENT)
    other, _ = access.open_session(USER, FACTORY_PASSWORD, CLIENT)
    access.remove_user("jane", USER)
    with pytest.raises(LoginError):
        access.session(hers)
    assert access.session(other).user == USER
    with pytest.raises(LoginError):
        access.authenticate("jane", "correct horse", CLIENT)


def test_damage_brings_no_removed_user_back(store: Store) -> None:
    access = with_jane(store)
    access.change_password(USER, None, "battery staple")
    access.remove_user("jane", "root")
    store.path(store.numbers()[-1]).write_bytes(b"{")
    assert [user.name for user in Access(store).users] == [USER]


def test_the_console_keeps_its_password_through_all_other_changes(store: Store) -> None:
    access = Access(store)
    hashed = access.set_console("correct horse", "root")
    access.add_user("jane", "operator", "correct horse", "root")
    access.add_key("scripts", "operator", who="root")
    document = store.current()
    assert document
    assert document.document["console"] == {"hash": hashed}
    assert Access(store).console_password
    access.set_console(None, "root")
    assert not Access(store).console_password


def test_a_login_of_an_unknown_user_does_the_work_of_a_known_ones(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    access = with_jane(store)
    checked: list[str] = []
    verify = PasswordHasher.verify

    def noted(hasher: PasswordHasher, expected: str, password: str) -> bool:
        checked.append(expected)
        return bool(verify(hasher, expected, password))

    monkeypatch.setattr(PasswordHasher, "verify", noted)
    for name in ("jane", "nobody"):
        with pytest.raises(LoginError):
            access.authenticate(name, "a guess", CLIENT)
    known, unknown = map(extract_parameters, checked)
    assert known == unknown


def test_every_login_is_told_to_the_audit_log(store: Store) -> None:
    told: list[tuple[str, object, object]] = []

    def audit(event: str, /, *, refused: bool = False, **fields: object) -> None:
        told.append((event, fields.get("user"), refused))

    access = with_jane(store, Clock(), audit)
    access.open_session("jane", "correct horse", CLIENT)
    access.authenticate("jane", "correct horse", CLIENT)
    access.authenticate("jane", "correct horse", CLIENT)
    for _ in range(FREE_FAILURES + 1):
        with pytest.raises((LoginError, ThrottledError)):
            access.authenticate("nobody", "a guess", CLIENT)
    with pytest.raises(LoginError):
        access.api_key("lbva_guess", CLIENT)
    accepted = ("login accepted", "jane", False)
    refused = [("login refused", "nobody", True)] * (FREE_FAILURES + 1)
    assert told == [accepted, accepted, *refused, ("login refused", None, True)]
