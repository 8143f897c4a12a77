"""Draws charts of horizontal bars in groups, or of curves; they come on stdin as JSON.

python -m benchmarks.children.plot FOLDER

Runs in an environment that has matplotlib.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from benchmarks.children.pictures import INK, plt, save

_OURS = ("#1f8a4c", "#57b37c", "#8fcea8", "#c0e3cd")
_THEIRS = ("#6b7f99", "#8fa0b5", "#aab7c7", "#c5ced9")


def draw(chart: dict[str, Any], folder: Path) -> None:
    """Write one picture."""
    figure, axes = (_curves if "curves" in chart else _bars)(chart)
    axes.set_xlabel(chart["axis"])
    axes.set_title(chart["title"], fontsize=10, loc="left")
    figure.tight_layout()
    save(figure, [axes], folder / f"{chart['file']}.svg")


def _bars(chart: dict[str, Any]) -> tuple[Any, Any]:
    bars, series = chart["bars"], chart["series"]
    figure, axes = plt.subplots(figsize=(8.4, 0.7 + len(bars) * (0.16 + 0.15 * len(series))))
    thickness = 0.8 / len(series)
    most = max(value[2] for bar in bars for value in bar["values"] if value)
    for row, bar in enumerate(bars):
        for number, value in enumerate(bar["values"]):
            if value is None:
                continue
            place = row + (number - (len(series) - 1) / 2) * thickness
            median, low, high = value
            axes.barh(
                place,
                median,
                thickness * 0.92,
                color=(_OURS if bar["ours"] else _THEIRS)[number],
                xerr=[[max(0.0, median - low)], [max(0.0, high - median)]] if high > low else None,
                error_kw={"ecolor": INK, "elinewidth": 0.8, "capsize": 1.5},
            )
            axes.text(
                max(high, 0) + most * 0.01,
                place,
                f"{median:,.{chart.get('digits', 1)}f}",
                va="center",
                fontsize=7,
                color=INK,
            )
    axes.set_yticks(range(len(bars)), [bar["name"] for bar in bars])
    axes.invert_yaxis()
    axes.margins(x=0.08)
    if len(series) > 1:
        patches = [plt.Rectangle((0, 0), 1, 1, color=_THEIRS[n]) for n in range(len(series))]
        axes.legend(patches, series, frameon=False, loc="upper right", fontsize=8)
    return figure, axes


def _curves(chart: dict[str, Any]) -> tuple[Any, Any]:
    figure, axes = plt.subplots(figsize=(8.4, 3.2))
    across: tuple[float, ...] = ()
    for curve in chart["curves"]:
        across, up = zip(*curve["points"], strict=True)
        colour = _OURS[0] if curve["ours"] else _THEIRS[0]
        axes.plot(across, up, marker="o", markersize=3, linewidth=1.2, color=colour)
        for x, y in curve["points"]:
            axes.annotate(
                f"{y:,.2f}", (x, y), (0, 4), textcoords="offset points", ha="center", fontsize=7,
                color=INK,
            )  # fmt: skip
        axes.annotate(
            curve["name"], curve["points"][-1], (10, -2), textcoords="offset points", color=INK
        )
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_xticks(across, [f"{x:,.0f}" for x in across])
    axes.set_yticks([0.1, 1, 10], ["0.1", "1", "10"])
    axes.minorticks_off()
    axes.margins(y=0.12)
    return figure, axes


def main(folder: Path) -> None:
    """Write all pictures."""
    for chart in json.load(sys.stdin):
        draw(chart, folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
