"""lbcli on two native appliances: they become a pair, exchange roles, and part."""

import re
from functools import partial
from typing import NamedTuple

import pytest

from lbadmin.client import SOCKET
from tests.image.nodes import PASSWORD, Node
from tests.image.pairs import SERVICE, is_settled, is_single
from tests.image.servers import wait_until
from tests.image.test_lbcli import Lbcli, Said, alone, folder

__all__ = ["alone", "folder"]

DONE_S = 60.0
CREATE = "pair-create --local-ip 192.168.2.21 --peer-ip 192.168.2.22"


class Step(NamedTuple):
    """On which node, a line, what it says (a regular expression) and what is typed."""

    node: str
    line: str
    says: str = ""
    stdin: str = ""


STORY = (
    Step("lb1", CREATE, r"(?s)paired, .*address +192.168.2.21 +192.168.2.22", f"{PASSWORD}\n"),
    Step("lb1", "restart-heartbeat"),
    Step("lb2", "pair-show", r"role +slave +master"),
    Step("lb1", "ha-edit --sensitivity tolerant"),
    Step("lb2", "ha-show", r"sensitivity +tolerant"),
    Step("lb2", "take-over"),
    Step("lb2", "pair-show", r"(?s)role +master +slave.*lb1 +lb2 +\S.* s +take-over"),
    Step("lb2", "hand-over"),
    Step("lb1", "pair-remove --yes"),
)

REFUSED = (
    Step("lb1", CREATE, "192.168.2.22 does not take the password", "Winterschlaf-3\n"),
    Step("lb1", "take-over", "pair"),
    Step("lb1", "pair-remove --yes", "this node is in no pair"),
)


@pytest.fixture
def at(alone: Lbcli, two_nodes: tuple[Node, Node], monkeypatch: pytest.MonkeyPatch) -> Lbcli:
    """Run lbcli as root of a node: at("lb1", "pair-show")."""
    by_name = {node.name: node for node in two_nodes}

    def run(node: str, line: str, stdin: str = "") -> Said:
        monkeypatch.setenv("LBADMIN_SOCKET", str(by_name[node].path(SOCKET)))
        return alone(line, stdin)

    return run


def says(at: Lbcli, step: Step) -> bool:
    """Tell whether a step says what it should."""
    return re.search(step.says, at(step.node, step.line).out) is not None


def test_a_pair_is_made_moved_and_broken(at: Lbcli, two_nodes: tuple[Node, Node]) -> None:
    two_nodes[0].rest("POST", "/layer7/virtual-services", SERVICE)
    for step in STORY:
        if step.line.startswith("pair-remove"):
            assert "nothing to resolve" in at("lb1", "pair-resolve --keep this").err
        if step.line.endswith("-show"):
            # What one node did is told to the other a moment later.
            wait_until(partial(says, at, step), DONE_S, f"{step.line} says {step.says}")
            continue
        said = at(step.node, step.line, step.stdin)
        assert (said.status, said.err) == (0, ""), f"{step.line}: {said}"
        assert re.search(step.says, said.out), f"{step.line} said {said.out}"
        assert PASSWORD not in said.out
        if step.line in {"restart-heartbeat", "take-over", "hand-over"}:
            wait_until(lambda: is_settled(*two_nodes), DONE_S, f"the pair has settled after {step.line}")
    wait_until(lambda: all(is_single(node) for node in two_nodes), DONE_S, "both are single")


def test_what_a_pair_can_not_do_is_refused_in_one_line(at: Lbcli, two_nodes: tuple[Node, Node]) -> None:
    for step in REFUSED:
        status, out, error = at(step.node, step.line, step.stdin)
        assert (status, out) == (1, ""), step.line
        assert step.says in error
        assert error.count("\n") == 1
        assert "Winterschlaf" not in error
    assert all(is_single(node) for node in two_nodes)
