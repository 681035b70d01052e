"""The distributions, drawn by matplotlib as SVG that stands in the page."""

import io
from collections.abc import Sequence

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.failover.record import Record
from harness.failover.scenarios import SCENARIOS

OURS, DEFAULTS, AIM = "#1f6f54", "#b4552d", "#5b6878"
_JITTER = 0.22
_LEAST_S = 0.005
"""The scale is logarithmic: what is less than this is drawn here."""


def distribution(records: Sequence[Record]) -> Markup:
    """Each run's time without service as a dot, fault by fault, with the middle one and the aim."""
    scenarios = [scenario for scenario in SCENARIOS if any(r.fault == scenario.name for r in records)]
    # Text stays text, ids are the same each time: two reports of the same figures are equal.
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "lbva", "font.family": "sans-serif"}):
        figure = Figure(figsize=(10.5, 0.72 * len(scenarios) + 1.0), layout="constrained")
        axes = figure.add_subplot()
        for row, scenario in enumerate(scenarios):
            mine = [record for record in records if record.fault == scenario.name]
            for system, colour, offset in (("lbva", OURS, -0.17), ("defaults", DEFAULTS, 0.17)):
                values = [record.seen.without_service_s for record in mine if record.system == system]
                _dots(axes, values, row + offset, colour)
            if scenario.aim.p95_s is not None:
                axes.plot(
                    [scenario.aim.p95_s] * 2, [row - 0.4, row + 0.4], color=AIM, linewidth=1.2, dashes=(3, 2)
                )
        _labels(axes, [scenario.title for scenario in scenarios])
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None}, transparent=True)
    svg = text.getvalue()
    return Markup(svg[svg.index("<svg") :])  # noqa: S704 - matplotlib's own, from our figures


def _dots(axes: Axes, values: Sequence[float], row: float, colour: str) -> None:
    if not values:
        return
    ordered = sorted(max(value, _LEAST_S) for value in values)
    spread = [row + _JITTER * ((number % 5) / 4 - 0.5) for number in range(len(ordered))]
    axes.scatter(ordered, spread, s=22, color=colour, alpha=0.65, linewidths=0, zorder=3)
    middle = ordered[(len(ordered) - 1) // 2]
    axes.plot([middle, middle], [row - 0.16, row + 0.16], color=colour, linewidth=2.2, zorder=4)


def _labels(axes: Axes, titles: Sequence[str]) -> None:
    axes.set_xscale("log")
    axes.set_yticks(range(len(titles)), titles)
    axes.set_ylim(len(titles) - 0.5, -0.5)
    moments = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10]
    axes.set_xticks(moments, [f"{moment:g}" for moment in moments])
    axes.minorticks_off()
    axes.set_xlabel("seconds without service (one dot a run; bar: the middle one; dashes: what 95 % aim at)")
    axes.grid(axis="x", color="#d9dfe5", linewidth=0.7, zorder=0)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(axis="y", length=0)
