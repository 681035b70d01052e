"""Faults are undone in reverse, each once, whatever else goes wrong."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar, Self, cast

import pytest

from harness.deadline import Deadline
from harness.errors import LabError
from harness.fault_kinds import KINDS
from harness.faults import Faults
from harness.lab import Lab
from harness.state import Folder

LOG: list[str] = []


@dataclass(frozen=True)
class Hole:
    """A fault in nothing but a list."""

    place: str
    mendable: bool = True
    verb: ClassVar[str] = "hole"

    def touches(self, lab: Lab) -> Sequence[str]:  # noqa: ARG002
        return [self.place]

    def prepared(self, lab: Lab) -> Self:  # noqa: ARG002
        return self

    def begin(self, lab: Lab) -> None:  # noqa: ARG002
        LOG.append(f"begin {self.place}")
        if self.place == "rock":
            raise LabError("rock can't be broken")

    def end(self, lab: Lab, deadline: Deadline) -> None:  # noqa: ARG002
        LOG.append(f"end {self.place}")
        if not self.mendable:
            raise LabError(f"{self.place} can't be mended")


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    """All that Faults itself needs of a lab: its folder."""
    monkeypatch.setitem(KINDS, "hole", Hole)
    LOG.clear()
    return cast("Lab", SimpleNamespace(folder=Folder(tmp_path)))


def test_the_last_one_is_undone_first_and_each_once(lab: Lab) -> None:
    with Faults(lab) as faults:
        undo = faults.begin(Hole("a"))
        faults.begin(Hole("b"))
        faults.begin(Hole("c"))
        undo()
        undo()
    assert LOG == ["begin a", "begin b", "begin c", "end a", "end c", "end b"]


def test_a_failed_undo_hides_neither_the_first_error_nor_the_other_undos(
    lab: Lab, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        with Faults(lab) as faults:
            faults.begin(Hole("a"))
            faults.begin(Hole("b", mendable=False))
            raise KeyError("the first error")

    with caplog.at_level(logging.ERROR), pytest.raises(KeyError, match="the first error"):
        fail()
    assert LOG[-2:] == ["end b", "end a"]
    assert "b can't be mended" in caplog.text


def test_a_failed_undo_is_told_when_nothing_else_failed(lab: Lab) -> None:
    with pytest.raises(LabError, match="b can't be mended"), Faults(lab) as faults:
        faults.begin(Hole("b", mendable=False))


def test_a_fault_that_fails_half_way_is_undone_at_once(lab: Lab) -> None:
    with pytest.raises(LabError, match="rock can't be broken"):
        Faults(lab).begin(Hole("rock"))
    assert LOG == ["begin rock", "end rock"]
    assert Faults(lab).mend() == []


def test_what_one_left_another_mends(lab: Lab) -> None:
    Faults(lab).begin(Hole("a"))
    Faults(lab).begin(Hole("b"))
    with pytest.raises(LabError, match="hole of the same part is active"):
        Faults(lab).begin(Hole("a"))
    assert Faults(lab).mend() == ["hole", "hole"]
    assert LOG == ["begin a", "begin b", "end b", "end a"]
    assert Faults(lab).mend() == []


def test_an_undo_knows_when_it_happened(lab: Lab) -> None:
    first = Faults(lab).begin(Hole("a"))
    second = Faults(lab).begin(Hole("b"))
    assert first.began <= first.acted <= second.began <= second.acted
