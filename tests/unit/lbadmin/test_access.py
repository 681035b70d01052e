"""Passwords, sessions and the limit on login attempts."""

from pathlib import Path

import pytest

from lbadmin.access import FACTORY_PASSWORD, USER, Access
from lbadmin.errors import ForbiddenError, LoginError, RefusedError, ThrottledError, UnavailableError
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
        access.change_password("wrong", "correct horse", CLIENT)
    access.change_password(FACTORY_PASSWORD, "correct horse", CLIENT)
    assert not access.factory_password
    with pytest.raises(LoginError):
        access.session(token)
    with pytest.raises(LoginError):
        access.authenticate(USER, FACTORY_PASSWORD, CLIENT)
    assert Access(store).authenticate(USER, "correct horse", CLIENT) == USER


@pytest.mark.parametrize("new", ["short", FACTORY_PASSWORD, "x" * 1025])
def test_a_bad_new_password_is_refused(store: Store, new: str) -> None:
    with pytest.raises(RefusedError):
        Access(store).change_password(None, new, "console")
    assert store.numbers() == []


def test_a_session_ends_when_it_is_closed(store: Store) -> None:
    access = Access(store)
    token, _ = access.open_session(USER, FACTORY_PASSWORD, CLIENT)
    access.close_session(token)
    with pytest.raises(LoginError):
        access.session(token)


def test_damage_does_not_bring_the_factory_password_back(store: Store) -> None:
    Access(store).change_password(None, "correct horse", "console")
    store.path(1).write_bytes(b"")
    access = Access(store)
    assert not access.factory_password
    with pytest.raises(UnavailableError):
        access.authenticate(USER, FACTORY_PASSWORD, CLIENT)
    access.change_password(None, "battery staple", "console")
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
