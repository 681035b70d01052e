"""Users of one pool, at whichever front end they are, through SipClient."""

import threading
import uuid
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial

import pytest

from harness.deadline import Deadline
from harness.ocs import DOMAIN, Service
from harness.ocs.client import Answer, SipClient
from harness.ocs.presence import MAX_SUBSCRIPTIONS, Watchers
from harness.ocs.sip import MAX_HEADER, Request
from tests.unit.harness.ocs.conftest import Pool, Running


def meanwhile(action: Callable[[], Answer]) -> "Future[Answer]":
    """Do it in a thread: a user waits for the other's answer."""
    future: Future[Answer] = Future()

    def work() -> None:
        try:
            future.set_result(action())
        except BaseException as error:  # noqa: BLE001 - it is raised again by result()
            future.set_exception(error)

    threading.Thread(target=work, daemon=True).start()
    return future


def address(user: str) -> str:
    return f"sip:{user}@{DOMAIN}"


def test_who_does_not_know_the_password_is_not_signed_in(pool: Pool, running: Running) -> None:
    with SipClient(running.connect(Service.SIP), user="mallory", password="guess") as client:
        assert client.register().status == 403
        assert client.ask("MESSAGE", address("alice"), to=address("alice")).status == 403
    assert pool.remote.signed_in(["mallory"]) == 0


def test_nobody_signs_in_as_somebody_else(running: Running) -> None:
    with running.user("mallory") as client:
        client._address_of_record = address("alice")
        assert client.register().status == 403


@pytest.mark.parametrize("tls", [False, True])
def test_a_message_reaches_a_user_of_another_front_end(front_ends: list[Running], tls: bool) -> None:
    one, other = front_ends
    with one.user("alice", tls=tls) as alice, other.user("bob", tls=tls) as bob:
        answer = meanwhile(
            lambda: alice.ask("MESSAGE", address("bob"), to=address("bob"), body=b"Hello, \xc3\xb6!")
        )
        message = bob.request()
        assert (message.method, message.body) == ("MESSAGE", b"Hello, \xc3\xb6!")
        assert message.get("server") == "FE-2"
        assert message.get("max-forwards") == "69"
        bob.answer(message)
        final = answer.result(10)
        assert (final.status, final.front_end) == (200, "FE-1")


def test_a_conversation_is_begun_and_ended(front_ends: list[Running]) -> None:
    one, other = front_ends
    with one.user("alice") as alice, other.user("bob") as bob:
        for method in ("INVITE", "BYE"):
            answer = meanwhile(partial(alice.ask, method, address("bob"), to=address("bob")))
            request = bob.request()
            assert request.method == method
            bob.answer(request, 180 if method == "INVITE" else 200, "Ringing")
            if method == "INVITE":
                bob.answer(request)
            assert answer.result(10).status == 200


def test_nobody_is_told_that_a_user_who_left_got_the_message(pool: Pool, front_ends: list[Running]) -> None:
    with front_ends[0].user("alice") as alice:
        assert alice.ask("MESSAGE", address("nobody"), to=address("nobody")).status == 480
        front_ends[1].user("bob").connection.close()
        pool.wait_until_signed_out("bob")
        assert alice.ask("MESSAGE", address("bob"), to=address("bob")).status == 480


def test_a_message_that_met_a_connection_which_has_gone_comes_back(
    pool: Pool, front_ends: list[Running]
) -> None:
    with front_ends[0].user("alice") as alice:
        # As if bob's connection had ended this very moment, and the registrar did not know yet.
        pool.do(front_ends[1].front_end.registrar.bind("bob", 10**9, 60))
        assert alice.ask("MESSAGE", address("bob"), to=address("bob")).status == 480


def test_a_user_who_signs_in_elsewhere_is_reached_there(pool: Pool, front_ends: list[Running]) -> None:
    one, other = front_ends
    with one.user("alice") as alice, one.user("bob") as before, other.user("bob") as now:
        before.connection.close()
        answer = meanwhile(lambda: alice.ask("MESSAGE", address("bob"), to=address("bob")))
        now.answer(now.request())
        assert answer.result(10).status == 200
        assert pool.remote.signed_in(["alice", "bob"]) == 2


def test_a_user_signs_out(pool: Pool, running: Running) -> None:
    with running.user("alice") as client:
        client.register(expires_s=0)
        assert pool.remote.signed_in(["alice"]) == 0


def subscribed(client: SipClient, *users: str) -> Request:
    body = "".join(f'<resource uri="{address(user)}"/>' for user in users).encode()
    answer = client.ask("SUBSCRIBE", address("alice"), ("event", "presence"), body=body)
    assert answer.status == 200
    return client.request()


def test_presence_is_told_at_once_and_when_it_changes(pool: Pool, front_ends: list[Running]) -> None:
    one, other = front_ends
    pool.wait_until_signed_out("bob", "carol")
    with one.user("alice") as alice, other.user("carol"):
        notify = subscribed(alice, "bob", "carol")
        assert notify.method == "NOTIFY"
        assert b'"sip:bob@ocs.lab"><category name="state" availability="18500"' in notify.body
        assert b'"sip:carol@ocs.lab"><category name="state" availability="3500"' in notify.body
        alice.answer(notify)
        alice.connection.settimeout(20)
        with other.user("bob"):
            change = alice.request()
            assert b"bob" in change.body
            assert b"carol" not in change.body
            assert b'"3500"' in change.body
        assert b'"18500"' in alice.request().body


@pytest.mark.parametrize(
    ("method", "more", "status"),
    [
        ("SUBSCRIBE", ("event", "weather"), 489),
        ("REFER", ("refer-to", "<sip:bob@ocs.lab>"), 501),
        ("SUBSCRIBE", ("expires", "soon"), 400),
        ("MESSAGE", ("subject", "to nobody"), 480),
    ],
)
def test_what_can_not_be_done_is_answered_so(
    running: Running, method: str, more: tuple[str, str], status: int
) -> None:
    with running.user("alice") as client:
        extra = (more, ("event", "presence")) if more[0] == "expires" else (more,)
        assert client.ask(method, address("alice-two"), *extra).status == status


def test_a_message_that_grows_too_large_on_its_way_is_refused_and_harms_nobody(
    front_ends: list[Running],
) -> None:
    one, other = front_ends
    with one.user("alice") as alice, other.user("bob") as bob:
        # The short name becomes the long one.
        subjects = [("s", "x")] * (MAX_HEADER // 10)
        assert alice.ask("MESSAGE", address("bob"), *subjects, to=address("bob")).status == 480
        answer = meanwhile(lambda: alice.ask("MESSAGE", address("bob"), to=address("bob")))
        bob.answer(bob.request())
        assert answer.result(10).status == 200


def test_who_is_not_signed_in_answers_for_nobody(pool: Pool, front_ends: list[Running]) -> None:
    with front_ends[0].user("alice") as alice, front_ends[1].user("bob") as bob:
        answer = meanwhile(lambda: alice.ask("MESSAGE", address("bob"), to=address("bob")))
        message = bob.request()
        with SipClient(front_ends[1].connect(Service.SIP), user="mallory") as mallory:
            mallory.answer(message, 603, "Decline")
            assert mallory.options().status == 200
        bob.answer(message)
        assert answer.result(10).status == 200


def test_a_connection_has_only_so_many_subscriptions(running: Running) -> None:
    with running.user("alice") as client:
        for _ in range(MAX_SUBSCRIPTIONS):
            client._call = uuid.uuid4().hex
            subscribed(client, "bob")
        client._call = uuid.uuid4().hex
        assert client.ask("SUBSCRIBE", address("alice"), ("event", "presence")).status == 400


def test_an_expired_subscription_tells_nothing_more(pool: Pool, front_ends: list[Running]) -> None:
    with front_ends[0].user("alice") as alice:
        answer = alice.ask("SUBSCRIBE", address("bob"), ("event", "presence"), ("expires", "1"))
        assert answer.response.get("expires") == "1"
        alice.request()
        watchers = front_ends[0].front_end.watchers
        Deadline(10).wait_until(lambda: not watching(pool, watchers, "bob"), "it to expire")


def watching(pool: Pool, watchers: Watchers, user: str) -> bool:
    """Whether anybody is told of a user's coming and going, once that has been noted and told."""

    async def ask() -> bool:
        watchers.note(user, present=True)
        watchers.tell()
        return user in watchers._of

    return pool.do(ask())


def test_who_signs_in_as_another_over_the_same_connection_is_no_longer_the_first(
    pool: Pool, running: Running
) -> None:
    with running.user("alice") as client:
        client._user, client._address_of_record = "bob", address("bob")
        assert client.register().status == 200
        assert pool.remote.signed_in(["alice"]) == 0
        assert pool.remote.signed_in(["bob"]) == 1
