"""Draws the pictures of docs/scale.md; the results of the simulation come on stdin as JSON.

python -m benchmarks.children.plot_fleet FOLDER

Runs in an environment that has matplotlib.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from benchmarks.children.pictures import INK, plt, save

_COLOURS = ("#b5483a", "#1f8a4c", "#3a6ea5")


def fleets(results: dict[str, Any], folder: Path) -> None:
    """Throttled share and delay by size, a column for each way that invocations come."""
    kinds = list(results["fleet"])
    figure, panels = plt.subplots(2, len(kinds), sharex=True, sharey="row", figsize=(10.4, 4.6))
    for column, kind in enumerate(kinds):
        for colour, (name, rows) in zip(_COLOURS, results["fleet"][kind].items(), strict=True):
            sizes = [row["environments"] for row in rows]
            style = {"color": colour, "linewidth": 1.1, "marker": "o", "markersize": 2.5}
            share = [100 * row["throttled_share"] for row in rows]
            panels[0][column].plot(sizes, share, label=name, **style)
            panels[1][column].plot(sizes, [row["delay_mean"] for row in rows], **style)
        panels[0][column].set_title(kind, fontsize=9)
        panels[0][column].set_xscale("log")
        panels[1][column].set_yscale("log")
        panels[1][column].set_xticks([10, 1_000, 100_000], ["10", "1,000", "100,000"])
    panels[0][0].set_ylabel("calls throttled, %")
    panels[1][0].set_ylabel("mean delay, s")
    panels[1][0].set_yticks([0.1, 1, 10, 100], ["0.1", "1", "10", "100"])
    handles, labels = panels[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="upper center", ncols=3, frameon=False)
    figure.supxlabel("environments", fontsize=8)
    figure.tight_layout(rect=(0, 0, 1, 0.94))
    _save(figure, list(panels.flat), folder / "fleet.svg")


def outage(results: dict[str, Any], folder: Path) -> None:
    """Calls a second through an outage, beside the quota of one stream."""
    figure, panel = plt.subplots(figsize=(8.4, 3.0))
    for colour, (name, row) in zip(_COLOURS, results["outage"].items(), strict=True):
        calls = row["calls_by_second"]
        panel.plot([5 * n for n in range(len(calls))], calls, label=name, color=colour, lw=1)
    quota = next(iter(results["outage"].values()))["quota"]
    panel.axhline(quota, color="#888888", linewidth=0.8, linestyle="--")
    panel.annotate("quota of one stream", (1_200, quota), (0, 3), textcoords="offset points",
                   ha="right", color=INK)  # fmt: skip
    panel.axvspan(60, 660, color="#888888", alpha=0.15, linewidth=0)
    panel.set_xlabel("seconds; grey: the service is away")
    panel.set_ylabel("calls a second")
    panel.set_ylim(0)
    panel.legend(frameon=False, loc="upper right")
    figure.tight_layout()
    _save(figure, [panel], folder / "fleet-outage.svg")


def _save(figure: Any, panels: list[Any], file: Path) -> None:
    for panel in panels:
        panel.grid(color="#888888", alpha=0.25, linewidth=0.5)
    save(figure, panels, file)


def main(folder: Path) -> None:
    """Write both."""
    results = json.load(sys.stdin)
    fleets(results, folder)
    outage(results, folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
