"""Series on the axis of a run, from moments and samples whose truth is known."""

import numpy as np
import pytest

from harness.sampler import Sample
from loadtests.appliances import appliances, by_front_end, costs
from loadtests.columns import Numbers, columns
from loadtests.events import BACK, CONNECTION_LOST, SIGN_IN, SIGNED_OUT, Event
from loadtests.presence import Return, changes, returns
from loadtests.record import Fault
from loadtests.series import Axis, counts, held, increase, level, percentiles, smoothed, total

BEGAN = 1000.0
AXIS = Axis.of(BEGAN, BEGAN + 10)


def moments(*seconds: float) -> Numbers:
    return BEGAN + np.array(seconds, dtype=np.float64)


def line(*values: float | None) -> Numbers:
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


def same(one: Numbers, other: Numbers) -> bool:
    return np.array_equal(one, other, equal_nan=True)


def event(second: float, kind: str, user: str, error: str = "") -> Event:
    return Event(BEGAN + second, kind, user, error=error)


def sample(second: float, machine: str = "lb1", connections: int = 0, accepted: int = 0) -> Sample:
    servers = {"FE-1": connections, "FE-2": 0}
    return Sample(BEGAN + second, machine, 0.5, 0.1, 300.0, 0.0, connections, accepted, servers=servers)


def outcome(faults: tuple[Fault, ...], *events: Event) -> list[Return]:
    told = columns(events)
    return returns(faults, told, changes(told))


def test_an_axis_has_a_second_for_each_that_was_begun() -> None:
    assert [Axis.of(BEGAN, BEGAN + length).length for length in (0, 0.5, 1, 1.1)] == [1, 1, 1, 2]


def test_windows_grow_with_the_run_so_that_they_can_be_told_apart() -> None:
    assert [Axis(BEGAN, length).window_s for length in (60, 600, 2700, 10**6)] == [1, 5, 15, 300]


def test_moments_are_counted_by_second_and_those_outside_the_run_are_not() -> None:
    assert counts(moments(-0.1, 0, 0.9, 1, 9.99, 10, 12), AXIS).tolist() == [2, 1, 0, 0, 0, 0, 0, 0, 0, 1]


def test_the_last_window_may_be_shorter_and_still_has_its_own_mean() -> None:
    axis = Axis(BEGAN, 203)
    assert axis.window_s == 2
    smooth = smoothed(np.append(np.zeros(200), [1, 3, 5]), axis)
    assert smooth[-4:].tolist() == [0, 2, 2, 5]


def test_percentiles_are_values_that_were_seen_in_their_window() -> None:
    at = moments(*([0.5] * 20), 3.5, 3.6, 99)
    ms = np.array([*range(20, 0, -1), 7, 5, 1000], dtype=np.float64)
    median, p95 = percentiles(at, ms, Axis(BEGAN, 5), (0.5, 0.95))
    assert same(median, line(10, None, None, 5, None))
    assert same(p95, line(19, None, None, 7, None))


def test_percentiles_of_nothing_are_unknown() -> None:
    (median,) = percentiles(moments(), moments(), AXIS, (0.5,))
    assert np.isnan(median).all()


def test_a_late_sample_leaves_no_gap_and_a_machine_that_was_away_does() -> None:
    at = moments(0.5, 1.9, 4.1, 8.5)
    assert same(held(at, line(1, 2, 3, 4), AXIS), line(1, 2, 2, 2, 3, None, None, None, 4, None))


def test_nothing_is_known_of_a_machine_without_samples() -> None:
    assert np.isnan(held(moments(), moments(), AXIS)).all()


def test_a_level_stays_until_it_changes() -> None:
    assert level(moments(1.5, 1.7, 4.0), line(1, 2, 0), AXIS).tolist() == [0, 2, 2, 2, 0, 0, 0, 0, 0, 0]


def test_a_rate_is_the_counters_growth_by_the_time_that_it_took() -> None:
    assert same(increase(moments(0, 1, 3), line(10, 15, 25)), line(None, 5, 5))


def test_a_counter_that_begins_anew_never_makes_a_negative_rate() -> None:
    assert same(increase(moments(0, 1, 2, 3), line(100, 110, 4, 6)), line(None, 10, 4, 2))


def test_nobody_knows_when_a_counter_grew_while_its_machine_was_away() -> None:
    assert same(increase(moments(0, 1, 60, 61), line(100, 110, 300, 303)), line(None, 10, None, 3))


def test_a_sum_is_of_what_is_known_and_unknown_where_nothing_is() -> None:
    assert same(total([line(1, None, None), line(2, 3, None)], Axis(BEGAN, 3)), line(3, 3, None))


def test_users_are_signed_in_from_a_sign_in_that_went_well_until_they_leave() -> None:
    seen = changes(
        columns(
            [
                event(1, SIGN_IN, "a", "503"),
                event(2, SIGN_IN, "a"),
                event(2, SIGN_IN, "b"),
                event(3, SIGN_IN, "a"),
                event(4, CONNECTION_LOST, "a", "reset"),
                event(5, CONNECTION_LOST, "a", "reset"),
                event(6, SIGN_IN, "a"),
                event(6, BACK, "a"),
                event(7, SIGNED_OUT, "b"),
            ]
        )
    )
    assert (seen.at - BEGAN).tolist() == [2, 2, 4, 6, 7]
    assert seen.signed_in.tolist() == [1, 2, 1, 2, 1]


def test_users_of_several_processes_come_in_the_order_of_their_times() -> None:
    seen = changes(columns([event(5, CONNECTION_LOST, "a", "reset"), event(1, SIGN_IN, "a")]))
    assert seen.up.tolist() == [1, -1]


def test_after_a_fault_it_is_told_when_the_first_most_and_the_last_were_back() -> None:
    users = [f"user-{number}" for number in range(20)]
    events = [event(1, SIGN_IN, user) for user in [*users, "untouched"]]
    events += [event(101, CONNECTION_LOST, user, "reset") for user in users]
    events += [event(102 + number, SIGN_IN, user) for number, user in enumerate(users)]
    (seen,) = outcome((Fault("crash", BEGAN + 100),), *events)
    assert (seen.signed_in, seen.lost, seen.never) == (21, 20, 0)
    assert (seen.first_s, seen.most_s, seen.last_s) == (2, 20, 21)
    assert seen.gone is not None
    assert (seen.gone.min, seen.gone.max) == (1, 20)


def test_who_never_came_back_is_counted_and_the_last_is_of_those_who_did() -> None:
    (seen,) = outcome(
        (Fault("crash", BEGAN + 5),),
        event(1, SIGN_IN, "a"),
        event(1, SIGN_IN, "b"),
        event(6, CONNECTION_LOST, "a", "reset"),
        event(6, CONNECTION_LOST, "b", "reset"),
        event(8, SIGN_IN, "a"),
    )
    assert (seen.never, seen.first_s, seen.most_s, seen.last_s) == (1, 3, None, 3)


def test_who_lost_the_connection_again_is_back_after_the_last_time() -> None:
    (seen,) = outcome(
        (Fault("crash", BEGAN + 5),),
        event(1, SIGN_IN, "a"),
        event(6, CONNECTION_LOST, "a", "reset"),
        event(7, SIGN_IN, "a"),
        event(8, CONNECTION_LOST, "a", "reset"),
        event(11, SIGN_IN, "a"),
    )
    assert (seen.lost, seen.first_s, seen.last_s) == (1, 6, 6)


def test_a_faults_end_stands_for_itself_where_it_cost_connections() -> None:
    crash = Fault("crash", BEGAN + 5, BEGAN + 50)
    events = [event(1, SIGN_IN, "a"), event(6, CONNECTION_LOST, "a", "reset"), event(7, SIGN_IN, "a")]
    assert [seen.what for seen in outcome((crash,), *events)] == ["crash"]
    events += [event(52, CONNECTION_LOST, "a", "reset"), event(53, SIGN_IN, "a")]
    assert [(seen.what, seen.last_s) for seen in outcome((crash,), *events)] == [
        ("crash", 2),
        ("crash: undone", 3),
    ]


def test_an_end_that_follows_at_once_is_part_of_its_fault() -> None:
    crash = Fault("crash", BEGAN + 5, BEGAN + 7)
    (seen,) = outcome((crash,), event(1, SIGN_IN, "a"), event(8, CONNECTION_LOST, "a", "reset"))
    assert (seen.what, seen.lost) == ("crash", 1)


def test_who_is_back_only_after_the_next_fault_is_back_all_the_same() -> None:
    first, _second = outcome(
        (Fault("one", BEGAN + 5), Fault("two", BEGAN + 7)),
        event(1, SIGN_IN, "a"),
        event(6, CONNECTION_LOST, "a", "reset"),
        event(9, SIGN_IN, "a"),
    )
    assert (first.lost, first.last_s) == (1, 4)


def test_a_fault_that_nobody_noticed_cost_nothing() -> None:
    (seen,) = outcome((Fault("crash", BEGAN + 5),), event(1, SIGN_IN, "a"))
    assert (seen.lost, seen.never, seen.first_s, seen.gone) == (0, 0, None, None)


def test_a_haproxy_that_does_not_answer_has_unknown_connections_not_none() -> None:
    silent = Sample(BEGAN + 1.5, "lb1", 0.5, 0.1, 300.0, 0.0)
    (machine,) = appliances([sample(0.5, connections=7), silent], ("lb1",), Axis(BEGAN, 3))
    assert same(machine.connections, line(7, None, None))
    assert same(machine.busy, line(50, 50, None))


def test_a_machine_that_said_nothing_is_left_out() -> None:
    assert [each.name for each in appliances([sample(0.5, "lb2")], ("lb1", "lb2"), AXIS)] == ["lb2"]


def test_connections_of_a_front_end_are_those_through_all_appliances() -> None:
    axis = Axis(BEGAN, 2)
    told = [sample(0.5, "lb1", 3), sample(0.5, "lb2", 4), sample(1.5, "lb2", 5)]
    seen = by_front_end(appliances(told, ("lb1", "lb2"), axis), ("FE-2", "FE-1"), axis)
    assert {name: values.tolist() for name, values in seen.items()} == {"FE-2": [0, 0], "FE-1": [7, 5]}


def test_costs_are_apart_for_who_serves_and_who_stands_by_under_full_load() -> None:
    axis = Axis(BEGAN, 4)
    told = [sample(second + 0.5, "lb1", 9 if second < 2 else 0) for second in range(4)]
    told += [sample(second + 0.5, "lb2", 0 if second < 2 else 9) for second in range(4)]
    seen = costs(appliances(told, ("lb1", "lb2"), axis), line(1, 100, 100, 100))
    assert [(cost.name, cost.role, cost.seconds) for cost in seen] == [
        ("lb1", "serving, full load", 1),
        ("lb2", "serving, full load", 2),
        ("lb1", "stand-by, full load", 2),
        ("lb2", "stand-by, full load", 1),
        ("lb1", "the whole run", 4),
        ("lb2", "the whole run", 4),
    ]


@pytest.mark.parametrize("signed_in", [0, 5])
def test_without_haproxys_figures_nothing_tells_who_serves(signed_in: int) -> None:
    told = [Sample(BEGAN + 0.5, "lb1", 0.5, 0.1, 300.0, 0.0)]
    seen = costs(appliances(told, ("lb1",), Axis(BEGAN, 1)), line(signed_in))
    assert [cost.role for cost in seen] == (["full load"] if signed_in else []) + ["the whole run"]
    assert seen[-1].connections is None
