from loadtests import events
from loadtests.events import Event
from loadtests.record import Fault
from loadtests.verdicts import signed_in, verdicts

FAULT = Fault("lb1 crashes", 50.0)
END = 100.0


def come(user: str, at: float = 1.0) -> list[Event]:
    return [Event(at, events.CONNECT, user), Event(at + 1, events.SIGN_IN, user, front_end="FE-1")]


def gone_and_back(user: str, at: float = 61.0) -> list[Event]:
    return [
        Event(51, events.CONNECTION_LOST, user, error="connection reset"),
        Event(at - 1, events.SIGN_IN, user, front_end="FE-1"),
        Event(at, events.BACK, user),
    ]


def failing(happened: list[Event], *faults: Fault, users: int = 1) -> list[str]:
    ordered = sorted(happened, key=lambda event: event.at)
    return [verdict.text for verdict in verdicts(ordered, faults, END, users) if not verdict.reached]


def test_all_holds_of_a_quiet_load() -> None:
    left = Event(END + 1, events.SIGNED_OUT, "u1")
    assert failing([*come("u1"), *come("u2"), Event(5, events.MESSAGE, "u1"), left], users=2) == []


def test_a_load_that_nobody_came_to_has_not_held() -> None:
    assert failing([]) == ["everybody is signed in at the end"]


def test_who_is_away_at_the_end_is_missed() -> None:
    gone = Event(60, events.CONNECTION_LOST, "u2", error="connection reset")
    assert "everybody is signed in at the end" in failing([*come("u1"), *come("u2"), gone], users=2)


def test_who_never_came_is_missed() -> None:
    refused = [
        Event(1, events.CONNECT, "u2"),
        Event(2, events.SIGN_IN, "u2", error="503"),
    ]
    assert "everybody is signed in at the end" in failing([*come("u1"), *refused], users=2)


def test_who_got_no_connection_is_missed() -> None:
    refused = Event(1, events.CONNECT, "u2", error="connection refused")
    assert "everybody is signed in at the end" in failing([*come("u1"), refused], FAULT, users=2)


def test_a_visitor_is_nobody_who_signs_in() -> None:
    visit = [Event(1, events.CONNECT, "u3"), Event(2, events.FOCUS, "u3")]
    assert signed_in([*come("u1", 0.5), *visit], END) == 1


def test_affinity_and_lost_messages_count_also_during_a_fault() -> None:
    moved = Event(60, events.AFFINITY, "u1", error="from FE-1 to FE-2")
    lost = Event(61, events.LOST, "u1", error="a message")
    assert failing([*come("u1"), *gone_and_back("u1"), moved, lost], FAULT) == [
        "no user came to another front end",
        "no acknowledged message was lost",
    ]


def test_a_failure_counts_where_nothing_struck_and_not_where_something_did() -> None:
    happened = [*come("u1"), Event(51, events.KEEP_ALIVE, "u1", error="no answer in time")]
    assert failing(happened) == ["nothing failed"]
    assert failing([*happened, *gone_and_back("u1")], FAULT) == []


def test_a_fault_that_nobody_noticed_has_not_been_survived() -> None:
    text = "all who lost their connection when lb1 crashes are signed in again"
    assert failing(come("u1"), FAULT) == [text]


def test_who_is_lost_again_after_coming_back_is_not_back() -> None:
    again = Event(70, events.CONNECTION_LOST, "u1", error="connection reset")
    assert len(failing([*come("u1"), *gone_and_back("u1"), again], FAULT)) == 2


def test_all_who_were_disconnected_are_to_come_back() -> None:
    users = [*come("u1"), *come("u2")]
    one, other = gone_and_back("u1"), gone_and_back("u2", 62)
    assert failing([*users, *one, *other], FAULT, users=2) == []
    text = "all who lost their connection when lb1 crashes are signed in again"
    assert text in failing([*users, *one, other[0]], FAULT, users=2)
    ordered = sorted([*users, *one, *other], key=lambda event: event.at)
    assert verdicts(ordered, [FAULT], END, 2)[-1].seen == "2 of 2, the last after 12.0 s"
