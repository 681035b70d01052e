"""What is made of what was seen: memory, the end of a held run, iperf3's words."""

import json
from pathlib import Path

import pytest

from harness.errors import LabError
from loadtests.dataplane.bulk import mbit_per_s
from loadtests.dataplane.held import step_of
from loadtests.dataplane.holders import PER_PROCESS, USERS_APART, shares
from loadtests.dataplane.results import REACHED, Held, Results, Sort, Step, end_of, memory_of
from loadtests.dataplane.rig import ports_of
from loadtests.dataplane.turn import address_of

MEMINFO = """MemTotal:        2048000 kB
MemFree:          100000 kB
MemAvailable:    1024000 kB
HugePages_Total:       0
"""


def test_memory_in_use_is_what_can_not_be_had() -> None:
    memory = memory_of(MEMINFO)
    assert (memory.used_mib, memory.available_mib) == (1000.0, 1000.0)


@pytest.mark.parametrize(
    ("held", "failed", "available_mib", "end"),
    [
        (1000, {}, 800.0, None),
        (40_000, {}, 800.0, REACHED),
        (40_000, {}, 10.0, REACHED),
        (20_000, {}, 95.0, "memory ran out: 95 MiB were left"),
        (20_000, {"refused": 2, "no-answer": 1}, 800.0, "new connections failed: 1 no-answer, 2 refused"),
        (39_999, {"timeout": 1}, 10.0, "new connections failed: 1 timeout"),
    ],
)
def test_a_held_run_goes_on_until_all_are_held_or_something_gives(
    held: int, failed: dict[str, int], available_mib: float, end: str | None
) -> None:
    assert end_of(40_000, held, failed, available_mib) == end


def test_connections_are_opened_in_steps_until_exactly_all_are() -> None:
    for wanted in (1, 250, 1_001, 40_000):
        held = 0
        while held < wanted:
            held += step_of(wanted, held)
        assert held == wanted
    assert step_of(40_000, 0) == 1_000


def test_memory_a_connection_is_the_growth_since_the_balancer_started() -> None:
    steps = (Step(0, 300.0, 1700.0, 0.0), Step(512, 305.0, 1695.0, 2.0), Step(1024, 310.0, 1690.0, 4.0))
    held = Held("pen", 1024, 260.0, steps, REACHED, 1024)
    assert (held.held, held.started_mib, held.kib_per_connection) == (1024, 40.0, 10.0)


def test_the_memory_that_a_dead_balancer_gave_back_is_no_connections() -> None:
    steps = (
        Step(0, 300.0, 1700.0, 0.0),
        Step(1024, 310.0, 1690.0, 4.0),
        Step(1030, 280.0, 1720.0, 5.0, failed=7),
    )
    held = Held("haproxy", 4096, 260.0, steps, "new connections failed: 7 reset", 0)
    assert (held.opened, held.held, held.kib_per_connection) == (1030, 0, 10.0)


def test_a_run_that_held_nothing_has_no_memory_a_connection() -> None:
    assert Held("pen", 10, 260.0, (), "the machine gave up").kib_per_connection is None
    assert Held("pen", 10, 260.0, (Step(0, 300.0, 1700.0, 0.0),), "refused").kib_per_connection is None


def test_holders_get_equal_shares() -> None:
    assert shares(1000, 3) == [334, 333, 333]
    assert sum(shares(40_000, 4)) == 40_000
    assert shares(2, 4) == [1, 1, 0, 0]


def test_no_two_held_connections_come_from_the_same_address() -> None:
    assert USERS_APART > PER_PROCESS
    assert address_of(0) == "10.1.0.1"
    assert address_of(5 * USERS_APART - 1).startswith("10.1.")


def test_the_rate_is_what_the_receiver_has_received() -> None:
    ends = {"sum_sent": {"bits_per_second": 9e8}, "sum_received": {"bits_per_second": 8.5e8}}
    assert mbit_per_s(json.dumps({"end": ends})) == 850.0


def test_iperf3s_own_words_are_the_error() -> None:
    said = '{"start": {}, "error": "unable to connect to server: Connection refused"}'
    with pytest.raises(LabError, match="Connection refused"):
        mbit_per_s(said)


@pytest.mark.parametrize(
    "said", ["", "iperf3: parameter error", "{}", "[]", '{"end": {"sum_received": null}}']
)
def test_what_iperf3_does_not_say_is_no_rate(said: str) -> None:
    with pytest.raises(LabError, match="can't be read"):
        mbit_per_s(said)


def test_listeners_are_known_by_their_port() -> None:
    listeners = "LISTEN 0 4096 192.0.2.30:5060 0.0.0.0:*\nLISTEN 0 4096 192.0.2.30:5061 0.0.0.0:*\n\n"
    assert ports_of(listeners) == {5060, 5061}


def test_results_are_kept_as_json(tmp_path: Path) -> None:
    results = Results([Sort("lbva", "LBVA", "what")], "2026-11-23", 2, 2048, 1000)
    results.held.append(Held("lbva", 1000, 1.0, (Step(0, 2.0, 3.0, 0.0),), "ended by hand"))
    results.write(tmp_path / "out")
    kept = json.loads((tmp_path / "out" / "dataplane.json").read_text(encoding="utf-8"))
    assert kept["held"][0]["steps"] == [
        {"held": 0, "used_mib": 2.0, "available_mib": 3.0, "at_s": 0.0, "failed": 0}
    ]
