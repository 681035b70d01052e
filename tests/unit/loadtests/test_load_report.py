"""The report of a load run: figures, tables, page."""

import csv
import io
from pathlib import Path

import pytest

from harness.sampler import Sample
from loadtests import drawing, events, record, report, tables
from loadtests.cards import after_cards, cards, duration
from loadtests.events import AFFINITY, BACK, CONNECT, CONNECTION_LOST, LOST, MESSAGE, SIGN_IN, Event
from loadtests.figures import MOST_FAILURES, figures
from loadtests.record import Fault, Run, Verdict

BEGAN = 1_795_435_200.0
PNG = b"\x89PNG\r\n\x1a\n"


def run(*, faults: tuple[Fault, ...] = (), verdicts: tuple[Verdict, ...] = ()) -> Run:
    return Run("failover", 2, 1, ("FE-1",), ("lb1",), BEGAN, BEGAN + 60, faults, verdicts)


def event(second: float, kind: str, user: str = "a", ms: float = 10.0, error: str = "") -> Event:
    return Event(BEGAN + second, kind, user, ms, error)


def crash() -> list[Event]:
    """Two users who lose their connection and are back."""
    told = [event(1, SIGN_IN, user) for user in "ab"]
    told += [event(20.5, CONNECTION_LOST, user, error="reset") for user in "ab"]
    told += [event(22 + number, SIGN_IN, user) for number, user in enumerate("ab")]
    return told + [event(22 + number, BACK, user, 1500) for number, user in enumerate("ab")]


def sample(second: float) -> Sample:
    return Sample(BEGAN + second, "lb1", 0.5, 0.1, 300.0, 0.0, 2, int(second), servers={"FE-1": 2})


def written(folder: Path, told: Run, happened: list[Event], samples: list[Sample]) -> str:
    told.write(folder)
    events.path_of(folder, 1).write_text("".join(each.line() for each in happened), encoding="utf-8")
    (folder / record.SAMPLES).write_text("".join(each.line() for each in samples), encoding="utf-8")
    return report.write(folder).read_text(encoding="utf-8")


def test_times_are_of_requests_that_went_well_and_failures_are_counted() -> None:
    told = [event(1, MESSAGE, ms=float(ms)) for ms in range(1, 101)]
    seen = figures(run(), [*told, event(2, MESSAGE, ms=30_000, error="timed out")], [])
    (row,) = seen.requests
    assert (row.count, row.failures, row.median, row.p95, row.p99, row.max) == (101, 1, 50, 95, 99, 100)


def test_a_kind_of_which_none_went_well_has_no_times() -> None:
    (row,) = figures(run(), [event(1, MESSAGE, error="timed out")], []).requests
    assert (row.count, row.failures, row.median, row.max) == (1, 1, None, None)


def test_what_users_note_beside_their_requests_is_no_request() -> None:
    seen = figures(run(), [*crash(), event(3, AFFINITY, error="from FE-1 to FE-2")], [])
    assert [row.kind for row in seen.requests] == [SIGN_IN]
    assert seen.again is not None
    assert (seen.again.count, seen.again.median) == (2, 1500)


def test_the_most_frequent_failures_come_first_with_their_times_and_the_rest_is_counted() -> None:
    told = [event(1, CONNECT, error=f"error {number}") for number in range(MOST_FAILURES + 5)]
    told += [event(9, CONNECT, error="refused"), event(4, CONNECT, error="refused")]
    seen = figures(run(), told, [])
    first = seen.failures[0]
    assert (first.kind, first.error, first.count, first.first_s, first.last_s) == (
        CONNECT,
        "refused",
        2,
        4,
        9,
    )
    assert (len(seen.failures), seen.other_failures) == (MOST_FAILURES, 6)


def test_the_same_words_of_different_kinds_are_different_failures() -> None:
    seen = figures(run(), [event(1, CONNECT, error="refused"), event(1, SIGN_IN, error="refused")], [])
    assert {failure.kind for failure in seen.failures} == {CONNECT, SIGN_IN}


def test_the_cards_tell_what_a_buyer_asks() -> None:
    seen = figures(
        run(), [*crash(), event(5, MESSAGE, ms=42)], [sample(second + 0.5) for second in range(60)]
    )
    found = {card.title: card.value for card in cards(seen)}
    assert found["Users signed in"] == "2"
    assert found["Sign-ins per second"] == "2"
    assert found["Message round trip"] == "42 ms"
    assert found["Reconnects"] == "2"
    assert found["Memory in use"] == "300 MiB"
    assert found["Connections"] == "2"


def test_the_card_of_the_last_one_says_when_somebody_never_came_back() -> None:
    never_back = [each for each in crash() if each.user == "a" or each.at < BEGAN + 21]
    (one,) = figures(run(faults=(Fault("crash", BEGAN + 20),)), never_back, []).returns
    last = after_cards(one)[-1]
    assert (last.value, last.more, last.bad) == ("never", "1 never, the others after 2.0 s", True)


def test_the_table_of_seconds_has_a_row_a_second_and_nothing_where_nothing_is_known() -> None:
    seen = figures(run(faults=(Fault("crash", BEGAN + 20, BEGAN + 30),)), crash(), [sample(0.5), sample(1.5)])
    rows = list(csv.DictReader(io.StringIO(tables.seconds(seen))))
    assert [row["second"] for row in rows] == [str(second) for second in range(60)]
    assert [rows[second]["users signed in"] for second in (0, 1, 20, 22, 23)] == ["0", "2", "0", "1", "2"]
    assert [rows[second]["lb1 accepted/s"] for second in (0, 1, 2)] == ["", "1", ""]
    assert [rows[second]["faults in effect"] for second in (19, 20, 30, 31)] == ["0", "1", "1", "0"]


def test_the_table_of_requests_has_a_row_a_kind_and_the_way_back() -> None:
    rows = list(csv.DictReader(io.StringIO(tables.requests(figures(run(), crash(), [])))))
    assert [(row["kind"], row["count"], row["median ms"]) for row in rows] == [
        (SIGN_IN, "4", "10.0"),
        (BACK, "2", "1500.0"),
    ]


def test_a_report_is_a_page_with_its_plots_in_it_and_all_files_beside_it(tmp_path: Path) -> None:
    fault = Fault("the master crashes", BEGAN + 20)
    told = run(faults=(fault,), verdicts=(Verdict("everybody is back", reached=False, seen="1 of 2"),))
    page = written(tmp_path, told, crash(), [sample(second + 0.5) for second in range(60)])
    for name in ("users.png", "appliances.png", "fault-1.png"):
        assert (tmp_path / name).read_bytes().startswith(PNG)
    assert page.count("data:image/png;base64,") == 3
    assert 'href="seconds.csv"' in page
    assert 'class="missed">everybody is back' in page
    assert "the master crashes, 20 s after the beginning" in page
    assert "No affinity violation" in page


def test_what_failed_in_whatever_words_cannot_become_a_part_of_the_page(tmp_path: Path) -> None:
    evil = "<script>alert('x')</script> $\\nothing{"
    told = [event(1, kind, error=evil) for kind in (CONNECT, CONNECTION_LOST, AFFINITY, LOST)]
    page = written(tmp_path, run(faults=(Fault(evil, BEGAN + 1),)), told, [])
    assert "<script>" not in page
    assert page.count("&lt;script&gt;") >= 4


def test_a_fault_outside_the_run_has_no_place_in_its_plots_and_is_told_all_the_same(tmp_path: Path) -> None:
    page = written(tmp_path, run(faults=(Fault("late", BEGAN + 90),)), crash(), [])
    assert "late, 90 s after the beginning" in page
    assert "No user lost the connection." in page


@pytest.mark.parametrize(
    ("happened", "samples", "words"),
    [
        ([], [], "there is nothing to show"),
        (crash(), [], "The appliances said nothing"),
        ([], [sample(1.0)], "The users wrote nothing down"),
    ],
)
def test_a_run_that_left_nothing_has_a_page_that_says_so(
    tmp_path: Path, happened: list[Event], samples: list[Sample], words: str
) -> None:
    fault = Fault("crash", BEGAN + 20)
    assert words in written(tmp_path, run(faults=(fault,)), happened, samples)


def test_a_line_that_was_being_written_when_the_process_ended_is_left_out(tmp_path: Path) -> None:
    events.path_of(tmp_path, 1).write_text(event(1, SIGN_IN).line() + '{"at": 17', encoding="utf-8")
    assert [each.kind for each in events.stream(tmp_path)] == [SIGN_IN]


def test_words_above_the_plots_make_room_for_each_other() -> None:
    # The first reaches into the second, which reaches into nothing; the third is far away.
    assert drawing.rows_of([(0, 0, 10), (5, 5, 15), (20, 20, 30)]) == [1, 0, 0]


def test_durations_are_told_in_words() -> None:
    assert [duration(seconds) for seconds in (0, 59.6, 600, 3605)] == ["0 s", "1 min", "10 min", "1 h 5 s"]
