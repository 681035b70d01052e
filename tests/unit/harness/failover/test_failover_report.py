"""The report of runs whose truth is known: figures, verdicts, drawings, page, data."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from harness.failover import bench, drawing, record, report, summary
from harness.failover.analysis import Span, measure
from harness.failover.events import Event
from harness.failover.record import Record, System
from harness.failover.timeline import Step, Stretch, time_line

FAULT = 1000.0
CARDS = {"52:54:00:00:00:01": "lb1", "52:54:00:00:00:02": "lb2"}


def a_record(system: System, fault: str, gap_s: float, repeat: int = 0) -> Record:
    moments = [FAULT - 3 + number * 0.01 for number in range(301)]
    moments += [FAULT + gap_s + number * 0.01 for number in range(500)]
    events = [Event("new", moment - 0.005, moment, source="s", front_end="FE-1") for moment in moments]
    events += [Event("new", FAULT + 0.05, FAULT + 0.06, "refused", "s")]
    events += [Event("client", FAULT - 4, FAULT - 4, "ok", "s", "client-1", "FE-1")]
    events += [Event("client", FAULT + 2, FAULT + 2, "broken", "s", "client-1")]
    events += [Event("client", FAULT + 2, FAULT + 2.5, "ok", "s", "client-1", "FE-1")]
    events += [
        Event("holder", FAULT - at / 50, FAULT - at / 50, source=next(iter(CARDS))) for at in range(100)
    ]
    window = Span(FAULT, FAULT + 5)
    return Record(
        system,
        fault,
        repeat,
        "normal",
        "lb1",
        FAULT,
        measure(events, Span(FAULT - 3, FAULT), window),
        time_line(events, Span(FAULT - 3, FAULT + 5), FAULT, CARDS),
        {"duration_ms": 300},
    )


def test_the_time_line_is_zero_at_the_fault_and_joins_what_is_alike() -> None:
    line = a_record("lbva", "crash", 0.3).time_line
    assert (line.start, line.end) == (-3.0, 5.0)
    assert [part.outcome for part in line.attempts] == ["ok", "refused", "ok"]
    assert line.attempts[1] == Stretch(0.05, 0.06, "refused")
    assert line.holders == {"lb1": [Span(-1.98, 0.0)], "lb2": []}
    assert line.registered == [Step(-3.0, 1), Step(2.0, 0), Step(2.5, 1)]


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    written = a_record("defaults", "freeze", 3.4, repeat=7)
    written.write(tmp_path)
    assert record.read_all(tmp_path) == [written]
    assert [path.name for path in tmp_path.iterdir()] == ["defaults-freeze-07.json"]


def test_aims_are_held_against_the_95_percent_and_the_defaults() -> None:
    quick = [a_record("lbva", "crash", 0.4, repeat) for repeat in range(3)]
    slow = [a_record("defaults", "crash", 3.0, repeat) for repeat in range(3)]
    [row] = summary.rows([*quick, *slow])
    assert row.ratio == pytest.approx(0.4 / 3.0, rel=0.02)
    assert {verdict.text: verdict.reached for verdict in row.verdicts} == {
        "95 % within 0.5 s": True,
        "≤ 0.2 of defaults": True,
        "0 affinities lost": True,
    }
    [row] = summary.rows([*quick, a_record("lbva", "crash", 0.7, 3), *slow])
    assert [verdict.reached for verdict in row.verdicts] == [False, False, True]


def test_without_the_defaults_nothing_is_said_of_them() -> None:
    [row] = summary.rows([a_record("lbva", "take-over", 0.05)])
    assert row.ratio is None
    assert {verdict.text: verdict.reached for verdict in row.verdicts} == {
        "95 % within 0.1 s": True,
        "0 refused": False,
        "0 affinities lost": True,
    }


def test_a_lost_affinity_and_a_lasting_split_brain_miss_their_aims() -> None:
    ours = a_record("lbva", "partition", 0.05)
    ours = replace(ours, seen=replace(ours.seen, affinity_violations=1, split_s=1.2))
    [row] = summary.rows([ours])
    assert [verdict.reached for verdict in row.verdicts] == [False, False]


def test_users_who_never_came_back_are_counted_apart() -> None:
    ours = a_record("lbva", "crash", 0.4)
    gone = replace(ours, repeat=1, seen=replace(ours.seen, registered_again_s=None))
    figures = summary.figures([ours, gone])
    assert figures is not None
    assert figures.never_registered_again == 1
    assert figures.registered_again is not None
    assert figures.registered_again.median == pytest.approx(2.5)


def test_a_drawing_shows_the_fault_enlarged_and_the_whole_run() -> None:
    line = replace(a_record("lbva", "crash", 0.3).time_line, healed=4.9)
    enlarged, whole = drawing.panels(line, {"held": 1, "registered": 1})
    assert [mark.word for mark in enlarged.marks] == ["fault"]
    assert [mark.word for mark in whole.marks] == ["fault", "undone"]
    assert {bar.kind for bar in enlarged.attempts} == {"ok", "refused"}
    for panel in (enlarged, whole):
        for bar in panel.attempts:
            assert panel.x <= bar.x <= bar.x + bar.width <= panel.x + panel.width + 1
    assert whole.levels["registered"].startswith(f"{whole.x:g},0 ")


def test_the_page_needs_nothing_from_anywhere_and_the_data_has_every_run(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    for kept in (a_record("lbva", "crash", 0.4), a_record("defaults", "crash", 3.0)):
        kept.write(tmp_path / "runs")
    page = report.write(tmp_path).read_text(encoding="utf-8")
    assert "400 ms" in page
    assert "3.00 s" in page
    for outside in ("src=", "@import", "url(http", '<link rel="stylesheet"'):
        assert outside not in page
    data = json.loads((tmp_path / report.DATA).read_text(encoding="utf-8"))
    assert [run["system"] for run in data["runs"]] == ["defaults", "lbva"]
    assert record.record_of(data["runs"][1]) == a_record("lbva", "crash", 0.4)


def test_a_bench_can_be_restricted(capsys: pytest.CaptureFixture[str]) -> None:
    options = bench.options_of(["--faults", "freeze,crash", "--repeats", "2"])
    done = [
        (system, scenario.name, repeat)
        for system, scenario, repeat in bench.orders(options.faults, options.repeats, 1)
    ]
    assert done == [
        (system, fault, repeat)
        for fault in ("crash", "freeze")
        for system, repeat in (("lbva", 0), ("lbva", 1), ("defaults", 0))
    ]
    with pytest.raises(SystemExit):
        bench.options_of(["--faults", "earthquake"])
    assert "there is no fault earthquake" in capsys.readouterr().err
