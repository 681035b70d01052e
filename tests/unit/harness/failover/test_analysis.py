"""What the analysis makes of events whose truth is known."""

import math

import pytest

from harness.failover.analysis import (
    Distribution,
    Span,
    affinity_violations,
    holdings,
    levels,
    longest_gap,
    measure,
    moment_of,
    nearest_rank,
    registered_again,
    split_after,
)
from harness.failover.events import Event

FAULT = Span(100.0, 110.0)
BEFORE = Span(95.0, 100.0)
ONE, OTHER = "52:54:00:00:00:01", "52:54:00:00:00:02"


def served(*moments: float) -> list[Event]:
    return [Event("new", moment - 0.002, moment, source="s", front_end="FE-1") for moment in moments]


def every(start: float, end: float, step: float) -> list[float]:
    return [start + number * step for number in range(round((end - start) / step) + 1)]


def answers(card: str, start: float, end: float) -> list[Event]:
    return [Event("holder", moment, moment, source=card) for moment in every(start, end, 0.02)]


def test_the_time_without_service_is_the_longest_gap_that_touches_the_fault() -> None:
    run = measure(
        served(*every(95, 99.99, 0.01), *every(100.34, 104, 0.01), *every(104.2, 110, 0.01)), BEFORE, FAULT
    )
    assert math.isclose(run.without_service_s, 0.35, abs_tol=1e-6)
    assert math.isclose(run.undisturbed_s, 0.01, abs_tol=1e-6)


def test_a_gap_before_the_fault_is_not_the_faults() -> None:
    assert longest_gap([90.0, 97.0, 99.0, 100.5, 101.0, 111.0], Span(100.0, 101.0)) == 1.5


def test_a_gap_that_begins_before_the_fault_and_ends_behind_it_counts_whole() -> None:
    assert longest_gap([99.9, 103.9, 110.0], FAULT) == pytest.approx(6.1)
    assert longest_gap([99.0, 104.0, 110.0], Span(100.0, 104.5)) == 6.0


def test_without_any_success_the_gap_is_the_whole_window() -> None:
    assert longest_gap([], FAULT) == 10.0
    assert longest_gap([99.5], FAULT) == 10.5
    assert longest_gap([115.0], FAULT) == 15.0


def test_a_fault_struck_when_the_service_stopped_within_the_time_that_it_took_to_bring_it_about() -> None:
    events = served(*every(95, 101.5, 0.01), *every(102, 110, 0.01))
    assert moment_of(events, Span(100.0, 103.0), 110.0) == pytest.approx(101.5)
    assert moment_of(events, Span(100.0, 100.2), 110.0) == 100.2
    assert moment_of(events, Span(101.7, 103.0), 110.0) == 101.7


def test_failed_attempts_are_counted_by_what_went_wrong_after_the_fault() -> None:
    outcomes = ["refused", "refused", "reset", "timeout", "no-answer", "unreachable"]
    late = [Event("new", 101.0, 101.5, outcome, "s") for outcome in outcomes]
    early = [Event("new", 99.0, 99.5, "refused", "s")]
    slow = [Event("new", 100.1, 101.2, "ok", "s", front_end="FE-1")]
    skipped = [Event("skipped", 102.0, 102.0)]
    run = measure([*served(98.0), *early, *late, *slow, *skipped], BEFORE, FAULT)
    counted = (run.refused, run.reset, run.timed_out, run.unanswered, run.delayed, run.skipped)
    assert counted == (2, 1, 1, 2, 1, 1)


def test_a_held_connection_that_breaks_twice_is_one_broken_connection() -> None:
    broken = [
        Event("held", at, at, "broken", "s", f"held-{n}") for at, n in ((99, 1), (101, 2), (102, 2), (103, 3))
    ]
    assert measure([*served(98.0), *broken], BEFORE, FAULT).held_broken == 2


def test_a_source_that_gets_another_front_end_has_lost_its_affinity_once() -> None:
    seen = [("a", "FE-1"), ("b", "FE-2"), ("a", "FE-1"), ("a", "FE-2"), ("a", "FE-2"), ("b", "FE-2")]
    events = [
        Event("new", moment, moment, source=source, front_end=name)
        for moment, (source, name) in enumerate(seen)
    ]
    assert affinity_violations(events) == 1
    kept = [Event("client", 9, 9, source="b", name="client-1", front_end="FE-1")]
    assert affinity_violations([*kept, *events]) == 2


def client(number: int, moment: float, outcome: str = "ok") -> Event:
    return Event("client", moment, moment, outcome, "s", f"client-{number}")


def test_users_are_registered_again_when_19_of_20_are() -> None:
    events = [client(number, 90.0) for number in range(20)]
    events += [client(number, 101.0, "broken") for number in range(10)]
    events += [client(number, 102.0 + number) for number in range(8)]
    # Two of twenty are away for ever: 95 % are never back.
    assert registered_again(events, Span(100.0, 120.0)) is None
    assert registered_again([*events, client(8, 111.5)], Span(100.0, 120.0)) == 11.5


def test_users_who_never_lost_their_connection_are_registered_at_once() -> None:
    assert registered_again([client(number, 90.0) for number in range(20)], FAULT) == 0.0
    assert registered_again([], FAULT) is None


def test_a_user_who_is_lost_a_second_time_counts_until_the_last_return() -> None:
    events = [
        client(1, 90),
        client(1, 101, "broken"),
        client(1, 102),
        client(1, 103, "broken"),
        client(1, 104),
    ]
    assert registered_again(events, FAULT) == 4.0


def test_two_cards_that_answer_at_the_same_time_are_a_split_brain() -> None:
    events = [*answers(ONE, 95, 105.5), *answers(OTHER, 101, 110)]
    assert math.isclose(split_after(events, Span(105.0, 110.0)), 0.5, abs_tol=1e-6)
    assert split_after(events, Span(106.0, 110.0)) == 0.0


def test_a_handover_is_no_split_brain() -> None:
    events = [*answers(ONE, 95, 102), *answers(OTHER, 102.3, 110)]
    assert split_after(events, FAULT) == 0.0
    assert measure([*served(98.0), *events], BEFORE, FAULT, healed=101.0).split_s == 0.0


def test_a_pause_in_the_answers_ends_a_holding() -> None:
    spans = holdings([*answers(ONE, 95, 96), *answers(ONE, 97, 98)])[ONE]
    assert [(round(span.start, 2), round(span.end, 2)) for span in spans] == [(95, 96), (97, 98)]


def test_levels_follow_what_is_up() -> None:
    events = [client(1, 1), client(2, 2), client(1, 3, "broken"), client(1, 4, "refused"), client(1, 5)]
    assert levels(events, "client") == [(1, 1), (2, 2), (3, 1), (5, 2)]


def test_percentiles_are_values_that_were_seen() -> None:
    values = [float(number) for number in range(1, 21)]
    assert nearest_rank(values, 0.95) == 19.0
    assert Distribution.of(reversed(values)) == Distribution(20, 1.0, 10.0, 19.0, 20.0)
    assert Distribution.of([]) is None
    assert Distribution.of([0.3]) == Distribution(1, 0.3, 0.3, 0.3, 0.3)
