"""The figures of a bench, fault by fault, beside keepalived's defaults and what was aimed at. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from harness.failover.analysis import Distribution
from harness.failover.record import Record, System
from harness.failover.scenarios import SCENARIOS, Aim, Scenario


@dataclass(frozen=True)
class Figures:
    """What the clients saw in all runs of one fault; times in seconds, counts over all runs."""

    runs: int
    without_service: Distribution
    undisturbed: Distribution
    registered_again: Distribution | None
    never_registered_again: int
    refused: int
    failed: int
    held_broken: int
    affinity_violations: int
    split: Distribution
    probe_share: float


@dataclass(frozen=True)
class Verdict:
    """One aim, in words, and whether it was reached."""

    text: str
    reached: bool


@dataclass(frozen=True)
class Row:
    """A fault: the appliance's figures, the defaults' if they were measured, and the verdicts."""

    name: str
    title: str
    what: str
    ours: Figures | None
    defaults: Figures | None
    verdicts: list[Verdict]

    @property
    def ratio(self) -> float | None:
        """The appliance's part of the defaults' time without service (95 %)."""
        if self.ours is None or self.defaults is None or not self.defaults.without_service.p95:
            return None
        return self.ours.without_service.p95 / self.defaults.without_service.p95


def rows(records: Sequence[Record]) -> list[Row]:
    """A row for each fault that was measured, in the order of the bench."""
    return [
        _row(scenario, records)
        for scenario in SCENARIOS
        if any(record.fault == scenario.name for record in records)
    ]


def _row(scenario: Scenario, records: Sequence[Record]) -> Row:
    ours = figures([record for record in records if _is(record, "lbva", scenario)])
    defaults = figures([record for record in records if _is(record, "defaults", scenario)])
    row = Row(scenario.name, scenario.title, scenario.what, ours, defaults, [])
    if ours is not None:
        row.verdicts.extend(verdicts(scenario.aim, ours, row.ratio))
    return row


def _is(record: Record, system: System, scenario: Scenario) -> bool:
    return record.system == system and record.fault == scenario.name


def figures(records: Sequence[Record]) -> Figures | None:
    """The figures of runs of the same kind, None when there is none."""
    seen = [record.seen for record in records]
    without_service = Distribution.of(run.without_service_s for run in seen)
    undisturbed = Distribution.of(run.undisturbed_s for run in seen)
    split = Distribution.of(run.split_s for run in seen)
    if without_service is None or undisturbed is None or split is None:
        return None
    again = [run.registered_again_s for run in seen if run.registered_again_s is not None]
    return Figures(
        runs=len(seen),
        without_service=without_service,
        undisturbed=undisturbed,
        registered_again=Distribution.of(again),
        never_registered_again=len(seen) - len(again),
        refused=sum(run.refused for run in seen),
        failed=sum(run.reset + run.timed_out + run.unanswered for run in seen),
        held_broken=sum(run.held_broken for run in seen),
        affinity_violations=sum(run.affinity_violations for run in seen),
        split=split,
        probe_share=max(run.probe_share for run in seen),
    )


def verdicts(aim: Aim, ours: Figures, ratio: float | None) -> list[Verdict]:
    """What was aimed at, and whether it was reached."""
    p95 = ours.without_service.p95
    checks: list[tuple[float | None, Callable[[float], bool], str]] = [
        (aim.p95_s, lambda most: p95 <= most, "95 % within {:g} s"),
        (
            aim.of_defaults if ratio is not None else None,
            lambda most: (ratio or 0.0) <= most,
            "≤ {:g} of defaults",
        ),
        (aim.refused, lambda most: ours.refused <= most, "{:g} refused"),
        (aim.split_s, lambda most: ours.split.max <= most, "split brain ends within {:g} s"),
        (0, lambda most: ours.affinity_violations <= most, "{:g} affinities lost"),
    ]
    return [Verdict(text.format(limit), holds(limit)) for limit, holds, text in checks if limit is not None]
