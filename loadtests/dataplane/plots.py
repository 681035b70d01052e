"""The figures drawn by matplotlib: as SVG for the page, as PNG for everywhere else."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from loadtests.dataplane.results import Kind, Results
from loadtests.dataplane.summary import median_rate

COLOURS = {"lbva": "#1f6f54", "haproxy": "#b4552d", "nginx": "#3d6fa8", "pen": "#9c6d0d"}
_LINE, _SOFT = "#d9dfe5", "#5b6878"
_PANELS: tuple[tuple[Kind, str], ...] = (
    ("connections", "new connections a second, 5060"),
    ("sign-ins", "sign-ins a second through TLS, 5061"),
    ("bulk", "bulk throughput, Mbit/s"),
)
# Text stays text, ids are the same each time: two reports of the same figures are equal.
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "lbva",
    "font.family": "sans-serif",
    "font.size": 9,
}


def draw(results: Results, folder: Path) -> dict[str, Markup]:
    """Draw what was measured, `rates` and `memory`: as PNG into the folder, and returned as SVG."""
    drawn = {}
    with mpl.rc_context(_STYLE):
        if results.turns:
            drawn["rates"] = _keep(rates(results), folder / "rates.png")
        if any(held.steps for held in results.held):
            drawn["memory"] = _keep(memory(results), folder / "memory.png")
    return drawn


def rates(results: Results) -> Figure:
    """A bar a balancer in each of the three panels, as high as the middle turn, with each turn as a dot."""
    figure = Figure(figsize=(10.5, 2.6), layout="constrained")
    names = [balancer.name for balancer in results.balancers]
    titles = [balancer.title.replace(", ", ",\n") for balancer in results.balancers]
    for axes, (kind, title) in zip(figure.subplots(1, len(_PANELS)), _PANELS, strict=True):
        for place, name in enumerate(names):
            colour = COLOURS[name]
            axes.barh(place, median_rate(results.turns, name, kind) or 0.0, 0.62, color=colour, alpha=0.85)
            turns = [turn.rate for turn in results.turns if turn.balancer == name and turn.kind == kind]
            axes.scatter(turns, [place] * len(turns), s=12, color="#1d2733", linewidths=0, zorder=3)
        axes.set_title(title, fontsize=9, color=_SOFT, loc="left")
        axes.set_yticks(range(len(names)), titles if kind == _PANELS[0][0] else [""] * len(names))
        axes.invert_yaxis()
        axes.set_xlim(left=0)
        _plain(axes, "x")
    return figure


def memory(results: Results) -> Figure:
    """The growth of the memory in use over the number of connections held, a line a balancer."""
    figure = Figure(figsize=(10.5, 3.6), layout="constrained")
    axes = figure.add_subplot()
    titles = {balancer.name: balancer.title for balancer in results.balancers}
    for held in results.held:
        growth = [step.used_mib - held.without_mib for step in held.steps]
        counts: Sequence[int] = [step.held for step in held.steps]
        colour = COLOURS[held.balancer]
        axes.plot(
            counts, growth, color=colour, linewidth=1.8, marker=".", markersize=4, label=titles[held.balancer]
        )
    axes.set_xlabel("connections held")
    axes.set_ylabel("MiB more than without the balancer")
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0)
    figure.legend(frameon=False, loc="outside upper left", ncols=len(results.held))
    _plain(axes, "both")
    return figure


def _plain(axes: Axes, grid: str) -> None:
    axes.grid(axis="x" if grid == "x" else "both", color=_LINE, linewidth=0.7, zorder=0)
    axes.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(length=0)


def _keep(figure: Figure, png: Path) -> Markup:
    """Write the picture as PNG and return it as SVG."""
    figure.savefig(png, format="png", dpi=150, metadata={"Software": None})
    text = io.StringIO()
    figure.savefig(text, format="svg", metadata={"Date": None}, transparent=True)
    svg = text.getvalue()
    return Markup(svg[svg.index("<svg") :])  # noqa: S704 - matplotlib's own, from our figures
