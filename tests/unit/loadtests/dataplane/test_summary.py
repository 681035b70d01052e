"""Medians, ratios, the table, the page, and the options."""

from pathlib import Path

import pytest

from harness.errors import LabError
from harness.sampler import Sample
from loadtests.dataplane import report
from loadtests.dataplane.bench import Order, busy_since, options_of, rotated
from loadtests.dataplane.results import REACHED, Held, Kind, Results, Sort, Step, Turn
from loadtests.dataplane.summary import notes, ratios, rows, table, verdict


def turns(balancer: str, kind: Kind, *rates: float, busy: float = 1.0) -> list[Turn]:
    return [Turn(balancer, kind, number, rate, busy=busy) for number, rate in enumerate(rates)]


def held(balancer: str, count: int, kib: float, *, wanted: int = 1000, end: str = REACHED) -> Held:
    steps = (Step(0, 300.0, 1700.0, 0.0), Step(count, 300.0 + kib * count / 1024, 1690.0, 4.0))
    return Held(balancer, wanted, 280.0, steps, end, count)


@pytest.fixture
def results() -> Results:
    found = Results(
        [Sort("lbva", "LBVA", "ours", "3.0"), Sort("nginx", "nginx stream", "theirs")],
        "2026-11-23",
        2,
        2048,
        1000,
    )
    found.turns += turns("lbva", "connections", 190.0, 210.0, 200.0)
    found.turns += turns("nginx", "connections", 250.0, 240.0, 900.0)
    found.turns += turns("lbva", "bulk", 500.0, busy=0.5)
    found.held += [
        held("lbva", 1000, 20.0),
        held("nginx", 600, 10.0, end="new connections failed: 1 refused"),
    ]
    return found


def test_a_rate_is_the_middle_turn_beside_ours_and_the_best(results: Results) -> None:
    row = next(row for row in rows(results) if "5060" in row.what)
    assert [cell.text for cell in row.cells] == ["200", "250"]
    assert [cell.ratio for cell in row.cells] == [1.0, 1.25]
    assert [cell.of_best for cell in row.cells] == [0.8, 1.0]


def test_of_memory_the_least_is_the_best(results: Results) -> None:
    row = next(row for row in rows(results) if row.what == "memory a held connection")
    assert [cell.text for cell in row.cells] == ["20.0", "10.0"]
    assert [cell.of_best for cell in row.cells] == [2.0, 1.0]


def test_what_was_not_measured_is_no_row_and_no_figure(results: Results) -> None:
    found = {row.what: row for row in rows(results)}
    assert "sign-ins through TLS on 5061" not in found
    assert found["bulk throughput"].cells[1].text == "–"
    assert found["bulk throughput"].cells[1].ratio is None


def test_without_our_own_figure_there_is_only_the_best() -> None:
    assert ratios([None, 4.0, 2.0], None, more_is_better=True) == [(None, None), (None, 1.0), (None, 0.5)]
    assert ratios([0.0], 0.0, more_is_better=True) == [(None, None)]
    assert ratios([], None, more_is_better=False) == []


def test_clients_that_were_the_limit_are_told_of(results: Results) -> None:
    said = "bulk throughput: the machine's processor was not the limit, the clients were (LBVA: 50% busy)"
    assert notes(results) == [said]


def test_failures_are_told_of(results: Results) -> None:
    results.turns.append(Turn("lbva", "sign-ins", 0, 100.0, {"refused": 2, "reset": 1}, busy=1.0))
    assert "sign-ins through TLS on 5061: 3 failed with LBVA (refused, reset)" in notes(results)


def test_a_held_run_says_whether_the_aim_was_reached_and_why_not(results: Results) -> None:
    whole, part = results.held
    assert verdict(whole) == (
        "1,000 held (aim of this run reached), with 1,690 MiB of memory still to be had; "
        "all of them answered a keep-alive"
    )
    assert verdict(part).startswith("ended at 600 of 1,000: new connections failed: 1 refused")
    dead = Held("pen", 1000, 0.0, whole.steps, REACHED, alive=998)
    assert verdict(dead).endswith("; 998 of 1,000 answered a keep-alive")
    assert verdict(Held("pen", 1000, 0.0, (), "ended by hand")) == "ended at 0 of 1,000: ended by hand"


def test_the_table_has_a_column_a_balancer(results: Results) -> None:
    lines = table(results).splitlines()
    assert lines[0].split("  ")[-1].strip() == "nginx stream"
    assert lines[1].split() == ["new", "connections", "on", "5060,", "a", "second", "200", "250"]
    assert lines[2].split() == ["of", "LBVA's", "1.00", "1.25"]
    assert "LBVA: 1,000 held" in table(results)


def test_the_page_needs_nothing_from_elsewhere(results: Results, tmp_path: Path) -> None:
    page = report.write(results, tmp_path).read_text(encoding="utf-8")
    assert "new connections on 5060" in page
    assert page.count("<svg") == 2
    assert "src=" not in page
    assert "<link" not in page
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "dataplane.json",
        "index.html",
        "memory.png",
        "rates.png",
    ]


def test_results_of_a_bench_that_was_ended_early_make_a_page(tmp_path: Path) -> None:
    found = Results([Sort("pen", "pen", "theirs")], "2026-11-23", 2, 2048, 1000)
    found.held.append(Held("pen", 1000, 280.0, (), "ended by hand"))
    assert "ended by hand" in report.write(found, tmp_path).read_text(encoding="utf-8")


def test_each_round_another_one_begins() -> None:
    assert [rotated("abc", number)[0] for number in range(4)] == ["a", "b", "c", "a"]
    assert rotated("abc", 1) == ["b", "c", "a"]


def test_the_share_in_use_is_of_whole_seconds_within_the_time() -> None:
    samples = [
        Sample(at, "lb1", busy, 0.0, 0.0, 0.0)
        for at, busy in ((9.5, 0.1), (10.5, 0.2), (11.5, 0.8), (12.5, 1.0))
    ]
    assert busy_since(samples, 10.0) == pytest.approx(0.9)
    assert busy_since(samples, 20.0) is None


def test_options_have_defaults_and_say_what_is_measured() -> None:
    assert options_of([]) == Order(3, 40_000, ("lbva", "haproxy", "nginx", "pen"))
    assert options_of(["--rounds", "1", "--held", "0", "--only", "pen,lbva,pen"]) == Order(
        1, 0, ("pen", "lbva")
    )


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        (["--rounds", "-1"], "--rounds -1 is not between 0 and 100: write a whole number"),
        (["--held", "60001"], "--held 60001 is not between 0 and 60000"),
        (["--held", "4e4"], "--held 4e4 is not between"),
        (["--held", "٣"], "is not between"),
        (["--only", "lbva,envoy"], "no balancer 'envoy': choose from lbva, haproxy, nginx, pen"),
        (["--only", ""], "no balancer ''"),
        (["--rounds", "0", "--held", "0"], "nothing to measure"),
    ],
)
def test_an_order_that_can_not_be_done_is_refused(argv: list[str], sentence: str) -> None:
    with pytest.raises(LabError, match=sentence):
        options_of(argv)
