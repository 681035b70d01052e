"""Power cuts of either node at random moments: afterwards both are paired and in sync, or cleanly single.

`LBVA_SEED` is where the moments come from; it is printed.
"""

import contextlib
import os
import random
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lbadmin.client import Answer, RequestError
from tests.image.nodes import Node, appliances
from tests.image.pairs import (
    SERVICE,
    VIP,
    is_settled,
    is_single,
    master_and_slave,
    pair_up,
    view,
    wait_until_settled,
    wish,
)
from tests.image.servers import wait_until

Nodes = tuple[Node, Node]
SEED = int(os.environ.get("LBVA_SEED", "0")) or random.SystemRandom().randrange(1, 1_000_000)
LATEST_S = 2.5
"""Pairing takes about two seconds here, changes and breaking less."""
AFTER_S = 60.0
CUTS = pytest.mark.parametrize(
    "cuts",
    [
        pytest.param(7, marks=pytest.mark.timeout(900)),
        pytest.param(60, marks=[pytest.mark.nightly, pytest.mark.timeout(5400)]),
    ],
)


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory, software: Path) -> Iterator[Nodes]:
    """lb1 with the guide's service, and lb2."""
    with appliances(tmp_path_factory.mktemp("nodes"), software, 21, 22) as (one, other):
        answer = one.rest("POST", "/layer7/virtual-services", SERVICE)
        assert answer.status == 201, answer.body
        yield one, other


def cut_while(act: Callable[[], Answer], victims: list[Node], after_s: float) -> int | None:
    """Begin something, cut the victims' power after that time, and switch them on again.

    Return the status that was answered, None when the answer was cut off.
    """
    moment = threading.Event()
    statuses: list[int] = []
    done = threading.Thread(target=_act, args=(act, statuses))
    done.start()
    moment.wait(after_s)
    for victim in victims:
        victim.kill()
    for victim in victims:
        victim.start()
    for victim in victims:
        victim.wait_until_up()
    done.join(AFTER_S)
    assert not done.is_alive(), "what was begun has ended"
    return next(iter(statuses), None)


def _act(act: Callable[[], Answer], statuses: list[int]) -> None:
    with contextlib.suppress(RequestError, OSError, RuntimeError, ValueError):
        statuses.append(act().status)


def is_whole(nodes: Nodes) -> bool:
    """Tell whether both are paired and in sync, or both are cleanly single."""
    return is_settled(*nodes) or all(_is_clean(node) for node in nodes)


def _is_clean(node: Node) -> bool:
    try:
        return is_single(node)
    except (RequestError, OSError, RuntimeError):
        return False


def wait_until_whole(nodes: Nodes, what: str) -> None:
    # The heartbeat of a pair that was cut short before it was restarted has yet to be.
    def check() -> bool:
        for node in nodes:
            seen = view(node)
            if seen.get("restart_heartbeat") and seen.get("state") == "paired":
                node.rest("POST", "/services/heartbeat/restart")
        return is_whole(nodes)

    try:
        wait_until(check, AFTER_S)
    except AssertionError:
        raise AssertionError(f"{what}: neither paired nor single: {[view(node) for node in nodes]}") from None
    wait_until(lambda: [node.has_address(VIP) for node in nodes].count(True) == 1, what=f"{what}: one serves")


def labels(node: Node) -> list[Any]:
    return [each["label"] for each in node.get("/config")["virtual_services"]]


def cases(kind: str, cuts: int) -> Iterator[tuple[str, list[int], float]]:
    """Yield which nodes lose their power, and when: often early, while most is decided."""
    dice = random.Random(f"{SEED} {kind}")  # noqa: S311 - moments, no secrets
    for number in range(cuts):
        victims = dice.choice([[0], [1], [0], [1], [0, 1]])
        after_s = LATEST_S * dice.random() ** 1.5
        what = f"{kind} {number} of seed {SEED}: {victims} after {after_s:.3f} s"
        print(what)
        yield what, victims, after_s


@CUTS
def test_power_cuts_while_pairing(nodes: Nodes, cuts: int) -> None:
    for what, victims, after_s in cases("pairing", cuts):
        one, other = nodes
        if view(one)["state"] != "single":
            broken = master_and_slave(nodes)[0].rest("DELETE", "/pair")
            assert broken.body["state"] == "single", broken.body
            wait_until_whole(nodes, f"before {what}")
        one, other = (one, other) if labels(one) else (other, one)
        cut_while(lambda: one.rest("POST", "/pair", wish(one, other)), [nodes[v] for v in victims], after_s)  # noqa: B023 - called at once
        wait_until_whole(nodes, what)
        assert labels(one) == ["OCS-Front-End"], what
        assert labels(other) == (labels(one) if view(other)["state"] == "paired" else []), what


@CUTS
def test_power_cuts_while_replicating(nodes: Nodes, cuts: int) -> None:
    if view(nodes[0])["state"] == "single":
        pair_up(*(nodes if labels(nodes[0]) else nodes[::-1]))
    for number, (what, victims, after_s) in enumerate(cases("replicating", cuts)):
        wait_until_settled(*nodes)
        master = master_and_slave(nodes)[0]
        label = f"cut-{cuts}-{number}"
        service = {**SERVICE, "label": label, "ports": [6_000 + 100 * cuts + number]}

        def add() -> Answer:
            return master.rest("POST", "/layer7/virtual-services", service)  # noqa: B023 - called at once

        status = cut_while(add, [nodes[v] for v in victims], after_s)
        wait_until_settled(*nodes)
        assert labels(nodes[0]) == labels(nodes[1]), what
        assert status != 201 or label in labels(nodes[0]), f"{what}: what was acknowledged is lost"
        if label not in labels(nodes[0]):
            answer = master_and_slave(nodes)[0].rest("POST", "/layer7/virtual-services", service)
            assert answer.status == 201, (what, answer.body)


@CUTS
def test_power_cuts_while_breaking(nodes: Nodes, cuts: int) -> None:
    for what, victims, after_s in cases("breaking", cuts):
        if view(nodes[0])["state"] == "single":
            pair_up(*(nodes if labels(nodes[0]) else nodes[::-1]))
        wait_until_settled(*nodes)
        before = labels(nodes[0])
        master, slave = master_and_slave(nodes)
        cut_while(lambda: master.rest("DELETE", "/pair"), [nodes[v] for v in victims], after_s)  # noqa: B023 - called at once
        wait_until_whole(nodes, what)
        if view(master)["state"] == "single":
            assert (labels(master), labels(slave)) == (before, []), what
        else:
            assert labels(master) == labels(slave) == before, what
