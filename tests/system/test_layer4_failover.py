"""Established connections of every method live through a failover: the short form of `make bench-layer4`."""

from collections.abc import Iterator

import pytest

from harness import report
from harness.deadline import Deadline
from harness.failover import lived
from harness.failover.bench import SETTLE_S
from harness.failover.layer4 import FAULTS, Bench, Crowd
from harness.layer4 import METHODS
from harness.pair import NAMES, READY, Pair

CROWD = Crowd(connections=200, flows=10)
SENSITIVITY = "tolerant"
"""Machines that run tests are busy: where an emulated one gets no processor, failing over is right."""


@pytest.fixture(scope="module")
def bench(paired: Pair, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    paired.restore(READY, Deadline(SETTLE_S))
    paired.wait_until_settled(Deadline(SETTLE_S))
    ready = Bench(paired, tmp_path_factory.mktemp("layer4"), SENSITIVITY, CROWD)
    with ready.set_up():
        yield ready


@pytest.mark.parametrize("fault", FAULTS)
def test_established_connections_of_every_method_live_on(bench: Bench, fault: str) -> None:
    run = bench.run(fault, tuple(METHODS), "all", 0)
    rows = lived.rows([run])
    print(lived.table(rows))
    wanted = {method.title: CROWD.connections for method in METHODS.values()}
    wanted |= {f"{method.title} over UDP": CROWD.flows for method in METHODS.values()}
    assert {row.group: row.connections for row in rows} == {**wanted, lived.LAYER_7: CROWD.connections}
    assert [row.group for row in rows if not row.reached] == []
    survivor = next(name for name in NAMES if name != run.master)
    assert report.known_bad_lines(bench.lab.machine(survivor).console_text()) == []
